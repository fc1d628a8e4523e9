"""Sync: images to tasks, as it goes, and the proof at its end."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.dialog import Dialog, sentence
from tui.jobs import Job, JobKind
from tui.keys import Key, Place, bindings
from tui.screens.section import Section
from tui.text import duration, harmless, lines, plain
from tui.widgets.job_log import JobLog
from tui.widgets.job_panel import WorkPanel
from tui.widgets.live_text import Said

if TYPE_CHECKING:
    from core.tasks.duplicates import RepairPlan


class SyncScreen(Section):
    """Shows the last sync, or repair, and what is known without one."""

    PLACE: ClassVar[Place] = "sync"
    JOBS: ClassVar[tuple[JobKind, ...]] = ("sync", "surplus", "repair")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("sync")]

    _asked_about: Job | None = None

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
        if job is not None and job.kind == "surplus" and self.is_current:
            self._ask_about(job)

    def _found(self, job: Job | None) -> list[Content | str]:
        command = "labelpilot sync" if job is None else job.command
        same = plain(f"same as: {command}", "$muted")
        if job is not None and job.running:
            words = "Label Studio goes on with what it was asked when we stop waiting."
            return ["", *([plain(words, "$muted")] if job.kind == "sync" else []), same]
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
            words = f"{str(job.result).rstrip('.')}."
            good = not self._are_doubled and getattr(job.result, "complete", True)
            style = "bold $text-success" if good else "bold $text-warning"
            return [plain(words, style), "", *self._next(good), same]
        return [*self._before(), "", same]

    def _before(self) -> list[Content | str]:
        report = self.pilot.seen.reports.get("images")
        busy = self.pilot.jobs.in_the_way("sync")
        if busy is not None and busy.kind == "setup":
            words = "The set-up is running; it makes the tasks as well. 1 shows how far it is."
            return [words]
        if report is None:
            return [self.no_workspace if self.workspace is None else "Looking …"]
        style = "$text-success" if report.state == "done" else "$foreground"
        if self._are_doubled:
            return [plain(harmless(report.detail).capitalize(), style), *self._next(False)]
        words = {
            "done": "A sync looks again, and proves it.",
            "waiting": "Setup comes first: press 1, then a.",
        }.get(report.state, "enter makes a task of each image that has none.")
        return [plain(harmless(report.detail).capitalize(), style), plain(words, "$muted")]

    @property
    def _are_doubled(self) -> bool:
        """Whether images are several tasks, by what ended last, or else by the last look."""
        if self.job is not None and self.job.result is not None:
            result = self.job.result
            return bool(getattr(result, "duplicates", 0) or getattr(result, "doubled", 0))
        report = self.pilot.seen.reports.get("images")
        # A report has words only; the step leaves these out where there are none.
        return report is not None and "duplicates" in report.detail

    def _next(self, good: bool) -> list[Content | str]:
        if good:
            return ["b labels them in the browser; 3 exports what is labeled.", ""]
        if self._are_doubled:
            return ["Images are several tasks: d shows which can go, and asks.", ""]
        return ["r makes what is missing; L shows what the server says.", ""]

    def why_not(self, action: str) -> str | None:
        if (reason := super().why_not(action)) is not None:
            return reason
        job = self.job
        if action == "repair":
            return self._why_not_repair()
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

    def _why_not_repair(self) -> str | None:
        busy = self.pilot.jobs.in_the_way("repair")
        if busy is not None:
            return f"{busy.title} is running."
        if self._are_doubled:
            return None
        return "No image is known to be several tasks; a sync (enter) counts them."

    def face(self, key: Key) -> str:
        done = self.job is not None and self.job.outcome == "done"
        return "sync again" if key.action == "sync" and done else super().face(key)

    def action_sync(self) -> None:
        if not self.told_why() and not self.refused("sync"):
            self.pilot.sync()

    def action_retry(self) -> None:
        if self.refused("retry"):
            return
        if self.job is not None and self.job.kind != "sync":
            self.action_repair()
        else:
            self.pilot.sync()

    # The repair: a look, a question, the repair itself

    def action_repair(self) -> None:
        workspace = self.workspace
        if not self.refused("repair") and workspace is not None:
            begin = partial(self.backend.plan_repair, workspace)
            self.pilot.jobs.start("surplus", "Looking for doubles", "labelpilot repair", begin)

    def _ask_about(self, job: Job) -> None:
        """Ask, once, whether what a look found is to be mended."""
        plan: RepairPlan | None = job.result
        if plan is None or not plan.to_do or self._asked_about is job:
            return
        self._asked_about = job
        kept = "Nothing is removed that anybody annotated, skipped or began."
        text = lines([plain(plan), "", kept, "What is removed cannot be brought back."])
        question = Dialog("Remove what is too many?", text, yes="remove", no="leave it")
        self.pilot.push_screen(question, partial(self._repair, plan))

    def _repair(self, plan: RepairPlan, agreed: bool | None) -> None:
        workspace = self.workspace
        if agreed and workspace is not None:
            begin = partial(self.backend.repair, workspace, plan)
            self.pilot.jobs.start("repair", "Removing doubles", "labelpilot repair", begin)
