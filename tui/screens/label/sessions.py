"""Whose images are in front: the label stream's, or for a while those that are labeled again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tui.dialogs.dialog import sentence
from tui.job_kinds import AGAIN, PUBLISH, SHARE, UNDO
from tui.keys import key_of, section_key

if TYPE_CHECKING:
    from core.labeling.session import LabelSession
    from core.studio.server import ServerStatus
    from tui.screens.section import Section

# More images than are labeled again at a time.
MOST = 1_000_000
# How long the end of the app waits for labels that are being sent.
END_SECONDS = 2.0


class Sessions:
    """Opens a section's sessions once they can be; `changed` hears that another is in front."""

    def __init__(self, section: Section, changed: Callable[[], None]) -> None:
        self._section = section
        self._changed = changed
        self._stream: LabelSession | None = None
        self.again: LabelSession | None = None
        self._opening = False
        # Up to when the stream follows what was published here, and what it knows of other rounds.
        self._followed = 0.0
        self._rounds: object = None
        # Why there is no session, and the server that said so: another one is asked again.
        self._refused: Exception | None = None
        self._asked_of: ServerStatus | None = None

    @property
    def current(self) -> LabelSession | None:
        """The one in front; none while labels are looked for that are given again."""
        return None if self._is_looking else self.again or self._stream

    @property
    def _is_looking(self) -> bool:
        return self._section.host.jobs.last(AGAIN) is not None

    @property
    def left_again(self) -> int | None:
        """How many are left to be labeled again; None where the label stream is in front."""
        return None if self.again is None else len(self.again.ahead(MOST))

    @property
    def in_the_way(self) -> str:
        """Why nothing else can be labeled again now; empty where it can."""
        if self.again is None:
            return ""
        return f"Some are looked at already: {self._section.key('close')} leads back first."

    def come_back(self) -> None:
        """Ask also a server that has refused, and follow the order where another was published."""
        self._asked_of = None
        jobs = [self._section.host.jobs.last(kind) for kind in (PUBLISH, UNDO, SHARE)]
        if self._stream is not None and any(
            job and (job.ended or 0.0) > self._followed for job in jobs
        ):
            self._followed = time.monotonic()
            self._stream.follow_order()
            self._changed()

    def look(self) -> None:
        """Begin to label, once there is a project to label in, and with what is labeled again."""
        self._take_again()
        self._follow_rounds()
        section, state = self._section, self._section.state
        workspace = section.workspace
        ready = workspace is not None and state.step_state("project") == "done"
        if not ready or self._stream is not None or self._opening or not section.is_active:
            return
        if self._refused is not None and self._asked_of == state.server:
            return
        self._opening, self._refused, self._asked_of = True, None, state.server
        app, self._followed = section.app, time.monotonic()

        def work() -> None:
            assert workspace is not None
            try:
                opened: Any = section.backend.label_session(workspace)
            except Exception as error:
                opened = error
            app.call_from_thread(self._begin, opened)

        section.run_worker(work, thread=True, group="label", exit_on_error=False)

    def _follow_rounds(self) -> None:
        """Follow also a round that another process publishes or takes back; the image in front,
        which may be answered half, stays."""
        standing, stream = self._section.state.standing, self._stream
        rounds = None if standing is None else standing.rounds
        if rounds != self._rounds:
            if stream is not None and self._rounds is not None:
                stream.follow_order(next(iter(stream.ahead(1)), None))
            self._rounds = rounds

    def _begin(self, opened: LabelSession | Exception) -> None:
        self._opening = False
        if isinstance(opened, Exception):
            self._refused = opened
        elif not self._section.is_attached:
            opened.close()
        else:
            self._stream = opened
        self._changed()

    def _take_again(self) -> None:
        """Bring to the front what is to be labeled again, once it is found."""
        jobs = self._section.host.jobs
        job = jobs.last(AGAIN)
        if job is None or job.running:
            return
        jobs.forget(AGAIN)
        if job.result is None:
            if job.error is not None:
                self._section.host.say(sentence(job.error), "error")
        elif not job.result.ahead(1):
            job.result.close()
            self._section.host.say("Nothing of it can be labeled again by now.")
        else:
            self.leave_again()
            self.again = job.result
        self._changed()

    def leave_again(self) -> bool:
        """Go back to the label stream's images; False where they are in front."""
        former, self.again = self.again, None
        if former is not None:
            _end(former)
            self._changed()
        return former is not None

    @property
    def _is_answering(self) -> bool:
        server = self._section.state.server
        return server is None or server.running

    def close(self) -> None:
        """End all of them, without waiting long."""
        ending = [_end(one) for one in (self.again, self._stream) if one is not None]
        for thread in ending:
            thread.join(END_SECONDS)

    def empty(self) -> list[str]:
        """What stands where no image is in front."""
        section, session = self._section, self.current
        if section.no_workspace:
            return [section.no_workspace]
        if self._is_looking:
            return ["Looking at the labels …"]
        if self.again is not None:
            leave = section.key("close")
            return ["Nothing is left to be looked at again.", f"{leave}: back to the label stream."]
        if self._refused is not None:
            return [sentence(self._refused)]
        if not section.state.step_state("project"):
            return ["Looking at the project …"]
        if section.state.step_state("project") == "waiting" and not self._is_answering:
            start = f"{section_key('setup')}, then {key_of('setup', 'do_all')}, starts it."
            own = section.workspace is not None and section.workspace.owns_server
            return (
                ["Label Studio is not running.", start]
                if own
                else ["Label Studio does not answer."]
            )
        if section.state.step_state("project") != "done":
            return ["There is no project to label in yet.", "The set-up makes one."]
        if session is None:
            return ["Looking for what is to be labeled …"]
        if not session.at_end:
            return ["Looking for the next images …"]
        return ["Nothing is left to be labeled."]


def _end(session: LabelSession) -> threading.Thread:
    """Close a session beside the app: a server that is silent must not keep it, and what is not
    sent is on the disk."""
    ending = threading.Thread(target=session.close, daemon=True, name="label end")
    ending.start()
    return ending
