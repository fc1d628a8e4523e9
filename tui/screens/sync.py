"""Sync: images to tasks, as it goes, and the proof at its end."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from tui.jobs import Job, JobKind
from tui.keys import Key, Place, bindings
from tui.screens.dialogs import sentence
from tui.screens.section import Section
from tui.widgets.joblog import JobLog
from tui.widgets.said import Said
from tui.widgets.work import WorkPanel
from tui.words import duration, harmless, plain


class SyncScreen(Section):
    """Shows the last sync and what is known without one."""

    PLACE: ClassVar[Place] = "sync"
    JOBS: ClassVar[tuple[JobKind, ...]] = ("sync",)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("sync")]

    def body(self) -> ComposeResult:
        yield Static(plain("Images to tasks", "bold"), id="heading")
        yield WorkPanel(notes=0)
        yield Said(id="found")
        yield JobLog()

    def show(self) -> None:
        job = self.job
        running = job is not None and job.running
        self.query_one("#heading").display = not running
        self.query_one(WorkPanel).show(job if running else None)
        self.query_one("#found", Said).say(self._found(job))
        log = self.query_one(JobLog)
        log.display = job is not None and job.noted > 0
        self.keep_focus(log)
        log.follow(job)

    def _found(self, job: Job | None) -> list[Content | str]:
        same = plain("same as: labelpilot sync", "$muted")
        if job is not None and job.running:
            words = "Label Studio goes on with what it was asked when we stop waiting."
            return ["", plain(words, "$muted"), same]
        if job is not None and job.outcome == "failed" and job.error is not None:
            parts: list[Content | str] = [plain(sentence(job.error), "bold $text-error")]
            cause = getattr(job.error, "cause", "")
            parts += [plain(line) for line in cause.splitlines()[:3]]
            words = "r goes on from where it stopped, enter tells the whole"
            return [*parts, "", plain(words, "$muted")]
        if job is not None and job.outcome == "stopped":
            words = (
                f"Stopped after {duration(job.elapsed)}. What was made stays; r goes on from there."
            )
            return [plain(words, "$text-warning"), "", same]
        if job is not None and job.result is not None:
            complete = getattr(job.result, "complete", True)
            style = "bold $text-success" if complete else "bold $text-warning"
            return [plain(f"{job.result}.", style), "", *self._next(complete), same]
        return [*self._before(), "", same]

    def _before(self) -> list[Content | str]:
        report = self.pilot.seen.reports.get("images")
        if report is None:
            return [self.no_workspace if self.workspace is None else "Looking …"]
        style = "$text-success" if report.state == "done" else "$foreground"
        words = {
            "done": "A sync looks again, and proves it.",
            "waiting": "Setup comes first: press 1, then a.",
        }.get(report.state, "enter makes a task of each image that has none.")
        return [plain(harmless(report.detail).capitalize(), style), plain(words, "$muted")]

    def _next(self, complete: bool) -> list[Content | str]:
        if complete:
            return ["b labels them in the browser; 3 exports what is labeled.", ""]
        return ["r makes what is missing; L shows what the server says.", ""]

    def why_not(self, action: str) -> str | None:
        if (reason := super().why_not(action)) is not None:
            return reason
        job = self.job
        if action in ("sync", "retry") and (job is None or job.outcome != "failed"):
            busy = self.pilot.jobs.in_the_way("sync")
            if busy is not None:
                return f"{busy.title} is running."
            if self.pilot.seen.state("images") in ("", "waiting"):
                return "Setup comes first: press 1, then a."
        if action == "retry" and (job is None or job.outcome == "done"):
            return "There is nothing to go on with."
        if action == "label" and self.pilot.seen.state("project") != "done":
            return "There is no project to label in yet."
        return None

    def face(self, key: Key) -> str:
        done = self.job is not None and self.job.outcome == "done"
        return "sync again" if key.action == "sync" and done else super().face(key)

    def action_sync(self) -> None:
        if not self.told_why() and not self.refused("sync"):
            self.pilot.sync()

    def action_retry(self) -> None:
        if not self.refused("retry"):
            self.pilot.sync()
