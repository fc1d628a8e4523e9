"""The question before the app is left while something runs."""

from __future__ import annotations

from collections.abc import Sequence

from tui.dialogs.dialog import Dialog
from tui.jobs import Job, JobKind
from tui.text import count, lines, plain

# Jobs that are ended without a question: they are begun anew whenever their screen is looked at.
UNASKED: tuple[JobKind, ...] = ("preview", "versions")
# What becomes of any other job when the app is left.
_AGAIN = "What is made stays; the next start shows how far it is, and goes on from there."
AFTERWARDS: dict[JobKind, str] = {
    "setup": _AGAIN,
    "server": "A server that is not up yet is ended; the next start can start it.",
    "sync": f"Label Studio goes on with what it was asked. {_AGAIN}",
    "surplus": "Looking changes nothing.",
    "repair": "Tasks that are removed stay so; repairing again removes the others.",
    "export": "The dataset stays as it was before.",
    "rewrite": "Label Studio goes on writing to the folder.",
    "report": "No page is written.",
    "plan": "Your hooks are ended; nothing was published.",
    "publish": "Scores that are written stay; publishing again completes them.",
    "undo": "Scores that are taken back stay so; doing it again completes it.",
    "replay": "Comparing begins anew; nothing is changed by it.",
    "suspects": "Looking changes nothing.",
}


def leaving_dialog(running: Sequence[Job]) -> Dialog:
    """What runs, what becomes of it, and what goes on without the app."""
    names = ", ".join(job.title.lower() for job in running)
    parts = [f"{count(len(running), 'job')} running: {names}.", ""]
    parts += dict.fromkeys(AFTERWARDS[job.kind] for job in running)
    parts += ["", "A Label Studio that runs goes on without the app."]
    text = lines([plain(part) for part in parts])
    return Dialog("Leave?", text, yes="leave", no="stay")
