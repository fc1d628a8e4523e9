"""The app: five sections over one core. It wires them together and does nothing itself.

Everything it imports at its top is light: no Label Studio SDK, no keyring, no HTTP client, no numpy
before the first paint.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual._context import active_message_pump
from textual.app import SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.events import AppBlur, CursorPosition
from textual.screen import Screen
from textual.signal import Signal
from textual.widget import Widget
from textual.worker import WorkerFailed

from core.read_only import is_read_only
from tui.actions import LOOKING_ONLY
from tui.backend import Backend
from tui.clipboard import keep_copy
from tui.dialogs.help import HelpDialog
from tui.dialogs.logs import LogsScreen
from tui.dialogs.trust import TrustQuestions, agrees
from tui.driver import lenient
from tui.job_kinds import AGAIN, SETUP
from tui.jobs import Job, Jobs, make_room_for_keys
from tui.journal import Journal
from tui.keys import (
    OWN,
    PLACE_TITLES,
    SECTIONS,
    Place,
    bindings,
    key_of,
    own_problems,
    raw_key,
)
from tui.leave import (
    LastResort,
    ask_and_leave,
    end_by_signal,
    heed_signals,
    keep_to,
    report_mistake,
)
from tui.measuring import Measuring
from tui.news import tell_end
from tui.next_step import NextStep, next_steps
from tui.own_commands import run_command
from tui.own_keys import character_of
from tui.palette import InOrder
from tui.screens.export.screen import ExportScreen
from tui.screens.label.screen import LabelScreen
from tui.screens.label.sight import QUESTION
from tui.screens.learning.screen import LearningScreen
from tui.screens.section import Section
from tui.screens.setup.screen import SetupScreen
from tui.screens.sync.screen import SyncScreen
from tui.state import POLL_SECONDS, Watcher, WorkspaceState
from tui.styles import parse_once
from tui.text import count, harmless
from tui.textual_faults import pass_over_faults
from tui.themes import THEMES, muted, remember, remembered
from tui.threads import LooseThreads
from tui.turns import InTurn
from tui.widgets.pixels import prepare

if TYPE_CHECKING:
    from textual.driver import Driver

    from core.dataset.conflicts import Conflict
    from core.learning.measuring.suspects import Suspect

# What is wrong in the user's own file of keys: so much is told at once.
MOST_TOLD = 3


class LabelpilotApp(InTurn):
    """labelpilot in the terminal, on the workspace in `root`. It is the `Host` of its screens."""

    CSS_PATH = "../screens.css"
    TITLE = "labelpilot"
    MODES: ClassVar[dict[str, Any]] = {
        "setup": SetupScreen,
        "sync": SyncScreen,
        "label": LabelScreen,
        "export": ExportScreen,
        "learning": LearningScreen,
    }
    DEFAULT_MODE = "setup"
    COMMANDS: ClassVar[set[Any]] = {InOrder}
    COMMAND_PALETTE_BINDING = raw_key("everywhere.palette")
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("everywhere"),
        Binding("ctrl+c", "leave", show=False),
    ]

    def __init__(
        self,
        root: Path,
        backend: Backend | None = None,
        poll_seconds: float = POLL_SECONDS,
        section: str = "",
        second_opinions: bool = False,
    ) -> None:
        """Begin in `section`, or with second opinions."""
        pass_over_faults()
        parse_once()
        super().__init__()
        self.backend = backend or Backend()
        self.journal = Journal()
        # Which step a set-up is at.
        self._step = ""
        agree = partial(agrees, self, self.backend)
        self.jobs = Jobs(self, self._job_changed, self._job_ended, agree)
        self.changed: Signal[None] = Signal(self, "changed")
        self.echo: Signal[float] = Signal(self, "echo")
        self._first = section
        self._second_opinions = second_opinions
        self._former = self.DEFAULT_MODE
        self.watcher = Watcher(root, self.backend, self._state_changed)
        self._trust = TrustQuestions(self, self.backend)
        self._measuring = Measuring(self)
        self._poll_seconds = poll_seconds
        # Only where the app has the process to itself, as `run` knows.
        self._last_resort: LastResort | None = None
        for theme in THEMES:
            self.register_theme(theme)
        if "TEXTUAL_THEME" not in os.environ:
            wanted = [OWN.theme, remembered(), THEMES[0].name]
            self.theme = next(name for name in wanted if name in self.available_themes)

    def get_driver_class(self) -> type[Driver]:
        return lenient(super().get_driver_class(), partial(self._end, signal.SIGHUP))

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        return {**variables, "muted": muted(self.current_theme.ansi, variables)}

    def run(self, *arguments: Any, **options: Any) -> Any:
        """Run the app; the terminal is asked what pictures it shows before it is taken."""
        prepare()
        self._last_resort = LastResort()
        answer = super().run(*arguments, **options)
        if self.return_code is not None and self.return_code > 128:
            keep_to(self.return_code, self._last_resort)
        return answer

    def on_mount(self) -> None:
        # Nothing moves by itself: over SSH each frame is a round trip.
        self.animation_level = "none"
        if self._last_resort is not None:
            heed_signals(self._end, self._last_resort)
        asyncio.get_running_loop().set_default_executor(LooseThreads())
        # What the shell wrote meanwhile is painted over.
        self.app_resume_signal.subscribe(
            self, lambda _: self.screen.refresh(repaint=True, layout=True)
        )
        self.theme_changed_signal.subscribe(self, lambda theme: remember(theme.name))
        # The first paint comes before anything is asked.
        self.call_after_refresh(self._begin)
        if self._poll_seconds:
            self.set_interval(self._poll_seconds, self.watcher.poll)

    def on_app_blur(self, event: AppBlur) -> None:
        """Keep the focus when the terminal loses its own: a form stays where one was typing."""
        event.prevent_default()

    def _begin(self) -> None:
        make_room_for_keys()
        problems = [str(one) for one in own_problems(self.available_themes)]
        self.journal.write("\n".join(problems))
        if more := len(problems[MOST_TOLD:]):
            problems[MOST_TOLD:] = [f"{count(more, 'more thing')} in keys.toml cannot be used."]
        for problem in problems:
            self.say(problem, "warning")
        if self._first:
            self.action_section(self._first)
        self.check()

    # What screens, dialogs and widgets ask (see `tui.host`)

    @property
    def state(self) -> WorkspaceState:
        return self.watcher.state

    def check(self) -> None:
        self.watcher.check()

    def ask_echo(self) -> None:
        if self._driver is not None and not self.is_headless:
            self._driver.write(QUESTION)

    def on_cursor_position(self, event: CursorPosition) -> None:
        self.echo.publish(event.time)

    def back(self) -> None:
        self.action_section(self._former)

    def label_again(self, doubts: Sequence[Suspect] | Sequence[Conflict] | None) -> None:
        workspace = self.state.workspace
        if workspace is not None:
            begin = partial(self.backend.label_again, workspace, doubts)
            twin = "" if doubts is not None else "labelpilot label --second-opinions"
            self.jobs.start(AGAIN, "Looking at labels again", twin, begin)
            self.action_section("label")

    def say(self, text: str, severity: str = "information") -> None:
        self.notify(harmless(text), severity=cast(Any, severity), markup=False)

    def copy_out(self, text: str) -> None:
        self.copy_to_clipboard(text)
        workspace = self.state.workspace
        file = keep_copy(text, workspace)
        if file is None or workspace is None:
            self.say("Copied.")
        else:
            self.say(f"Copied; it is in {workspace.relative(file)} too.")

    # News

    def _state_changed(self) -> None:
        workspace = self.state.workspace
        if workspace is not None and self.journal.file is None:
            self.journal.keep_in(workspace.state.logs / "labelpilot.log")
        if workspace is not None and self._second_opinions:
            self._second_opinions = False
            self.label_again(None)
        self._trust.ask(self.watcher)
        self._measuring.look()
        self.changed.publish(None)

    def _job_changed(self, job: Job[Any]) -> None:
        if job.kind is SETUP and job.running and job.progress.stage != self._step:
            # The step before is done, and its line is to say what is there now.
            self._step = job.progress.stage
            self.check()
        self.changed.publish(None)

    def _job_ended(self, job: Job[Any]) -> None:
        shown = isinstance(self.screen, Section) and job.kind in self.screen.JOBS
        tell_end(self, job, shown=shown)
        self._measuring.look()
        self.changed.publish(None)

    # Keys that are the same everywhere

    def action_section(self, mode: str) -> None:
        if self.current_mode != mode and len(self.screen_stack) == 1:
            self._former = self.current_mode
            self.switch_mode(mode)
            self.changed.publish(None)

    def _take_step(self, step: NextStep) -> None:
        self.action_section(step.place)
        if step.action and isinstance(self.screen, Section):
            self.screen.action_act(step.action)

    def action_help(self) -> None:
        if len(self.screen_stack) == 1:
            self.push_screen(HelpDialog(cast(Place, self.current_mode)))

    def action_logs(self) -> None:
        if len(self.screen_stack) == 1:
            self.push_screen(LogsScreen())

    def action_command(self, number: int) -> None:
        """Run the user's own command of this number."""
        if len(self.screen_stack) > 1:
            return
        if is_read_only():
            self.say(LOOKING_ONLY)
        else:
            run_command(self, OWN.commands[number])

    def action_copy_twin(self) -> None:
        """Copy the command that does the same as what is shown."""
        if len(self.screen_stack) > 1 or not isinstance(self.screen, Section):
            return
        if twin := self.screen.twin:
            self.copy_out(twin)
        else:
            self.say("No command does the same as what is shown here.")

    def action_leave(self) -> None:
        ask_and_leave(self, self.jobs, self._last_resort)

    async def action_quit(self) -> None:
        """Textual's own key for leaving asks as ours does."""
        self.action_leave()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What applies now: what is sensible next, this section's keys, then those that are the
        same everywhere."""
        for step in next_steps(self.state)[:1]:
            title = f"Next: {step.words[0].lower()}{step.words[1:]}"
            yield SystemCommand(title, "", partial(self._take_step, step))
        if isinstance(screen, Section):
            yield from screen.commands()
        for mode in SECTIONS:
            if mode != self.current_mode:
                title = f"Go to {PLACE_TITLES[mode]}"
                yield SystemCommand(title, "", partial(self.action_section, mode))
        for number, one in enumerate(OWN.commands):
            title = f"{one.title}  ({character_of(one.key)})"
            yield SystemCommand(title, f"Run {one.run}", partial(self.action_command, number))
        logs, keys, leave = (key_of("everywhere", name) for name in ("logs", "help", "leave"))
        if isinstance(screen, Section) and screen.twin:
            copy = key_of("everywhere", "copy_twin")
            yield SystemCommand("Copy command", f"{screen.twin} ({copy})", self.action_copy_twin)
        yield SystemCommand("Logs", f"Ours and the server's ({logs})", self.action_logs)
        yield SystemCommand("Help", f"All keys ({keys})", self.action_help)
        yield SystemCommand("Theme", "Light, dark, the terminal's own", self.action_change_theme)
        yield SystemCommand("Leave", f"The server keeps running ({leave})", self.action_leave)

    # The end

    def _end(self, number: int) -> None:
        end_by_signal(self, self.jobs, number)

    async def run_action(self, *arguments: Any, **options: Any) -> bool:
        """Do what a key is for; nothing on a screen that is only being made."""
        return self.screen.is_mounted and await super().run_action(*arguments, **options)

    def push_screen(self, *arguments: Any, **options: Any) -> Any:
        """Open a window; none for a screen that has one over it.

        Of a key that is pressed again before its window is there, a second one would come.
        """
        part = active_message_pump.get(None)
        if isinstance(part, Widget) and part not in self.screen.walk_children(with_self=True):
            return AwaitComplete.nothing()  # type: ignore[no-untyped-call]
        return super().push_screen(*arguments, **options)

    def _handle_exception(self, error: Exception) -> None:
        part = active_message_pump.get(None)
        gone = isinstance(part, Widget) and self._has_left(part)
        unfound = isinstance(error, WorkerFailed) and isinstance(error.error, NoMatches)
        if gone or unfound or self._exit:
            # Nobody sees any more what it failed to show.
            self.journal.write(report_mistake(error)[0])
        else:
            super()._handle_exception(error)

    def _has_left(self, part: Widget) -> bool:
        """Whether a part of the app, or the screen it was on, is shown no more."""
        screens = [screen for stack in self._screen_stacks.values() for screen in stack]
        return not any(one in screens for one in part.ancestors_with_self)

    def _fatal_error(self) -> None:
        # Textual's own would show the values of variables: one may be a token.
        trace, report = report_mistake(sys.exc_info()[1] or self._exception)
        self.journal.write(trace)
        self.panic(report)
