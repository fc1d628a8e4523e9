"""What the five sections have in common: two lines on top, keys below, and a table of what each key
does, with the reason where it does not apply."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.containers import Vertical
from textual.screen import Screen
from textual.widget import Widget

from tui.actions import LOOKING_ONLY, Action, act, actions_of
from tui.dialogs.dialog import error_dialog, sentence
from tui.dialogs.link import show_link
from tui.host import Host, host_of
from tui.job_kinds import SYNC, JobKind, Result
from tui.jobs import Begin, Job
from tui.keys import Place, key_of, keys_of, section_key
from tui.text import SAME_AS
from tui.widgets.key_bar import KeyBar
from tui.widgets.live_text import LiveText
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from core.workspace.settings import Workspace
    from tui.backend import Backend
    from tui.state import WorkspaceState

SYNC_TITLE = "Images to tasks"
# A screen of this width is more than wide.
HUGE = 160
# So often what is being looked at moves; nothing else does by itself.
SPIN_SECONDS = 0.25


class Section(Screen[None]):
    """One of the five. Subclasses give `body`, `show` and `actions`."""

    PLACE: ClassVar[Place]
    # The kinds of jobs that this section shows, the most telling first.
    JOBS: ClassVar[tuple[JobKind[Any], ...]] = ()
    AUTO_FOCUS = ""
    # The classes by which screens.css tells small screens from large ones.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (76, "-medium"), (112, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (24, "-high")]  # noqa: RUF012

    # The key that waits for the look that would tell whether it applies.
    _soon = ""
    _awaited: tuple[Job[Any], Callable[[Any], object]] | None = None

    def compose(self) -> ComposeResult:
        yield TopBar()
        with Vertical(id="body"):
            yield from self.body()
        yield KeyBar(self.PLACE)

    def body(self) -> ComposeResult:
        """What stands between the lines on top and the keys."""
        raise NotImplementedError

    def show(self) -> None:
        """Show what the app knows now."""
        raise NotImplementedError

    def actions(self) -> Mapping[str, Action]:
        """What each key of this section does as things stand."""
        raise NotImplementedError

    def on_mount(self) -> None:
        self.host.changed.subscribe(self, lambda _: self._show_if_current())
        self.set_interval(SPIN_SECONDS, self._spin)
        self.show()

    def on_screen_resume(self) -> None:
        self.show()
        self._tell_awaited()

    def on_resize(self) -> None:
        self.set_class(self.size.width >= HUGE, "-huge")
        # What is as wide as there is room knows how wide that is after the layout.
        self.call_after_refresh(self._show_if_current)

    def keep_focus(self, widget: Widget) -> None:
        """Let `widget` have the keys unless another has them; a hidden one has none."""
        if widget.display and self.focused is None:
            self.set_focus(widget)
        elif not widget.display and widget.has_focus:
            self.set_focus(None)

    def _show_if_current(self) -> None:
        # The other sections catch up when they are opened again.
        if self in self.app.screen_stack:
            self.show()
        self._tell_awaited()
        if self._soon and not self.is_looking and self.app.screen is self:
            self.action_act(self._soon)

    def _spin(self) -> None:
        """Let what is being looked at be seen to be."""
        if self.is_looking and self.is_current:
            self.show()

    def on_screen_suspend(self) -> None:
        self._soon = ""

    # What is known

    @property
    def host(self) -> Host:
        return host_of(self)

    @property
    def backend(self) -> Backend:
        return self.host.backend

    @property
    def state(self) -> WorkspaceState:
        return self.host.state

    @property
    def workspace(self) -> Workspace | None:
        return self.host.state.workspace

    @property
    def job(self) -> Job[Any] | None:
        """The job to be shown: one that runs, else the one that ended last."""
        jobs = [job for kind in self.JOBS if (job := self.host.jobs.last(kind)) is not None]
        running = next((job for job in jobs if job.running), None)
        return running or max(jobs, key=lambda job: job.ended or 0.0, default=None)

    @property
    def running_job(self) -> Job[Any] | None:
        """The job to be shown, while it runs."""
        job = self.job
        return job if job is not None and job.running else None

    @property
    def failure(self) -> Job[Any] | None:
        """The job that ended last, if it failed."""
        job = self.job
        return job if job is not None and job.outcome == "failed" else None

    @property
    def twin(self) -> str:
        """The command that does the same as what is shown, fit for any folder; empty if there is
        none."""
        for text in self.query("#found").results(LiveText):
            for line in text.plain.splitlines():
                if line.startswith(SAME_AS):
                    return self._from_anywhere(line.removeprefix(SAME_AS))
        return ""

    def _from_anywhere(self, command: str) -> str:
        from core.workspace.settings import find_workspace

        root = self.state.root
        here = find_workspace(Path()) == root
        return command if here else f"{command} --workspace {shlex.quote(str(root))}"

    # Jobs

    def start(
        self, kind: JobKind[Result], title: str, command: str, begin: Begin[Result]
    ) -> Job[Result] | None:
        """Start a job; where another is in its way, say so and return None."""
        other = self.host.jobs.in_the_way(kind)
        if other is not None:
            self.host.say(f"{other.title} is running; wait for it, or stop it first.")
        return self.host.jobs.start(kind, title, command, begin)

    def start_sync(self, *, full: bool = False) -> None:
        """Start a sync; it goes on while other sections are looked at. `full`: of every image."""
        if self.workspace is not None:
            begin = partial(self.backend.sync, self.workspace, full=full)
            command = "labelpilot sync --full" if full else "labelpilot sync"
            self.start(SYNC, SYNC_TITLE, command, begin)

    def await_result(self, job: Job[Result] | None, tell: Callable[[Result], object]) -> None:
        """Call `tell` with what `job` gave, once it is done and the user looks at this section."""
        self._awaited = None if job is None else (job, tell)

    def _tell_awaited(self) -> None:
        if self._awaited is None or self.app.screen is not self:
            return
        job, tell = self._awaited
        if not job.running:
            self._awaited = None
            if job.outcome == "done":
                tell(job.result)

    def forget_failures(self) -> None:
        """Forget what failed, so that enter does again what it says."""
        for kind in self.JOBS:
            job = self.host.jobs.last(kind)
            if job is not None and job.outcome == "failed":
                self.host.jobs.forget(kind)

    # Actions

    def key(self, action: str) -> str:
        """The key of an action of this section, as prose names it."""
        return key_of(self.PLACE, action)

    def action_act(self, name: str) -> None:
        action, before = actions_of(self).get(name), self._soon
        self._soon = ""
        denied = action is not None and action.why_not not in ("", LOOKING_ONLY)
        if denied and self.is_looking and name != "stop":
            # What is not looked at yet is not denied: the key is done, or refused, after the look.
            self._soon = name
            if name != before:
                self.host.say("Still looking …; this is done as soon as it can be.")
        else:
            act(self, name, self.host.say)

    @property
    def is_looking(self) -> bool:
        """Whether what keys depend on is only now looked at for the first time."""
        running = self.host.jobs.running
        first = self.state.checking and not self.state.known
        reading = any(job.kind.automatic and job.kind in self.JOBS for job in running)
        return (first or reading) and all(job.kind.automatic for job in running)

    def unless_failed(self, action: Action) -> Action:
        """`action`, or while a failure is shown, the whole of it."""
        return action if self.failure is None else Action(self._tell_failure, word="why")

    def _tell_failure(self) -> None:
        if self.failure is not None and self.failure.error is not None:
            self.app.push_screen(error_dialog(self.failure.error))

    def stop_action(self) -> Action:
        """Stop what runs here."""
        return Action(self._stop, "" if self.running_job else "Nothing is running.")

    def _stop(self) -> None:
        for kind in self.JOBS:
            self.host.jobs.stop(kind)

    def label_action(self) -> Action:
        """Open the page for labeling."""
        missing = self.state.step_state("project") != "done"
        no_project = "There is no project to label in yet." if missing else ""
        return Action(partial(show_link, self), self.no_workspace or no_project)

    @property
    def no_workspace(self) -> str:
        """Why there is no workspace, in a sentence; empty where there is one."""
        state = self.state
        if state.workspace is not None:
            return ""
        if state.problem is not None:
            return f"{sentence(state.problem)} Setup ({section_key('setup')}) tells more."
        if not state.missing:
            return "Looking at the workspace …"
        return f"There is no workspace yet: {key_of('setup', 'edit')} in Setup makes one."

    def busy(self, kind: JobKind[Any]) -> str:
        """Why a job of `kind` cannot run now, in a sentence; empty if it can."""
        busy = self.host.jobs.in_the_way(kind)
        return "" if busy is None else f"{busy.title} is running."

    def commands(self) -> Iterator[SystemCommand]:
        """The keys that apply now, for the palette."""
        actions = actions_of(self)
        for key in keys_of(self.PLACE):
            if not actions[key.action].why_not:
                word = actions[key.action].word or key.short
                title = f"{word[:1].upper()}{word[1:]}  ({key.face})"
                yield SystemCommand(title, key.what, partial(self.action_act, key.action))
