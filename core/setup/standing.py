"""Where a workspace stands, by what is kept on the disk: looked at for next to nothing."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass

from core.tasks.session import last_sync
from core.workspace.settings import Workspace


@dataclass(frozen=True, slots=True)
class Standing:
    """When the last sync began and the dataset was written last, in seconds since 1970; None where
    it was not. `newer` says that labels have come to the annotation folder since."""

    synced: float | None = None
    exported: float | None = None
    newer: bool = False


def look_at_standing(workspace: Workspace) -> Standing:
    """Raises nothing: what cannot be seen is not there."""
    annotations = workspace.annotations
    exported, came = _changed(annotations.dataset), _changed(annotations.path)
    newer = came is not None and exported is not None and came > exported
    return Standing(last_sync(workspace), exported, newer)


def _changed(path: os.PathLike[str]) -> float | None:
    with contextlib.suppress(OSError):
        return os.stat(path).st_mtime
    return None
