"""Active learning: what would be asked for next and why, before anything is published."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import DataTable

from core.errors import LabelpilotError
from core.learning.options import RoundOptions
from tui.dialogs.dialog import sentence
from tui.jobs import RUN_HOOKS, Job, JobKind
from tui.keys import Key, Place, bindings
from tui.screens.learning.pick import AskedDialog
from tui.screens.learning.plan_view import MOST_ROWS, PlanView
from tui.screens.learning.retrospect import LookingBack
from tui.screens.learning.round_form import RoundForm
from tui.screens.learning.round_text import before, facts, settings_line
from tui.text import count, plain
from tui.widgets.job_log import JobLog
from tui.widgets.job_panel import WorkPanel
from tui.widgets.live_text import Said

if TYPE_CHECKING:
    from core.learning.options import OrderName
    from core.learning.planning import RoundPlan
    from core.workspace.settings import Workspace


class LearningScreen(LookingBack):
    """A round: its settings, the hooks as they run, the plan, the published order."""

    PLACE: ClassVar[Place] = "learning"
    JOBS: ClassVar[tuple[JobKind, ...]] = (
        "undo",
        "publish",
        "plan",
        "replay",
        "suspects",
        "versions",
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("learning")]

    settings: RoundOptions | None = None
    _plan_soon = False

    def body(self) -> ComposeResult:
        yield Said(id="round")
        yield Said(id="found")
        yield WorkPanel(notes=0)
        yield JobLog()
        yield PlanView()

    # What is shown

    def show(self) -> None:
        job, plan = self.job, self.plan
        if self.is_current and self.pilot.jobs.last("versions") is None:
            self._ask_versions()
        running = job is not None and job.running
        if self._plan_soon and self._default() is not None:
            self._start_plan()
        self.query_one("#round", Said).say(self._round(plan))
        self.query_one(WorkPanel).show(job if running else None)
        log, view = self.query_one(JobLog), self.query_one(PlanView)
        hooks = job if job is not None and job.kind in RUN_HOOKS else None
        log.display = hooks is not None and hooks.outcome in ("running", "failed")
        log.follow(hooks)
        view.display = plan is not None and not log.display
        # A table without rows would swallow enter.
        view.table.display = view.display
        self.keep_focus(view.table)
        view.show(plan)
        self.query_one("#found", Said).say(self._found(plan))

    def _round(self, plan: RoundPlan | None) -> list[Content | str]:
        settings = self.settings or self._default()
        if settings is None:
            return []
        shown: list[Content | str] = [settings_line(settings, self.workspace)]
        # On a small screen the images matter more than how they were found.
        if self.size.height >= 22:
            shown += facts(plan) if plan is not None else []
            measured = self.measured(settings.order)
            shown += [plain(measured, "$muted")] if measured else []
        return shown

    def _found(self, plan: RoundPlan | None) -> list[Content | str]:
        workspace, failure, job = self.workspace, self.failure, self.job
        if workspace is None:
            return [self.no_workspace]
        if failure is not None and failure.error is not None:
            hint = plain("enter tells the whole, r tries again", "$muted")
            return [plain(sentence(failure.error), "bold $text-error"), hint]
        published = self.published
        settings = self.settings or self._default()
        command = settings.command if settings else ""
        if job is not None and job.running:
            command = job.command
        same = plain(f"same as: {command}" if command else "", "$muted")
        if published is not None:
            done = f"Published: {count(published.scored, 'image')} scored as "
            done += f"{published.model_version}. b opens them in this order."
            return [plain(done, "bold $text-success"), same]
        if plan is not None:
            shown = min(len(plan.asked), MOST_ROWS)
            words = f"{count(len(plan.asked), 'image')} would be asked for"
            words += f", the first {shown:,} shown" if shown < len(plan.asked) else ""
            return [plain(f"{words}. p publishes them; nothing is written yet."), same]
        if job is not None and job.running:
            return [same]
        parts = before(workspace, self.versions)
        if self.why_not_look_back() is None:
            words = "o shows which order pays on your labels, s labels that are likely wrong."
            parts += ["", plain(words, "$muted")]
        return [*parts, "", same]

    # What is known

    @property
    def plan(self) -> RoundPlan | None:
        """The plan that stands, whether published or not."""
        job = self.pilot.jobs.last("plan")
        return cast("RoundPlan | None", job.result) if job is not None else None

    def _default(self) -> RoundOptions | None:
        job = self.pilot.jobs.last("versions")
        if job is None or job.running:
            return None
        return RoundOptions(next_version(self.versions or {}))

    @property
    def job(self) -> Job | None:
        # Where the versions could not be read (no server yet), a round says so when it is begun.
        job = super().job
        return None if job is not None and job.kind == "versions" else job

    # What the keys do

    def why_not(self, action: str) -> str | None:
        if (reason := super().why_not(action)) is not None:
            return reason
        busy = self.pilot.jobs.in_the_way("plan")
        starting = ("plan", "publish", "edit", "undo", "look", "orders", "suspects")
        if action in starting and busy is not None:
            return f"{busy.title} is running."
        if action == "publish":
            if self.plan is None:
                return "There is no plan yet: enter makes one."
            if self.published is not None:
                return "This plan is published already."
        if action in ("orders", "suspects"):
            return self.why_not_look_back()
        if action == "filter" and self.plan is None:
            return "There is no plan to search in yet."
        if action == "undo" and not self.versions:
            return "No model version is published."
        if action == "label" and self.pilot.seen.state("project") != "done":
            return "There is no project to label in yet."
        return None

    def face(self, key: Key) -> str:
        if key.action == "plan" and self.failure is None and self.plan is not None:
            return "why"
        if key.action == "plan" and self.workspace and not self.workspace.learning.hooks.exists():
            return "write hooks"
        if key.action == "look" and self.plan is not None:
            return "plan anew"
        return super().face(key)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_plan()

    def action_plan(self) -> None:
        if self.told_why() or self.refused("plan"):
            return
        plan, chosen, workspace = self.plan, self.query_one(PlanView).chosen, self.workspace
        if plan is not None and chosen is not None and workspace is not None:
            number, asked = chosen
            self.pilot.push_screen(AskedDialog(asked, number, workspace))
            return
        if workspace is not None and not workspace.learning.hooks.exists():
            self._write_hooks(workspace)
            return
        self._start_plan()

    def _write_hooks(self, workspace: Workspace) -> None:
        name = workspace.relative(workspace.learning.hooks)
        try:
            self.backend.write_hooks(workspace)
        except LabelpilotError as error:
            self.pilot.say(sentence(error), "error")
            return
        self.pilot.say(f"{name} is written: complete its functions, then press enter again.")
        self.show()

    def _start_plan(self, *, fresh: bool = False) -> None:
        settings, workspace = self.settings or self._default(), self.workspace
        # While the published versions are being looked at, the plan waits for a name of its own.
        self._plan_soon = settings is None
        if settings is None or workspace is None:
            return
        self.settings = settings
        asked = replace(settings, fresh=fresh)
        begin = partial(self.backend.plan, workspace, asked)
        self.pilot.jobs.start("plan", "Planning the round", asked.command, begin)

    def action_filter(self) -> None:
        if not self.refused("filter"):
            self.query_one(PlanView).open_filter()

    def action_look(self) -> None:
        if self.refused("look"):
            return
        failure = self.failure
        if failure is not None and failure.kind in ("replay", "suspects"):
            self.look_back_again(failure.kind)
            return
        planned = self.plan is not None
        self.forget_failures()
        if planned or failure is not None:
            self._start_plan(fresh=planned)
        else:
            self._ask_versions()

    def _ask_versions(self) -> None:
        workspace = self.workspace
        if workspace is not None and self.pilot.jobs.in_the_way("versions") is None:
            begin = partial(self.backend.versions, workspace)
            self.pilot.jobs.start("versions", "Looking at model versions", "", begin)

    def action_publish(self) -> None:
        if self.refused("publish"):
            return
        plan, workspace, settings = self.plan, self.workspace, self.settings
        assert plan is not None and workspace is not None and settings is not None
        begin = partial(self.backend.publish, workspace, plan)
        self.pilot.jobs.start("publish", "Publishing", settings.command, begin)

    def action_edit(self) -> None:
        workspace = self.workspace
        if self.refused("edit") or workspace is None:
            return
        settings = self.settings or self._default() or RoundOptions("model_v1")
        self.pilot.push_screen(RoundForm(settings, workspace, self.known_of), self._edited)

    def _edited(self, settings: RoundOptions | None) -> None:
        if settings is None or settings == self.settings:
            return
        self.settings = settings
        # A plan that was made with other settings is not what these say.
        self.forget_failures()
        self.pilot.jobs.forget("plan")
        self.show()

    @property
    def order(self) -> str:
        settings = self.settings or self._default()
        return settings.order if settings is not None else ""

    def take_order(self, order: str) -> None:
        settings = self.settings or self._default()
        if settings is not None:
            self._edited(replace(settings, order=cast("OrderName", order)))


def next_version(known: Iterable[str]) -> str:
    """A name for the next model version: one more than the highest `model_v` number."""
    numbers = [int(m.group(1)) for name in known if (m := re.fullmatch(r"model_v(\d{1,6})", name))]
    return f"model_v{max(numbers, default=0) + 1}"
