"""Where a workspace stands, by what is kept on the disk: looked at again and again, so cheaply."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from core.learning.rounds.ledger import rounds_stamp
from core.tasks.session import last_sync
from core.workspace.settings import Workspace

# Looking at each annotation costs with their number: after so many times what it took, it may be
# done again.
PATIENCE = 50.0


@dataclass(frozen=True, slots=True)
class Standing:
    """When the last sync began and the dataset was written last, in seconds since 1970; None where
    it was not. `newer` says that labels have come to the annotation folder, or changed, since.
    `rounds` changes whenever a round is published or taken back, by whichever process."""

    synced: float | None = None
    exported: float | None = None
    newer: bool = False
    rounds: tuple[tuple[str, int], ...] = ()


class StandingWatch:
    """Looks at workspaces. It raises nothing: what cannot be seen is not there."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        # What was looked at, whether anything in it was newer, and from when on it may be again.
        self._looked: tuple[object, bool, float] = (None, False, 0.0)

    def look(self, workspace: Workspace) -> Standing:
        annotations = workspace.annotations
        exported, came = _changed(annotations.dataset), _changed(annotations.path)
        newer = came is not None and exported is not None and came > exported
        if came is not None and exported is not None and not newer:
            newer = self._any_newer(annotations.path, exported)
        return Standing(last_sync(workspace), exported, newer, rounds_stamp(workspace))

    def _any_newer(self, folder: os.PathLike[str], than: float) -> bool:
        """Whether a file was written anew since: its folder does not show that."""
        asked, (known, newer, again) = (folder, than), self._looked
        began = self._clock()
        if asked != known or (not newer and began >= again):
            newer = _holds_newer(folder, than)
            ended = self._clock()
            self._looked = (asked, newer, ended + PATIENCE * (ended - began))
        return newer


def _holds_newer(folder: os.PathLike[str], than: float) -> bool:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return any(entry.stat().st_mtime > than for entry in entries if entry.name[0] != ".")
    return False


def _changed(path: os.PathLike[str]) -> float | None:
    with contextlib.suppress(OSError):
        return os.stat(path).st_mtime
    return None
