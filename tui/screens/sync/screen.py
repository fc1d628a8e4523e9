"""Sync: images to tasks, as it goes, and the proof at its end."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content

from core.errors import LabelpilotError
from tui.actions import Action
from tui.dialogs.dialog import Dialog, sentence
from tui.job_kinds import REPAIR, REPAIR_PLAN, SETUP, SYNC, TIDY, TIDY_PLAN, JobKind
from tui.jobs import Job
from tui.keys import Place, bindings, key_of, section_key
from tui.screens.section import SYNC_TITLE, Section
from tui.screens.sync.overview import counters, pace, phases, share
from tui.text import duration, harmless, lines, plain, same_as, spinner
from tui.widgets.gauge import Gauge
from tui.widgets.job_log import JobLog
from tui.widgets.job_panel import JobPanel
from tui.widgets.live_text import LiveText
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from core.tasks.duplicates import RepairPlan
    from core.tasks.tidy import TidyPlan


class SyncScreen(Section):
    """Shows the last sync, repair or tidying, and what is known without one."""

    PLACE: ClassVar[Place] = "sync"
    JOBS: ClassVar[tuple[JobKind[Any], ...]] = (SYNC, REPAIR_PLAN, REPAIR, TIDY_PLAN, TIDY)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("sync")]

    _asked_about: Job[Any] | None = None

    def body(self) -> ComposeResult:
        with Panel("Images to tasks"):
            yield LiveText(id="phases")
            yield JobPanel(notes=0)
            yield LiveText(id="pace")
            yield Gauge(id="covered")
            yield LiveText(id="counters")
            yield LiveText(id="found")
        with Panel("Log", id="log-panel"):
            yield JobLog()
            yield LiveText(id="former")

    def show(self) -> None:
        job = self.job
        self.query_one(JobPanel).show(self.running_job)
        found = self.query_one("#found")
        for name, parts in {
            "phases": phases(job),
            "pace": pace(job, found.size.width),
            "counters": counters(job, self.state.reports.get("images")),
        }.items():
            text = self.query_one(f"#{name}", LiveText)
            text.display = bool(parts)
            text.show(parts)
        self.query_one("#found", LiveText).show(self._found(job))
        log = self.query_one(JobLog)
        log.display = job is not None and job.noted > 0
        former = self.query_one("#former", LiveText)
        former.display = not log.display
        former.show(self._former() or [plain("Nothing was synced from here yet.", "$muted")])
        covered = self.query_one("#covered", Gauge)
        covered.show(*share(job, self.state.reports.get("images")))
        covered.display = covered.display and self.running_job is None
        self.keep_focus(log)
        log.follow(job)
        if job is not None and self.is_current:
            if job.kind is REPAIR_PLAN:
                self._ask_to_repair()
            elif job.kind is TIDY_PLAN:
                self._ask_to_tidy()

    def _found(self, job: Job[Any] | None) -> list[Content | str]:
        command = "labelpilot sync" if job is None else job.command
        same = same_as(command)
        retry = self.key("retry")
        if job is None:
            return [*self._before(), "", same]
        if job.running:
            text = "Label Studio goes on with what it was asked when we stop waiting."
            return ["", *([plain(text, "$muted")] if job.kind is SYNC else []), same]
        if job.error is not None:
            parts: list[Content | str] = [plain(sentence(job.error), "bold $text-error")]
            cause = job.error.cause if isinstance(job.error, LabelpilotError) else ""
            parts += [plain(line) for line in cause.splitlines()[:3]]
            hint = (
                f"{retry} goes on from where it stopped, {self.key('sync')} shows the whole message"
            )
            return [*parts, "", plain(hint, "$muted")]
        if job.outcome == "stopped":
            text = f"Stopped after {duration(job.elapsed)}. What was made stays; "
            return [plain(f"{text}{retry} goes on from there.", "$text-warning"), "", same]
        synced = job.given(SYNC)
        good = not self._are_doubled and (synced is None or synced.complete)
        style = "bold $text-success" if good else "bold $text-warning"
        remarks = [] if synced is None else [plain(one, "$text-warning") for one in synced.remarks]
        result = plain(f"{str(job.result).rstrip('.')}.", style)
        return [result, *remarks, "", *self._next(good), same]

    def _former(self) -> list[Content | str]:
        """What the journal holds of the last sync, where none was done since the start."""
        lines = [line.partition("  ")[::2] for line in self.host.journal.former]
        heads = [n for n, (_, text) in enumerate(lines) if text.startswith(f"{SYNC_TITLE}: ")]
        if not heads:
            return []
        first, *notes = lines[heads[-1] :]
        notes = list(takewhile(lambda line: line[1].startswith("  "), notes))
        return [
            Content.assemble((f"{moment}  ", "$muted"), plain(text.strip(), "$muted"))
            for moment, text in (first, *notes)
        ]

    def _before(self) -> list[Content | str]:
        report = self.state.reports.get("images")
        busy = self.host.jobs.in_the_way(SYNC)
        if busy is not None and busy.kind is SETUP:
            setup = section_key("setup")
            return [
                f"The set-up is running; it makes the tasks as well. {setup} shows how far it is."
            ]
        if report is None:
            return [self.no_workspace or f"{spinner()} Looking …"]
        style = "$text-success" if report.state == "done" else "$foreground"
        detail = plain(harmless(report.detail).capitalize(), style)
        if self._are_doubled:
            return [detail, *self._next(False)]
        follows = {
            "done": "A sync looks again, and proves it.",
            "waiting": self._setup_first,
        }.get(report.state, f"{self.key('sync')} makes a task of each image that has none.")
        return [detail, plain(follows, "$muted")]

    @property
    def _are_doubled(self) -> bool:
        """Whether images are several tasks, by what ended last, or else by the last check."""
        job = self.job
        if job is not None and job.result is not None:
            synced, planned, repaired = job.given(SYNC), job.given(REPAIR_PLAN), job.given(REPAIR)
            return bool(
                (synced is not None and synced.duplicates)
                or (planned is not None and planned.doubled)
                or (repaired is not None and repaired.duplicates)
            )
        report = self.state.reports.get("images")
        # A report has words only; the step leaves these out where there are none.
        return report is not None and re.search(r", [\d,]+ duplicates?", report.detail) is not None

    def _next(self, good: bool) -> list[Content | str]:
        if good:
            here, export = section_key("label"), section_key("export")
            ways = f"{here} labels them here, {self.key('label')} in the browser"
            return [f"{ways}; {export} exports what is labeled.", ""]
        if self._are_doubled:
            repair = self.key("repair")
            return [f"Images are several tasks: {repair} shows which can go, and asks.", ""]
        logs = key_of("everywhere", "logs")
        retry = self.key("retry")
        return [f"{retry} makes what is missing; {logs} shows what the server says.", ""]

    # What the keys do

    def actions(self) -> dict[str, Action]:
        off, busy, job = self.no_workspace, self.busy(SYNC), self.job
        if not busy and self.state.step_state("images") in ("", "waiting"):
            busy = self._setup_first
        retried = job is not None and job.outcome == "failed"
        done = job is not None and job.outcome == "done"
        nothing = "There is nothing to go on with." if job is None or done else ""
        sync = Action(self.start_sync, off or busy, "sync again" if done else "")
        return {
            "sync": self.unless_failed(sync),
            "full": Action(partial(self.start_sync, full=True), off or busy),
            "retry": Action(self._retry, off or ("" if retried else busy) or nothing),
            "stop": self.stop_action(),
            "repair": Action(self._plan_repair, off or self._why_not_repair()),
            "tidy": Action(self._plan_tidy, off or self._why_not_tidy()),
            "label": self.label_action(),
        }

    def _why_not_tidy(self) -> str:
        if busy := self.busy(TIDY):
            return busy
        job = self.job
        synced = None if job is None else job.given(SYNC)
        if self.state.gone or (synced is not None and synced.missing_files):
            return ""
        return f"No task is known to be without its image; a sync ({self.key('sync')}) counts them."

    def _why_not_repair(self) -> str:
        if busy := self.busy(REPAIR):
            return busy
        if self._are_doubled:
            return ""
        return f"No image is known to be several tasks; a sync ({self.key('sync')}) counts them."

    @property
    def _setup_first(self) -> str:
        setup, everything = section_key("setup"), key_of("setup", "do_all")
        return f"Setup comes first: press {setup}, then {everything}."

    def _retry(self) -> None:
        if self.job is not None and self.job.kind in (TIDY_PLAN, TIDY):
            self._plan_tidy()
        elif self.job is not None and self.job.kind is not SYNC:
            self._plan_repair()
        else:
            self.start_sync()

    # The repair: a look, a question, the repair itself

    def _plan_repair(self) -> None:
        if self.workspace is not None:
            begin = partial(self.backend.plan_repair, self.workspace)
            self.start(REPAIR_PLAN, "Looking for doubles", "labelpilot repair", begin)

    def _ask_to_repair(self) -> None:
        """Ask, once, whether what a look found is to be mended."""
        job = self.host.jobs.last(REPAIR_PLAN)
        if job is not None and job.result is not None:
            question = "Remove the extra tasks?"
            self._ask(job, job.result, question, partial(self._repair, job.result))

    def _ask(
        self,
        job: Job[Any],
        plan: RepairPlan | TidyPlan,
        title: str,
        answered: Callable[[bool | None], None],
    ) -> None:
        """Ask, once for each look, whether the tasks that it found are to be removed."""
        if not plan.to_do or self._asked_about is job:
            return
        self._asked_about = job
        kept = "Nothing is removed that anybody annotated, skipped or began."
        text = lines([plain(plan), "", kept, "What is removed cannot be brought back."])
        self.app.push_screen(Dialog(title, text, yes="remove", no="leave it"), answered)

    def _repair(self, plan: RepairPlan, agreed: bool | None) -> None:
        if agreed and self.workspace is not None:
            begin = partial(self.backend.repair, self.workspace, plan)
            self.start(REPAIR, "Removing doubles", "labelpilot repair", begin)

    # Tidying: the same three

    def _plan_tidy(self) -> None:
        if self.workspace is not None:
            begin = partial(self.backend.plan_tidy, self.workspace)
            self.start(TIDY_PLAN, "Looking for gone images", "labelpilot tidy", begin)

    def _ask_to_tidy(self) -> None:
        job = self.host.jobs.last(TIDY_PLAN)
        if job is not None and job.result is not None:
            question = "Remove tasks whose image is gone?"
            self._ask(job, job.result, question, partial(self._tidy, job.result))

    def _tidy(self, plan: TidyPlan, agreed: bool | None) -> None:
        if agreed and self.workspace is not None:
            begin = partial(self.backend.tidy, self.workspace, plan)
            self.start(TIDY, "Removing tasks without their image", "labelpilot tidy", begin)
