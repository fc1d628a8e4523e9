"""Long work of the app: each piece in a thread of its own, followed from the event loop.

A job is one of core's generators. It belongs to the app, not to a screen, and goes on while the
user looks elsewhere. Its thread is a daemon, so that a call that never returns cannot keep the app
alive; stopping closes the generator between two of its events. The event loop looks at each job ten
times a second, however often the work reports.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar, cast

from core.progress import Progress, Work
from tui.job_kinds import JobKind, Result

if TYPE_CHECKING:
    from textual.app import App

Other = TypeVar("Other")
Outcome = Literal["running", "done", "failed", "stopped"]
Begin: TypeAlias = Callable[[], Work[Result]]
# Asks, in the job's thread, for the consent for want of which an error arose.
Agrees: TypeAlias = Callable[[BaseException, threading.Event], bool]
TICK_SECONDS = 0.1
# How long the end of a job may take that runs the user's hooks: hooks that do not end when they are
# asked are killed after a while.
HOOKS_SECONDS = 5.0
# The command of the job that starts our server.
START_COMMAND = "labelpilot server start"
# Notes kept: enough to scroll back, and no more than a screen can show without delay.
MOST_NOTES = 2000
# How fast a job goes is noted so often, and so many times.
SAMPLE_SECONDS = 1.0
MOST_SAMPLES = 200
# So often a thread gives way, so that a key is painted while a job computes.
SWITCH_SECONDS = 0.001
COLLECT_AFTER = (50_000, 10, 20)


@dataclass(slots=True, eq=False)
class Job(Generic[Result]):
    """A piece of long work, and what it gave. Times are monotonic, in seconds; a note is (time of
    day, sentence)."""

    kind: JobKind[Result]
    title: str
    command: str
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    outcome: Outcome = "running"
    progress: Progress = field(default_factory=lambda: Progress(""))
    events: int = 0
    last_sign: float = field(default_factory=time.monotonic)
    notes: deque[tuple[float, str]] = field(default_factory=lambda: deque(maxlen=MOST_NOTES))
    noted: int = 0
    retries: int = 0
    result: Result | None = None
    error: BaseException | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)
    # How many were done a second in this stage, for each second or so.
    pace: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_SAMPLES))
    _sampled: tuple[float, int] = (0.0, 0)
    _stage_began: float = field(default_factory=time.monotonic)
    _stage_first: int = 0

    @property
    def running(self) -> bool:
        return self.outcome == "running"

    @property
    def elapsed(self) -> float:
        return (self.ended or time.monotonic()) - self.began

    @property
    def per_second(self) -> float | None:
        """How many are done a second in this stage, or None while that cannot be said."""
        seconds = self.last_sign - self._stage_began
        gained = self.progress.done - self._stage_first
        return gained / seconds if seconds > 0.2 and gained > 0 else None

    @property
    def seconds_left(self) -> float | None:
        per_second, total = self.per_second, self.progress.total
        if per_second is None or total is None:
            return None
        return max(0.0, (total - self.progress.done) / per_second)

    def take(self, event: Progress) -> None:
        """Take in an event; called from the job's thread."""
        now = time.monotonic()
        if event.stage != self.progress.stage or event.done < self.progress.done:
            self._stage_began, self._stage_first = now, event.done
            self.pace.clear()
            self._sampled = (now, event.done)
        elif (seconds := now - self._sampled[0]) >= SAMPLE_SECONDS:
            self.pace.append((event.done - self._sampled[1]) / seconds)
            self._sampled = (now, event.done)
        if event.note and (event.note != self.progress.note or event.stage != self.progress.stage):
            self.notes.append((time.time(), event.note))
            self.noted += 1
        self.retries = max(self.retries, event.retries)
        self.progress, self.last_sign = event, now
        self.events += 1

    def given(self, kind: JobKind[Other]) -> Other | None:
        """What it gave, if it is of `kind`."""
        return cast("Other | None", self.result) if cast(object, self.kind) is kind else None

    def run(self, begin: Begin[Result], agrees: Agrees) -> None:
        """Do the work, in the job's thread; again where it was refused and `agrees` then."""
        outcome: Outcome = "running"
        while outcome == "running":
            try:
                outcome = self._work(begin)
            except BaseException as error:
                outcome = self._failed(error, agrees)
        self.ended = time.monotonic()
        self.outcome = outcome
        self.finished.set()

    def _work(self, begin: Begin[Result]) -> Outcome:
        work = begin()
        try:
            while not self.stopping.is_set():
                self.take(next(work))
        except StopIteration as stop:
            self.result = stop.value
            return "done"
        finally:
            work.close()
        return "stopped"

    def _failed(self, error: BaseException, agrees: Agrees) -> Outcome:
        try:
            if agrees(error, self.stopping):
                return "running"
        except BaseException as other:
            error = other
        self.error = error
        return "failed"


class Jobs:
    """The app's jobs: the last one of each kind, running or not.

    `changed` hears of a job's news, `ended` once of its end; both in the event loop. `agrees` is
    asked, in the job's thread, about what failed.
    """

    def __init__(
        self,
        app: App[Any],
        changed: Callable[[Job[Any]], None],
        ended: Callable[[Job[Any]], None],
        agrees: Agrees,
    ) -> None:
        self._app = app
        self._changed = changed
        self._ended = ended
        self._agrees = agrees
        self._last: dict[JobKind[Any], Job[Any]] = {}

    def last(self, kind: JobKind[Result]) -> Job[Result] | None:
        return self._last.get(kind)

    def result(self, kind: JobKind[Result]) -> Result | None:
        """What the last job of `kind` gave; None where there is none, or it is not done."""
        job = self.last(kind)
        return None if job is None else job.result

    def forget(self, kind: JobKind[Any]) -> None:
        """Forget a job that has ended, so that its screen shows what is there now."""
        job = self._last.get(kind)
        if job is not None and not job.running:
            del self._last[kind]

    @property
    def running(self) -> list[Job[Any]]:
        return [job for job in self._last.values() if job.running]

    def in_the_way(self, kind: JobKind[Any]) -> Job[Any] | None:
        """A running job beside which one of `kind` cannot run."""
        return next((job for job in self.running if job.kind.group == kind.group), None)

    def start(
        self, kind: JobKind[Result], title: str, command: str, begin: Begin[Result]
    ) -> Job[Result] | None:
        """Start a job, or return None where another is in its way."""
        if self.in_the_way(kind) is not None:
            return None
        job = Job(kind, title, command)
        self._last[kind] = job
        self._app.run_worker(self._follow(job, begin), group="jobs", exit_on_error=True)
        return job

    def stop(self, kind: JobKind[Any]) -> bool:
        """Ask a running job to stop; False if none of this kind runs."""
        job = self._last.get(kind)
        if job is None or not job.running:
            return False
        job.stopping.set()
        self._changed(job)
        return True

    def stop_all(self, patience: float) -> None:
        """Stop every job, and wait `patience` seconds in all for what they have to tidy up; longer
        for hooks."""
        running = self.running
        for job in running:
            job.stopping.set()
        began = time.monotonic()
        for job in running:
            seconds = max(patience, HOOKS_SECONDS) if job.kind.runs_hooks else patience
            job.finished.wait(max(0.0, began + seconds - time.monotonic()))

    async def _follow(self, job: Job[Result], begin: Begin[Result]) -> None:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def run() -> None:
            job.run(begin, self._agrees)
            # The loop is gone when the app was left meanwhile.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(ended.set)

        threading.Thread(target=run, daemon=True, name=f"job {job.kind.name}").start()
        shown, shown_at = -1, 0.0
        while not ended.is_set():
            now = time.monotonic()
            # Without news, once in a while all the same: the elapsed time is a sign of life.
            if job.events != shown or now - shown_at >= 0.5:
                shown, shown_at = job.events, now
                self._changed(job)
            try:
                await asyncio.wait_for(ended.wait(), TICK_SECONDS)
            except asyncio.TimeoutError:
                continue
        self._changed(job)
        self._ended(job)


def make_room_for_keys() -> None:
    """Let the screen be painted while jobs compute. To be called once the app stands.

    The collector stops every thread while it goes through all objects, for 0.2 s and more while a
    job makes many. What is there now stays to the end anyway; the rest is gone through seldom.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)
