"""What is copied goes to the user's clipboard, and into a file for terminals that have none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import LabelpilotError

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
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.write_text(text, encoding="utf-8", errors="replace")
    except (OSError, LabelpilotError):
        return None
    return file
