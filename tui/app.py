"""The app: four sections over one core. It wires them together and does nothing itself.

Everything it imports at its top is light: no Label Studio SDK, no keyring, no HTTP client, no numpy
before the first paint.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import AppBlur
from textual.screen import Screen
from textual.signal import Signal

from core.errors import LabelpilotError
from tui.backend import Backend
from tui.dialogs.dialog import LinkDialog, mistake, sentence
from tui.driver import lenient
from tui.jobs import Job, Jobs
from tui.journal import Journal
from tui.keys import Place, bindings
from tui.links import link_from_here, open_link
from tui.screens.export.screen import ExportScreen
from tui.screens.learning.screen import LearningScreen
from tui.screens.section import Section
from tui.screens.setup.screen import SetupScreen
from tui.screens.sync.screen import SyncScreen
from tui.state import POLL_SECONDS, Looker, Seen
from tui.text import harmless
from tui.themes import THEMES, muted, remember, remembered
from tui.widgets.sharp_picture import prepare
from tui.widgets.top_bar import SECTIONS

if TYPE_CHECKING:
    from textual.driver import Driver

# What a job may take to tidy up when the app is left.
LEAVE_SECONDS = 2.0
SWITCH_SECONDS = 0.001
COLLECT_AFTER = (50_000, 10, 20)


class LabelpilotApp(App[None]):
    """labelpilot in the terminal, on the workspace in `root`."""

    CSS_PATH = "../screens.css"
    TITLE = "labelpilot"
    MODES: ClassVar[dict[str, Any]] = {
        "setup": SetupScreen,
        "sync": SyncScreen,
        "export": ExportScreen,
        "learning": LearningScreen,
    }
    DEFAULT_MODE = "setup"
    COMMAND_PALETTE_BINDING = "colon"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("everywhere"),
        Binding("ctrl+c", "leave", show=False),
    ]

    def __init__(
        self, root: Path, backend: Backend | None = None, poll_seconds: float = POLL_SECONDS
    ) -> None:
        super().__init__()
        self.backend = backend or Backend()
        self.journal = Journal()
        self.jobs = Jobs(self)
        self.changed: Signal[None] = Signal(self, "changed")
        self.looker = Looker(root, self.backend, self._changed)
        self._poll_seconds = poll_seconds
        for theme in THEMES:
            self.register_theme(theme)
        if "TEXTUAL_THEME" not in os.environ:
            known = remembered()
            self.theme = known if known in self.available_themes else THEMES[0].name

    def get_driver_class(self) -> type[Driver]:
        return lenient(super().get_driver_class(), partial(self._end, signal.SIGHUP))

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        return {**variables, "muted": muted(self.current_theme.ansi, variables)}

    def run(self, *arguments: Any, **options: Any) -> Any:
        """Run the app; the terminal is asked what pictures it shows before it is taken."""
        prepare()
        return super().run(*arguments, **options)

    @property
    def seen(self) -> Seen:
        """What is known of the workspace and its server."""
        return self.looker.seen

    def on_mount(self) -> None:
        # Nothing moves by itself: over SSH each frame is a round trip.
        self.animation_level = "none"
        # Threads of jobs give way often, so that a key is painted while they compute.
        sys.setswitchinterval(SWITCH_SECONDS)
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._end, number)
        self.theme_changed_signal.subscribe(self, lambda theme: remember(theme.name))
        # The first paint comes before anything is asked.
        self.call_after_refresh(self._begin)
        if self._poll_seconds:
            self.set_interval(self._poll_seconds, self.looker.poll)

    def on_app_blur(self, event: AppBlur) -> None:
        """Keep the focus when the terminal loses its own: a form stays where one was typing."""
        event.prevent_default()

    def _begin(self) -> None:
        # The collector stops every thread while it goes through all objects, for 0.2 s and more
        # while a job makes many. What is there now stays to the end anyway; the rest is gone
        # through seldom.
        gc.freeze()
        gc.set_threshold(*COLLECT_AFTER)
        self.look()

    def look(self) -> None:
        """Look at the workspace and its server again."""
        self.looker.look()

    def _changed(self) -> None:
        workspace = self.seen.workspace
        if workspace is not None and self.journal.file is None:
            self.journal.file = workspace.logs / "labelpilot.log"
        self.changed.publish(None)

    # Jobs

    def job_changed(self, job: Job) -> None:
        """A job has news."""
        if job.kind == "setup" and job.running and _tells_of_a_step(job):
            self.look()
        self.changed.publish(None)

    def job_ended(self, job: Job) -> None:
        """A job has ended, one way or the other."""
        self.journal.write(f"{job.title}: {job.outcome}. {_in_words(job.result)}".strip())
        for _, note in job.notes:
            self.journal.write(f"  {note}")
        if job.error is not None:
            self.journal.write(mistake(job.error))
            if job.kind not in ("versions", "preview") and not self._is_looked_at(job):
                self.say(f"{sentence(job.error)} Press enter in its section for more.", "error")
        elif job.outcome == "done" and job.kind == "sync" and not self._is_looked_at(job):
            self.say(f"{job.result}.")
        if job.kind in ("publish", "undo"):
            # What is published has changed: it is asked for again when it is looked at.
            self.jobs.forget("versions")
        if job.kind not in ("preview", "versions"):
            self.look()
        self.changed.publish(None)

    def _is_looked_at(self, job: Job) -> bool:
        """Whether the user sees a job's section, which tells how it ended."""
        return isinstance(self.screen, Section) and job.kind in self.screen.JOBS

    def sync(self) -> None:
        """Start a sync; it goes on while other sections are looked at."""
        workspace = self.seen.workspace
        if workspace is not None:
            begin = partial(self.backend.sync, workspace)
            self.jobs.start("sync", "Images to tasks", "labelpilot sync", begin)

    def label(self) -> None:
        """Open the page for labeling in the user's browser, or show its link."""
        workspace = self.seen.workspace
        if workspace is not None:
            self.run_worker(partial(self._find_page, workspace), thread=True, exit_on_error=False)

    def _find_page(self, workspace: Any) -> None:
        from core.progress import finish

        try:
            url = link_from_here(finish(self.backend.label_page(workspace)), os.environ)
            account = self.backend.sign_in(workspace)
        except Exception as error:
            self.call_from_thread(self.say, sentence(error), "error")
        else:
            opened = open_link(url)
            self.call_from_thread(self.push_screen, LinkDialog(url, opened, account))

    # What every screen needs

    def say(self, words: str, severity: str = "information") -> None:
        """A toast. The words are shown as they are."""
        self.notify(harmless(words), severity=cast(Any, severity), markup=False)

    def copy_out(self, text: str) -> None:
        """Copy `text` to the user's clipboard (OSC 52), and keep it in a file as well."""
        self.copy_to_clipboard(text)
        workspace = self.seen.workspace
        if workspace is None:
            self.say("Copied.")
            return
        file = workspace.logs / "copied.txt"
        try:
            workspace.make_folder()
            file.parent.mkdir(mode=0o700, exist_ok=True)
            file.write_text(text, encoding="utf-8", errors="replace")
        except (OSError, LabelpilotError):
            self.say("Copied.")
        else:
            self.say(f"Copied; it is in {workspace.relative(file)} too.")

    @property
    def place(self) -> Place:
        """The section that is looked at."""
        return cast(Place, self.current_mode)

    def action_section(self, mode: str) -> None:
        if self.current_mode != mode and len(self.screen_stack) == 1:
            self.switch_mode(mode)
            self.changed.publish(None)

    def action_help(self) -> None:
        from tui.dialogs.help import HelpDialog

        if len(self.screen_stack) == 1:
            self.push_screen(HelpDialog(self.place))

    def action_logs(self) -> None:
        from tui.dialogs.logs import LogsScreen

        if len(self.screen_stack) == 1:
            self.push_screen(LogsScreen())

    def action_leave(self) -> None:
        from tui.dialogs.quit import UNASKED, leaving_dialog

        running = [job for job in self.jobs.running if job.kind not in UNASKED]
        if not running:
            self._leave(True)
            return
        self.push_screen(leaving_dialog(running), self._leave)

    def _leave(self, agreed: bool | None) -> None:
        if agreed:
            self.jobs.stop_all(LEAVE_SECONDS)
            self.exit()

    def _fatal_error(self) -> None:
        """Tell of a mistake of ours that nothing caught.

        Without the values of variables, which Textual would show: one may be a token.
        """
        error = sys.exc_info()[1] or self._exception
        trace = mistake(error) if error is not None else ""
        self.journal.write(trace)
        self.panic(
            Text(f"{trace}\n\nlabelpilot made a mistake and had to end. Please report the above.")
        )

    def _end(self, number: int) -> None:
        """End because of a signal: tidy up, and restore the terminal."""
        self.jobs.stop_all(LEAVE_SECONDS)
        self.exit(return_code=128 + number)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """What applies now: this section's keys, then those that are the same everywhere."""
        if isinstance(screen, Section):
            yield from screen.commands()
        for mode, title in SECTIONS.items():
            if mode != self.current_mode:
                yield SystemCommand(f"Go to {title}", "", partial(self.action_section, mode))
        yield SystemCommand("Logs", "Ours and the server's (L)", self.action_logs)
        yield SystemCommand("Help", "All keys (?)", self.action_help)
        yield SystemCommand("Theme", "Light, dark, the terminal's own", self.action_change_theme)
        yield SystemCommand("Leave", "The server goes on (q)", self.action_leave)


def _in_words(result: object) -> str:
    """What a result says of itself; nothing for one that is only data."""
    return str(result) if type(result).__str__ is not object.__str__ else ""


def _tells_of_a_step(job: Job) -> bool:
    """Whether a set-up has just ended one of its steps."""
    progress = job.progress
    return bool(progress.note and progress.total and progress.done)
