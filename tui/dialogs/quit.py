"""The question before the app is left while something runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tui.dialogs.dialog import Dialog
from tui.jobs import Job
from tui.text import count, lines, plain


def quit_dialog(running: Sequence[Job[Any]]) -> Dialog:
    """What runs, what becomes of it, and what goes on without the app."""
    names = ", ".join(job.title.lower() for job in running)
    parts = [f"{count(len(running), 'job')} running: {names}.", ""]
    parts += dict.fromkeys(job.kind.when_left for job in running)
    parts += ["", "A Label Studio that runs goes on without the app."]
    text = lines([plain(part) for part in parts])
    return Dialog("Leave?", text, yes="leave", no="stay")
