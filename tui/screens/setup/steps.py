"""The lines of the checklist: what was found of each step, and which one is being done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.content import Content

from tui.job_kinds import ANNOTATE, SERVER, SYNC, JobKind
from tui.text import plain, spinner

if TYPE_CHECKING:
    from core.setup.context import Step
    from tui.jobs import Job
    from tui.state import WorkspaceState

# Glyph, word and colour: never colour alone.
FACES: dict[str, tuple[str, str, str]] = {
    "done": ("✓", "done", "$text-success"),
    "part": ("!", "part", "$text-warning"),
    "to do": ("·", "to do", "$foreground"),
    "wrong": ("✗", "wrong", "$text-error"),
    "waiting": (" ", "waits", "$muted"),
    "skipped": ("-", "skipped", "$muted"),
    "doing": ("", "doing", "$primary"),
    "": (" ", "…", "$muted"),
}


def step_line(step: Step, state: WorkspaceState, job: Job[Any] | None, *, narrow: bool) -> Content:
    """One step: a sign, a word, its title, and what was found."""
    report = state.reports.get(step.id)
    doing = job is not None and step_of(job.kind, job.progress.stage) == step.id
    glyph, word, colour = FACES["doing" if doing else report.state if report else ""]
    if doing:
        glyph = spinner()
    elif step is first_look(state):
        glyph, word = spinner(), "looks"
    marked = f"{glyph} {word:<6}" if narrow else f" {glyph} {word:<7}"
    # What was found before it is done is not what will be.
    detail = plain(report.detail if report and not doing else "", "$muted")
    return Content.assemble((marked, colour), (f"{step.title:<16}", "$foreground"), detail)


def first_look(state: WorkspaceState) -> Step | None:
    """The step that is being looked at for the first time."""
    steps = state.steps if state.checking and state.workspace is not None else ()
    return next((step for step in steps if step.id not in state.reports), None)


def step_of(kind: JobKind[Any], stage: str) -> str:
    """The step that a running job is at; empty for a job that is none of them."""
    if kind is SERVER:
        return "server"
    if kind is ANNOTATE:
        return ""
    return "images" if kind is SYNC or stage in ("scan", "import", "proof") else stage
