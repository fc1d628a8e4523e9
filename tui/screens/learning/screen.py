"""Active learning: what would be asked for next and why, before anything is published."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import DataTable

from core.errors import LabelpilotError
from core.extras import install_extra
from core.learning.inputs.sources import embeddings_from, network_is_installed
from core.learning.rounds.options import OrderName, RoundOptions, next_version
from tui.actions import Action
from tui.dialogs.dialog import sentence
from tui.job_kinds import (
    EMBED,
    FORECAST,
    PLAN,
    PUBLISH,
    REPLAY,
    SHARE,
    SUSPECTS,
    UNDO,
    VERSIONS,
    JobKind,
)
from tui.jobs import Job
from tui.keys import Place, bindings
from tui.screens.learning.pick import PickDialog
from tui.screens.learning.plan_view import MOST_ROWS, PlanView
from tui.screens.learning.retrospect import Retrospect
from tui.screens.learning.round_form import RoundForm
from tui.screens.learning.round_text import before, facts, newer_words, options_line
from tui.screens.learning.rounds import PublishedRounds
from tui.screens.learning.sharing import Sharing
from tui.screens.section import Section
from tui.text import count, plain, same_as
from tui.widgets.job_log import JobLog
from tui.widgets.job_panel import JobPanel
from tui.widgets.live_text import LiveText
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from core.learning.rounds.planning import RoundPlan
    from core.workspace.settings import Workspace


class LearningScreen(Section):
    """A round: its options, the hooks as they run, the plan, the published order."""

    PLACE: ClassVar[Place] = "learning"
    JOBS: ClassVar[tuple[JobKind[Any], ...]] = (
        EMBED,
        UNDO,
        PUBLISH,
        SHARE,
        PLAN,
        REPLAY,
        SUSPECTS,
        FORECAST,
        VERSIONS,
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("learning")]

    options: RoundOptions | None = None
    _plan_soon = False
    # Whether the options are the user's own choice.
    _chosen = False

    def __init__(self) -> None:
        super().__init__()
        self._rounds = PublishedRounds(self)
        self._sharing = Sharing(self)
        self._retrospect = Retrospect(self, self._order, self._take_order)

    def body(self) -> ComposeResult:
        with Panel("Round", id="round-panel"):
            yield LiveText(id="round")
            yield LiveText(id="found")
            yield JobPanel(notes=0)
        with Panel("", id="plan-panel"):
            yield JobLog()
            yield PlanView()

    # What is shown

    def show(self) -> None:
        job, plan = self.job, self.plan
        if self.is_current and self.host.jobs.last(VERSIONS) is None:
            self._rounds.read_versions()
        if self._plan_soon and self._default() is not None:
            self._start_plan()
        self.query_one("#round", LiveText).show(self._round(plan))
        self.query_one(JobPanel).show(self.running_job)
        log, view = self.query_one(JobLog), self.query_one(PlanView)
        hooks = job if job is not None and job.kind.runs_hooks else None
        log.display = hooks is not None and hooks.outcome in ("running", "failed")
        log.follow(hooks)
        view.display = plan is not None and not log.display
        panel = self.query_one("#plan-panel", Panel)
        panel.display = view.display or log.display
        panel.call_it("Log" if log.display else "What to label next")
        # A table without rows would swallow enter.
        view.table.display = view.display
        self.keep_focus(view.table)
        view.show(plan)
        labels = self.state.labels
        view.tick(frozenset(labels.labeled) if labels is not None else frozenset())
        self.query_one("#found", LiveText).show(self._found(plan))

    def _round(self, plan: RoundPlan | None) -> list[Content | str]:
        options = self.options or self._default()
        if options is None:
            return []
        shown: list[Content | str] = [options_line(options, self.workspace)]
        shown += newer_words(plan) if plan is not None else []
        # On a small screen the images matter more than how they were found.
        if self.size.height >= 22:
            shown += facts(plan) if plan is not None else []
            measured = self._retrospect.measured(options.order)
            shown += [plain(measured, "$muted")] if measured else []
        return shown

    def _found(self, plan: RoundPlan | None) -> list[Content | str]:
        workspace, failure, job = self.workspace, self.failure, self.running_job
        if workspace is None:
            return [self.no_workspace]
        if failure is not None and failure.error is not None:
            keys = f"{self.key('plan')} shows the whole message, {self.key('refresh')} tries again"
            hint = plain(keys, "$muted")
            return [plain(sentence(failure.error), "bold $text-error"), hint]
        published = self._rounds.of_this_plan
        options = self.options or self._default()
        command = options.command if options else ""
        if job is not None:
            command = job.command
        same = same_as(command)
        if published is not None:
            done = f"Published: {count(published.scored, 'image')} scored as "
            done += f"{published.model_version}. {self.key('label')} opens them in this order."
            return [plain(done, "bold $text-success"), same]
        if plan is not None:
            shown = min(len(plan.picks), MOST_ROWS)
            text = f"{count(len(plan.picks), 'image')} would be asked for"
            text += f", the first {shown:,} shown" if shown < len(plan.picks) else ""
            text += f". {self.key('publish')} publishes them; nothing is written yet."
            return [plain(text), same]
        if job is not None:
            return [same]
        parts = before(workspace, self._rounds.versions)
        if not self._retrospect.why_not:
            text = f"{self.key('orders')} shows which order pays on your labels, "
            text += f"{self.key('suspects')} labels that are likely wrong."
            parts += ["", plain(text, "$muted")]
        return [*parts, "", same]

    # What is known

    @property
    def plan(self) -> RoundPlan | None:
        """The plan that stands, whether published or not."""
        return self.host.jobs.result(PLAN)

    def _default(self) -> RoundOptions | None:
        job = self.host.jobs.last(VERSIONS)
        if job is None or job.running:
            return None
        return RoundOptions(next_version(self._rounds.versions))

    @property
    def job(self) -> Job[Any] | None:
        # Where the versions could not be read (no server yet), a round says so when it is begun.
        job = super().job
        return None if job is not None and job.kind is VERSIONS else job

    # What the keys do

    def actions(self) -> dict[str, Action]:
        off, busy = self.no_workspace, self.busy(PLAN)
        anew = "" if self.plan is None else "plan again"
        unread = "There is no plan to search in yet." if self.plan is None else ""
        none = "" if self._rounds.versions else "No model version is published."
        retrospect = self._retrospect
        back = off or busy or retrospect.why_not
        return {
            "plan": self._plan_action(off or busy),
            "embed": Action(self._embed, off or busy or self._why_not_embed()),
            "publish": Action(self._publish, off or busy or self._why_not_publish()),
            "label": self.label_action(),
            "share": Action(self._sharing.ask, off or busy or none),
            "edit": Action(self._edit, off or busy),
            "orders": Action(retrospect.compare_orders, back),
            "suspects": Action(retrospect.find_suspects, back),
            "forecast": Action(retrospect.foretell, back),
            "undo": Action(self._rounds.ask_to_undo, off or busy or none),
            "refresh": Action(self._refresh, busy, anew),
            "history": Action(self._rounds.show_history, off),
            "filter": Action(self.query_one(PlanView).open_filter, off or unread),
            "stop": self.stop_action(),
        }

    def _plan_action(self, off: str) -> Action:
        """What comes next: the hooks file, a plan, or why its images are asked for."""
        workspace, plan, chosen = self.workspace, self.plan, self.query_one(PlanView).chosen
        if workspace is None:
            return Action(self._start_plan, off)
        action = Action(self._start_plan, off)
        if plan is not None and chosen is not None:
            action = Action(partial(self._show_why, plan, chosen, workspace), off, "why")
        elif embeddings_from(workspace) is None:
            action = Action(partial(self._write_hooks, workspace), off, "write hooks")
        return self.unless_failed(action)

    def _why_not_publish(self) -> str:
        if self.plan is None:
            return f"There is no plan yet: {self.key('plan')} makes one."
        return "This plan is published already." if self._rounds.of_this_plan is not None else ""

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_act("plan")

    def _show_why(self, plan: RoundPlan, row: int, workspace: Workspace) -> None:
        self.app.push_screen(PickDialog(plan, row, workspace))

    def _write_hooks(self, workspace: Workspace) -> None:
        name = workspace.relative(workspace.learning.hooks)
        try:
            self.backend.write_hooks(workspace)
        except LabelpilotError as error:
            self.host.say(sentence(error), "error")
            return
        self.host.say(
            f"{name} is written: complete its functions, then press {self.key('plan')} again."
        )
        self.show()

    def _start_plan(self, *, fresh: bool = False) -> None:
        options, workspace = self.options or self._default(), self.workspace
        # While the published versions are being looked at, the plan waits for a name of its own.
        self._plan_soon = options is None
        if options is None or workspace is None:
            return
        self.options = options
        options = replace(options, fresh=fresh)
        begin = partial(self.backend.plan, workspace, options)
        self.start(PLAN, "Planning the round", options.command, begin)

    def _refresh(self) -> None:
        failure, planned = self.failure, self.plan is not None
        if failure is not None and self._retrospect.try_again(failure.kind):
            return
        self.forget_failures()
        if planned or failure is not None:
            self._start_plan(fresh=planned)
        else:
            self._rounds.read_versions()

    def _why_not_embed(self) -> str:
        workspace = self.workspace
        if workspace is None or workspace.learning.model is not None or network_is_installed():
            return ""
        return f"labelpilot's own network is not installed: {install_extra('embed')}"

    def _embed(self) -> None:
        if self.workspace is not None:
            begin = partial(self.backend.embed, self.workspace)
            self.start(EMBED, "Making embeddings", "labelpilot embed", begin)

    def _publish(self) -> None:
        plan, workspace, options = self.plan, self.workspace, self.options
        if plan is not None and workspace is not None and options is not None:
            begin = partial(self.backend.publish, workspace, plan)
            self.start(PUBLISH, "Publishing", options.command, begin)

    def _edit(self) -> None:
        if self.workspace is not None:
            options = self.options or self._default() or RoundOptions("model_v1")
            orders = self._retrospect.orders
            if not self._chosen and orders.best is not None:
                options = replace(options, order=cast(OrderName, orders.best))
            form = RoundForm(options, self.workspace, orders)
            self.app.push_screen(form, self._edited)

    def _edited(self, options: RoundOptions | None) -> None:
        self._chosen |= options is not None
        if options is None or options == self.options:
            return
        self.options = options
        # A plan that was made with other options is not what these say.
        self.forget_failures()
        self.host.jobs.forget(PLAN)
        self.show()

    def _order(self) -> str:
        options = self.options or self._default()
        return options.order if options is not None else ""

    def _take_order(self, order: str) -> None:
        options = self.options or self._default()
        if options is not None:
            self._edited(replace(options, order=cast(OrderName, order)))
