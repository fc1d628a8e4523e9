"""What is copied goes to the user's clipboard, and into a file for terminals that have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import LabelpilotError
from core.own_files import make_own, open_own

if TYPE_CHECKING:
    from pathlib import Path

    from core.workspace.settings import Workspace


def keep_copy(text: str, workspace: Workspace | None) -> Path | None:
    """Write `text` to the file beside the logs, and return its path; None where that cannot be."""
    if workspace is None:
        return None
    file = workspace.state.logs / "copied.txt"
    try:
        workspace.state.make()
        make_own(file.parent)
        with open_own(file, "wb") as kept:
            kept.write(text.encode("utf-8", "replace"))
    except (OSError, LabelpilotError):
        return None
    return file
