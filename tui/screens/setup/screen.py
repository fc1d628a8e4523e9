"""Setup: the steps from nothing to labeling, what was found of each, and one key to do it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.actions import Action
from tui.dialogs.dialog import Dialog, sentence
from tui.dialogs.form import Form
from tui.dialogs.invitation import show_invitation
from tui.job_kinds import ANNOTATE, SERVER, SETUP, SYNC, JobKind
from tui.jobs import START_COMMAND, Job
from tui.keys import Place, bindings
from tui.next_step import EXAMPLE_LABELS
from tui.screens.section import Section
from tui.screens.setup.dashboard import Dashboard
from tui.screens.setup.new_workspace import NewWorkspaceForm
from tui.screens.setup.settings import SettingsForm
from tui.screens.setup.steps import step_line, step_of
from tui.screens.setup.token import TokenFlow
from tui.text import lines, plain, same_as, spinner
from tui.widgets.job_log import JobLog
from tui.widgets.job_panel import JobPanel
from tui.widgets.lists import KeyedList, KeyedText
from tui.widgets.live_text import LiveText
from tui.widgets.panel import Panel

if TYPE_CHECKING:
    from core.setup.context import Step, StepId

COMMANDS: dict[str, str] = {"server": START_COMMAND, "images": "labelpilot sync"}
# How long a step takes, where that is worth telling.
USUALLY = {"server": "usually 5 to 20 s; 1 to 3 minutes the first time"}
# Where there is less room, what stands before a step is shorter.
NARROW_SCREEN = 76


class SetupScreen(Section):
    """The checklist."""

    PLACE: ClassVar[Place] = "setup"
    JOBS: ClassVar[tuple[JobKind[Any], ...]] = (SETUP, SERVER, SYNC, ANNOTATE)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("setup")]

    _first_form_opened = False
    _chosen_by_hand = False
    _unfolded = False

    def body(self) -> ComposeResult:
        yield LiveText(id="folded")
        with Container(id="checklist"):
            with Panel("Steps", id="steps-panel"):
                yield KeyedList(id="steps")
            with Panel("", id="lower"):
                yield JobPanel(notes=0)
                with KeyedText(id="told", can_focus=False):
                    yield LiveText(id="found")
                yield JobLog()
        yield Dashboard(can_focus=False)

    def show(self) -> None:
        state, workspace, job = self.state, self.workspace, self.running_job
        folded = self._is_folded
        self.query_one("#folded").display = folded
        self.query_one("#steps-panel").display = (
            not folded and bool(state.steps) and workspace is not None
        )
        at_rest = folded and job is None and self.failure is None
        self.query_one("#checklist").display = not at_rest
        dashboard = self.query_one(Dashboard)
        dashboard.display = at_rest
        if at_rest and workspace is not None:
            dashboard.show(workspace)
        self._show_steps(folded=folded)
        self._show_job(job)
        self._show_found()
        if state.missing and not self._first_form_opened and self.is_current:
            self._first_form_opened = True
            self._edit()

    @property
    def _is_folded(self) -> bool:
        """Whether the steps, which are all done, are one line."""
        return self.state.all_done and not self._unfolded

    def _show_steps(self, *, folded: bool) -> None:
        state, job = self.state, self.running_job
        steps, narrow = self.query_one("#steps", KeyedList), self.size.width < NARROW_SCREEN
        steps_lines = [step_line(step, state, job, narrow=narrow) for step in state.steps]
        if steps_lines and steps.option_count != len(steps_lines):
            options = zip(steps_lines, state.steps, strict=True)
            steps.set_options([Option(line, id=step.id) for line, step in options])
            steps.highlighted = 0
        for index, line in enumerate(steps_lines):
            if not line.is_same(cast(Content, steps.get_option_at_index(index).prompt)):
                steps.replace_option_prompt_at_index(index, line)
        steps.display = not folded and bool(state.steps) and self.workspace is not None
        self.keep_focus(steps)
        if not self._chosen_by_hand and not state.checking:
            self._go_to_next_step()
        hint = f"{self.key('do')} shows the {len(steps_lines)} steps"
        said = Content.assemble(("✓ All is set up.", "bold $text-success"), (f"  {hint}", "$muted"))
        self.query_one("#folded", LiveText).show([said])

    def _show_job(self, job: Job[Any] | None) -> None:
        self.query_one(JobPanel).show(job)
        log = self.query_one(JobLog)
        log.display = job is not None
        log.follow(job)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._show_found()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_act("do")

    def on_key(self) -> None:
        # From the first key on the cursor is the user's.
        self._chosen_by_hand = self.state.workspace is not None

    def _go_to_next_step(self) -> None:
        """Put the cursor on the first step that is to be done."""
        states = [self.state.step_state(step.id) for step in self.state.steps]
        index = next((i for i, state in enumerate(states) if state not in ("", "done")), 0)
        if states:
            self.query_one("#steps", KeyedList).highlighted = index

    @property
    def chosen(self) -> Step | None:
        steps, index = self.state.steps, self.query_one("#steps", KeyedList).highlighted
        return steps[index] if index is not None and index < len(steps) else None

    def _show_found(self) -> None:
        step, state = self.chosen, self.state
        title = "Workspace" if state.missing or state.problem else ""
        if self.running_job is not None:
            title = "Running"
        elif step is not None and not title:
            title = step.title
        self.query_one("#lower", Panel).call_it(title)
        # What stands below the dashboard is not shown, and no command does the same.
        hidden = self.query_one(Dashboard).display
        self.query_one("#found", LiveText).show([] if hidden else self._found())

    def _found(self) -> list[Content | str]:
        state, step, failure = self.state, self.chosen, self.failure
        if state.problem is not None:
            parts: list[Content | str] = [plain(sentence(state.problem), "bold $text-error")]
            parts += [plain(line) for line in str(state.problem).splitlines()[1:]]
            keys = f"{self.key('edit')} edits the settings, {self.key('refresh')} looks again"
            return [*parts, "", plain(keys, "$muted")]
        if state.missing:
            return [
                plain("There is no labelpilot.toml here yet.", "bold"),
                plain(f"{self.key('do')} asks where the images are, and makes one."),
            ]
        if step is None:
            return [plain(f"{spinner()} Looking at the workspace …", "$muted")]
        if failure is not None and failure.error is not None:
            keys = f"{self.key('do')} tells why and what to do; {self.key('refresh')} looks again"
            return [plain(sentence(failure.error), "bold $text-error"), plain(keys, "$muted")]
        job = self.running_job
        if job is not None:
            usual = USUALLY.get(step_of(job.kind, job.progress.stage), "")
            return [*([plain(usual, "$muted")] if usual else []), same_as(job.command)]
        return self._step_found(step)

    def _step_found(self, step: Step) -> list[Content | str]:
        report = self.state.reports.get(step.id)
        detail = report.detail if report else f"{spinner()} looking …"
        parts: list[Content | str] = [plain(detail)]
        parts += [plain(step.why, "$muted"), ""]
        command = COMMANDS.get(step.id, "labelpilot setup")
        if step.id == "token" and self._token_is_asked:
            command = "labelpilot token set"
        return [*parts, same_as(command)]

    @property
    def _token_is_asked(self) -> bool:
        return self.workspace is not None and not self.workspace.owns_server

    # What the keys do

    def actions(self) -> dict[str, Action]:
        state, busy = self.state, self.busy(SETUP)
        off = self.no_workspace
        do = Action(self._do_chosen, off or self._why_not_do(busy))
        if state.all_done and not busy:
            do = Action(self._fold, word="steps" if self._is_folded else "fold")
        done = "All is done." if state.all_done else ""
        return {
            "do": Action(self._edit) if state.missing else self.unless_failed(do),
            "do_all": Action(self._do_all, off or done or busy),
            "annotate": Action(self._annotate, off or self._why_not_annotate() or busy),
            "stop": self.stop_action(),
            "label": self.label_action(),
            "edit": Action(self._edit),
            "invite": Action(partial(show_invitation, self), off or self._why_not_invite()),
            "refresh": Action(self._refresh),
            "server": self._server_action(off or busy),
            "token": Action(self._ask_for_token, off or self._why_not_token()),
        }

    def _why_not_invite(self) -> str:
        known = self.state.step_state("token") == "done"
        return "" if known else "There is no Label Studio to invite to yet."

    def _fold(self) -> None:
        self._unfolded = not self._unfolded
        self.show()
        self.host.changed.publish(None)

    def _why_not_annotate(self) -> str:
        state = self.state
        if not state.example:
            return "Only the example has classes that are known beforehand."
        if state.step_state("images") != "done":
            return "The digits are no tasks yet."
        enough = state.labels is not None and state.labels.labels >= EXAMPLE_LABELS
        return f"{EXAMPLE_LABELS} digits are labeled already." if enough else ""

    def _annotate(self) -> None:
        if self.workspace is not None:
            begin = partial(self.backend.annotate_example, self.workspace, EXAMPLE_LABELS)
            self.start(ANNOTATE, "Labeling known digits", "", begin)

    def _why_not_do(self, busy: str) -> str:
        step = self.chosen
        if step is None or busy:
            return busy or "The steps are not known yet."
        report = self.state.reports.get(step.id)
        if report is not None and report.state == "done":
            return f"{step.title} is done already."
        if report is not None and report.state == "waiting":
            return f"{step.title} {report.detail}."
        return ""

    def _why_not_token(self) -> str:
        if self.workspace is None or not self.workspace.owns_server:
            return ""
        made = self.state.step_state("token") == "done"
        return "labelpilot made the token of its own server itself." if made else ""

    def _server_action(self, off: str) -> Action:
        server = self.state.server
        if self.workspace is not None and not self.workspace.owns_server:
            off = off or "This Label Studio is not labelpilot's to start or stop."
        if server is None or not server.pid:
            return Action(self._start_server, off, "" if server is None else "start server")
        return Action(self._ask_to_stop_server, off, "stop server")

    def _do_chosen(self) -> None:
        step = self.chosen
        if step is None:
            return
        report = self.state.reports.get(step.id)
        if step.id == "token":
            self._ask_for_token()
        elif report is not None and report.diff:
            self._ask_to_replace_config(report.diff)
        else:
            self._do(step.id, step.title)

    def _ask_to_replace_config(self, diff: str) -> None:
        told = "The project has another labeling config than the file. Replacing it would change:"
        kept = "What the file lacks is gone from the project then; labels may use it."
        text = lines([told, "", plain(diff), "", kept])
        question = Dialog("Replace the labeling config?", text, yes="replace", no="leave it")
        self.app.push_screen(question, self._replace_config)

    def _replace_config(self, agreed: bool | None) -> None:
        if agreed and self.workspace is not None:
            begin = partial(
                self.backend.apply, self.workspace, "labeling-config", replace_config=True
            )
            command = "labelpilot setup --replace-config"
            self.start(SETUP, "Labeling config", command, begin)

    def _do(self, step_id: StepId, title: str) -> None:
        if self.workspace is None:
            return
        begin = partial(self.backend.apply, self.workspace, step_id)
        if step_id == "images":
            self.start_sync()
        elif step_id == "server":
            self.start(SERVER, "Starting the server", START_COMMAND, begin)
        else:
            self.start(SETUP, title, "labelpilot setup", begin)

    def _do_all(self) -> None:
        self.forget_failures()
        if self.workspace is None:
            return
        if self._token_is_asked and self.state.step_state("token") in ("to do", "wrong"):
            self._ask_for_token()
            return
        self._chosen_by_hand = False
        self.start(
            SETUP, "Setting up", "labelpilot setup", partial(self.backend.set_up, self.workspace)
        )

    def _refresh(self) -> None:
        self.forget_failures()
        self.host.check()

    def _edit(self) -> None:
        root = self.state.root
        form: Form[bool] = (
            NewWorkspaceForm(root, self.backend)
            if self.state.missing
            else SettingsForm(root, self.workspace, self.backend)
        )
        self.app.push_screen(form, self._saved)

    def _saved(self, saved: bool | None) -> None:
        if saved:
            self._refresh()

    def _ask_for_token(self) -> None:
        if self.workspace is not None:
            make = partial(self._do, "token", "Token")
            TokenFlow(self, self.workspace, self._token_given, make, self._refresh).begin()

    def _token_given(self, token: str | None) -> None:
        if token and self.workspace is not None:
            self.forget_failures()
            begin = partial(self.backend.store_token, self.workspace, token)
            self.start(SETUP, "Trying the token", "labelpilot token set", begin)

    def _start_server(self) -> None:
        self.forget_failures()
        self._do("server", "Server")

    def _ask_to_stop_server(self) -> None:
        self.forget_failures()
        text = lines(["Nobody can label while it is stopped. What was submitted is kept."])
        question = Dialog("Stop Label Studio?", text, yes="stop it", no="leave it")
        self.app.push_screen(question, self._stop_server)

    def _stop_server(self, agreed: bool | None) -> None:
        if agreed and self.workspace is not None:
            begin = partial(self.backend.stop_server, self.workspace)
            self.start(SERVER, "Stopping the server", "labelpilot server stop", begin)
