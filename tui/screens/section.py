"""What the four sections have in common: two lines on top, keys below, and a reason for each key
that does not apply."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult, SystemCommand
from textual.containers import Vertical
from textual.screen import Screen
from textual.widget import Widget

from tui.dialogs.dialog import error_dialog, sentence
from tui.jobs import Job, JobKind
from tui.keys import Key, Place, keys_of
from tui.widgets.key_bar import KeyBar
from tui.widgets.top_bar import TopBar

if TYPE_CHECKING:
    from core.workspace.settings import Workspace
    from tui.app import LabelpilotApp
    from tui.backend import Backend


class Section(Screen[None]):
    """One of the four. Subclasses give `body`, `show` and `why_not`."""

    PLACE: ClassVar[Place]
    # The kinds of jobs that this section shows, the most telling first.
    JOBS: ClassVar[tuple[JobKind, ...]] = ()
    AUTO_FOCUS = ""

    _awaited: tuple[Job, Callable[[Any], None]] | None = None

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

    def on_mount(self) -> None:
        self.pilot.changed.subscribe(self, lambda _: self._show_if_seen())
        self.show()

    def on_screen_resume(self) -> None:
        self.show()
        self._tell_awaited()

    def keep_focus(self, widget: Widget) -> None:
        """Let `widget` have the keys unless another has them; a hidden one has none."""
        if widget.display and self.focused is None:
            self.set_focus(widget)
        elif not widget.display and widget.has_focus:
            self.set_focus(None)

    def _show_if_seen(self) -> None:
        # The other sections catch up when they are looked at again.
        if self in self.app.screen_stack:
            self.show()
        self._tell_awaited()

    def await_result(self, job: Job | None, tell: Callable[[Any], None]) -> None:
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

    @property
    def pilot(self) -> LabelpilotApp:
        return cast("LabelpilotApp", self.app)

    @property
    def backend(self) -> Backend:
        return self.pilot.backend

    @property
    def workspace(self) -> Workspace | None:
        return self.pilot.seen.workspace

    @property
    def no_workspace(self) -> str:
        """Why there is no workspace, in a sentence."""
        seen = self.pilot.seen
        if seen.problem is not None:
            return f"{sentence(seen.problem)} Setup (1) tells more."
        if not seen.missing:
            return "Looking at the workspace …"
        return "There is no workspace yet: e in Setup makes one."

    @property
    def job(self) -> Job | None:
        """The job to be shown: one that runs, else the one that ended last."""
        jobs = [job for kind in self.JOBS if (job := self.pilot.jobs.last(kind)) is not None]
        running = next((job for job in jobs if job.running), None)
        return running or max(jobs, key=lambda job: job.ended or 0.0, default=None)

    @property
    def failure(self) -> Job | None:
        """The job that ended last, if it failed."""
        job = self.job
        return job if job is not None and job.outcome == "failed" else None

    def commands(self) -> Iterator[SystemCommand]:
        """The keys that apply now, for the palette."""
        for key in keys_of(self.PLACE):
            if self.why_not(key.action) is None:
                title = f"{key.short.capitalize()}  ({key.face})"
                yield SystemCommand(title, key.what, partial(self.run_action, key.action))

    def why_not(self, action: str) -> str | None:
        """Why `action` does not apply now, in a sentence; None if it does."""
        job = self.job
        if action == "stop":
            return None if job is not None and job.running else "Nothing is running."
        if self.workspace is None and action not in ("edit", "look"):
            return self.no_workspace
        return None

    def face(self, key: Key) -> str:
        """What a key does now, in a word or two."""
        if key.key == "enter" and self.failure is not None:
            return "why"
        return key.short

    def refused(self, action: str) -> bool:
        """Whether `action` does not apply now; says why."""
        reason = self.why_not(action)
        if reason is not None:
            self.pilot.say(reason)
        return reason is not None

    def told_why(self) -> bool:
        """Show the whole of a failure, if there is one."""
        failure = self.failure
        if failure is None or failure.error is None:
            return False
        self.pilot.push_screen(error_dialog(failure.error))
        return True

    def forget_failures(self) -> None:
        """Forget what failed, so that enter does again what it says."""
        for kind in self.JOBS:
            job = self.pilot.jobs.last(kind)
            if job is not None and job.outcome == "failed":
                self.pilot.jobs.forget(kind)

    def action_stop(self) -> None:
        if self.refused("stop"):
            return
        for kind in self.JOBS:
            self.pilot.jobs.stop(kind)

    def action_label(self) -> None:
        if not self.refused("label"):
            self.pilot.label()
