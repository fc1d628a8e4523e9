"""Setup: the steps from nothing to labeling, what was found of each, and one key to do it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.dialogs.dialog import Dialog, sentence
from tui.jobs import START_COMMAND, JobKind
from tui.keys import Key, Place, bindings
from tui.screens.section import Section
from tui.screens.setup.new_workspace import FirstForm
from tui.screens.setup.settings import SettingsForm
from tui.screens.setup.token import TokenFlow
from tui.text import lines, plain
from tui.widgets.job_panel import WorkPanel
from tui.widgets.lists import KeyedList, KeyedText
from tui.widgets.live_text import Said

if TYPE_CHECKING:
    from core.setup.context import Step, StepId

# Glyph, word and colour: never colour alone.
FACES: dict[str, tuple[str, str, str]] = {
    "done": ("✓", "done", "$text-success"),
    "part": ("!", "part", "$text-warning"),
    "to do": ("·", "to do", "$foreground"),
    "wrong": ("✗", "wrong", "$text-error"),
    "waiting": (" ", "waits", "$muted"),
    "skipped": ("-", "skipped", "$muted"),
    "doing": ("▸", "doing", "$primary"),
    "": (" ", "…", "$muted"),
}
COMMANDS: dict[str, str] = {"server": START_COMMAND, "images": "labelpilot sync"}


class SetupScreen(Section):
    """The checklist."""

    PLACE: ClassVar[Place] = "setup"
    JOBS: ClassVar[tuple[JobKind, ...]] = ("setup", "server", "sync")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("setup")]

    _asked_first = False
    _chosen_by_hand = False

    def body(self) -> ComposeResult:
        yield KeyedList(id="steps")
        with KeyedText(id="lower", can_focus=False):
            yield WorkPanel(notes=4)
            yield Said(id="found")

    def show(self) -> None:
        seen = self.pilot.seen
        steps = self.query_one("#steps", KeyedList)
        if seen.steps and steps.option_count != len(seen.steps):
            steps.set_options([Option(self._line(step), id=step.id) for step in seen.steps])
            steps.highlighted = 0
        for index, step in enumerate(seen.steps):
            line = self._line(step)
            if not line.is_same(cast(Content, steps.get_option_at_index(index).prompt)):
                steps.replace_option_prompt_at_index(index, line)
        steps.display = bool(seen.steps) and seen.workspace is not None
        self.keep_focus(steps)
        if not self._chosen_by_hand and not seen.looking:
            self._to_the_next()
        job = self.job
        self.query_one(WorkPanel).show(job if job is not None and job.running else None)
        self._show_found()
        if seen.missing and not self._asked_first and self.is_current:
            self._asked_first = True
            self.action_edit()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        self._show_found()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_do()

    def on_key(self) -> None:
        # From the first key on the cursor is the user's.
        self._chosen_by_hand = self.pilot.seen.workspace is not None

    def _to_the_next(self) -> None:
        """Put the cursor on the first step that is to be done."""
        states = [self.pilot.seen.state(step.id) for step in self.pilot.seen.steps]
        index = next((i for i, state in enumerate(states) if state not in ("", "done")), 0)
        if states:
            self.query_one("#steps", KeyedList).highlighted = index

    def _line(self, step: Step) -> Content:
        report = self.pilot.seen.reports.get(step.id)
        job = self.job
        doing = (
            job is not None and job.running and _step_of(job.kind, job.progress.stage) == step.id
        )
        state = "doing" if doing else report.state if report else ""
        glyph, word, colour = FACES[state]
        narrow = self.size.width < 76
        title = f"{step.title:<16}"
        words = f" {glyph} {word:<7}" if not narrow else f"{glyph} {word:<6}"
        detail = plain(report.detail if report else "", "$muted")
        return Content.assemble((words, colour), (title, "$foreground"), detail)

    @property
    def chosen(self) -> Step | None:
        steps, index = self.pilot.seen.steps, self.query_one("#steps", KeyedList).highlighted
        return steps[index] if index is not None and index < len(steps) else None

    def _show_found(self) -> None:
        self.query_one("#found", Said).say(self._found())

    def _found(self) -> list[Content | str]:
        seen, step, failure = self.pilot.seen, self.chosen, self.failure
        if seen.problem is not None:
            parts: list[Content | str] = [plain(sentence(seen.problem), "bold $text-error")]
            parts += [plain(line) for line in str(seen.problem).splitlines()[1:]]
            return [*parts, "", plain("e edits the settings, r looks again", "$muted")]
        if seen.missing:
            return [
                plain("There is no labelpilot.toml here yet.", "bold"),
                plain("enter asks two questions and makes one."),
            ]
        if step is None:
            return [plain("Looking at the workspace …", "$muted")]
        if failure is not None and failure.error is not None:
            return [
                plain(sentence(failure.error), "bold $text-error"),
                plain("enter tells why and what to do; r looks again", "$muted"),
            ]
        job = self.job
        if job is not None and job.running:
            return ["", plain(f"same as: {job.command}", "$muted")]
        if seen.all_done:
            return [
                plain("All is set up.", "bold $text-success"),
                "",
                "b  label in the browser; each Submit is written to your folder at once",
                "3  export what is labeled to the dataset",
                "4  let the model say what to label next",
                "",
                plain(f"{step.title}: {seen.reports[step.id].detail}", "$muted"),
            ]
        return self._step_found(step)

    def _step_found(self, step: Step) -> list[Content | str]:
        report = self.pilot.seen.reports.get(step.id)
        parts: list[Content | str] = [plain(step.title, "bold")]
        parts += [plain(report.detail)] if report else []
        parts += [plain(step.why, "$muted"), ""]
        command = COMMANDS.get(step.id, "labelpilot setup")
        if step.id == "token" and self._token_is_asked:
            command = "labelpilot token set"
        return [*parts, plain(f"same as: {command}", "$muted")]

    @property
    def _token_is_asked(self) -> bool:
        return self.workspace is not None and not self.workspace.owns_server

    def why_not(self, action: str) -> str | None:
        seen, step = self.pilot.seen, self.chosen
        if (reason := super().why_not(action)) is not None and not (
            action == "do" and seen.missing
        ):
            return reason
        busy = self.pilot.jobs.in_the_way("setup")
        if action == "do" and not seen.missing and self.failure is None:
            return self._why_not_do(step)
        if action == "do_all" and seen.all_done:
            return "All is done."
        if action in ("do", "do_all", "server") and busy is not None:
            return f"{busy.title} is running."
        if action in ("server", "token") and self.workspace is not None:
            ours = self.workspace.owns_server
            if action == "server" and not ours:
                return "This Label Studio is not labelpilot's to start or stop."
            if action == "token" and ours and seen.state("token") == "done":
                return "labelpilot made the token of its own server itself."
        if action == "label" and seen.state("project") != "done":
            return "There is no project to label in yet."
        return None

    def _why_not_do(self, step: Step | None) -> str | None:
        if step is None:
            return "The steps are not known yet."
        busy = self.pilot.jobs.in_the_way("setup")
        if busy is not None:
            return f"{busy.title} is running."
        state, report = self.pilot.seen.state(step.id), self.pilot.seen.reports.get(step.id)
        if state == "done":
            return f"{step.title} is done already."
        if state == "waiting" and report is not None:
            return f"{step.title} {report.detail}."
        return None

    def face(self, key: Key) -> str:
        server = self.pilot.seen.server
        if key.action == "server" and server is not None:
            return "stop server" if server.pid else "start server"
        return super().face(key)

    def action_do(self) -> None:
        if self.pilot.seen.missing:
            self.action_edit()
            return
        if self.told_why() or self.refused("do"):
            return
        step, workspace = self.chosen, self.workspace
        assert step is not None and workspace is not None
        if step.id == "token":
            self._ask_for_token()
            return
        self._do(step.id, step.title)

    def _do(self, step_id: StepId, title: str) -> None:
        workspace = self.workspace
        assert workspace is not None
        if step_id == "images":
            self.pilot.sync()
        elif step_id == "server":
            begin = partial(self.backend.apply, workspace, step_id)
            self.pilot.jobs.start("server", "Starting the server", COMMANDS["server"], begin)
        else:
            begin = partial(self.backend.apply, workspace, step_id)
            self.pilot.jobs.start("setup", title, "labelpilot setup", begin)

    def action_do_all(self) -> None:
        if self.refused("do_all"):
            return
        self.forget_failures()
        workspace = self.workspace
        assert workspace is not None
        if self._token_is_asked and self.pilot.seen.state("token") in ("to do", "wrong"):
            self._ask_for_token()
            return
        self._chosen_by_hand = False
        begin = partial(self.backend.set_up, workspace)
        self.pilot.jobs.start("setup", "Setting up", "labelpilot setup", begin)

    def action_look(self) -> None:
        self.forget_failures()
        self.pilot.look()

    def action_edit(self) -> None:
        if self.pilot.seen.missing:
            self.pilot.push_screen(FirstForm(self.pilot.seen.root, self.backend), self._saved)
        else:
            form = SettingsForm(self.pilot.seen.root, self.workspace, self.backend)
            self.pilot.push_screen(form, self._saved)

    def _saved(self, saved: bool | None) -> None:
        if saved:
            self.forget_failures()
            self.pilot.look()

    def action_token(self) -> None:
        if not self.refused("token"):
            self._ask_for_token()

    def _ask_for_token(self) -> None:
        workspace = self.workspace
        assert workspace is not None
        make = partial(self._do, "token", "Token")
        TokenFlow(self.pilot, workspace, self._token_given, make, self.action_look).begin()

    def _token_given(self, token: str | None) -> None:
        workspace = self.workspace
        if token and workspace is not None:
            self.forget_failures()
            begin = partial(self.backend.store_token, workspace, token)
            self.pilot.jobs.start("setup", "Trying the token", "labelpilot token set", begin)

    def action_server(self) -> None:
        if self.refused("server"):
            return
        server, workspace = self.pilot.seen.server, self.workspace
        assert workspace is not None
        self.forget_failures()
        if server is None or server.pid is None:
            self._do("server", "Server")
            return
        question = Dialog(
            "Stop Label Studio?",
            lines(["Nobody can label while it is stopped. What was submitted is kept."]),
            yes="stop it",
            no="leave it",
        )
        self.pilot.push_screen(question, self._stop_server)

    def _stop_server(self, agreed: bool | None) -> None:
        workspace = self.workspace
        if agreed and workspace is not None:
            begin = partial(self.backend.stop_server, workspace)
            command = "labelpilot server stop"
            self.pilot.jobs.start("server", "Stopping the server", command, begin)


def _step_of(kind: JobKind, stage: str) -> str:
    """The step that a running job is at."""
    return {"server": "server", "sync": "images"}.get(
        kind, {"scan": "images", "import": "images", "proof": "images"}.get(stage, stage)
    )
