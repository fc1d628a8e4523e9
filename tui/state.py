"""What the app knows of the workspace and its server, and how it comes to know it.

State is asked for, not remembered. A check goes through every step of the checklist, in a thread,
and shows each report as it comes; between checks a poll of a few milliseconds sees whether the
server or the workspace file changed, and checks again if so.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import LabelpilotError
from tui.backend import Backend

if TYPE_CHECKING:
    from core.learning.rounds.following import RoundLabels, RoundWatch
    from core.setup.checklist import Report
    from core.setup.context import Step
    from core.setup.standing import Standing, StandingWatch
    from core.studio.server import ServerStatus
    from core.workspace.settings import Workspace
    from core.workspace.trust import NotTrusted

POLL_SECONDS = 3.0


@dataclass(slots=True)
class WorkspaceState:
    """What was found. `missing` says that there is no workspace file; `problem` that it cannot be
    used, or that checking failed through a mistake of ours; `refused` that its user has to agree to
    something first. `known` says that a look at this workspace has come to its end: until then,
    what is not there is not looked at yet."""

    root: Path
    workspace: Workspace | None = None
    missing: bool = False
    problem: Exception | None = None
    refused: NotTrusted | None = None
    steps: tuple[Step, ...] = ()
    reports: dict[str, Report] = field(default_factory=dict)
    server: ServerStatus | None = None
    token: str | None = None
    example: bool = False
    labels: RoundLabels | None = None
    standing: Standing | None = None
    checking: bool = False
    known: bool = False

    def step_state(self, step_id: str) -> str:
        """The state of a step; empty while it is not known."""
        report = self.reports.get(step_id)
        return "" if report is None else report.state

    @property
    def gone(self) -> str:
        """How many tasks are without their image, in words; empty where none is known to be."""
        report = self.reports.get("images")
        # A report has words only; the step leaves these out where there are none.
        found = re.search(r"[\d,]+ tasks? without their image", report.detail) if report else None
        return found.group() if found else ""

    @property
    def all_done(self) -> bool:
        return bool(self.steps) and all(self.step_state(step.id) == "done" for step in self.steps)


class Watcher:
    """Checks the workspace in the background and keeps `state` up to date."""

    def __init__(self, root: Path, backend: Backend, changed: Callable[[], None]) -> None:
        self.state = WorkspaceState(root)
        self._backend = backend
        self._changed = changed
        self._again = False
        self._polling = False
        self._follower: RoundWatch | None = None
        self._standing: StandingWatch | None = None
        self._stamp: float | None = None
        self.checks = 0

    def check(self) -> None:
        """Check everything; if that is being done, do it once more afterwards."""
        if self.state.checking:
            self._again = True
            return
        self.state.checking = True
        self._changed()
        self._in_thread(self._check)

    def poll(self) -> None:
        """See whether anything changed that can be seen for nearly nothing, and check if so."""
        if self._polling or self.state.checking:
            return
        self._polling = True
        self._in_thread(self._poll)

    def _in_thread(self, task: Callable[[Callable[..., None]], None]) -> None:
        loop = asyncio.get_running_loop()

        def tell(patch: Callable[..., None], *arguments: Any) -> None:
            # The loop is gone when the app was left meanwhile.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(patch, *arguments)

        threading.Thread(target=task, args=(tell,), daemon=True, name="check").start()

    # In a thread: these touch nothing of `state`, they only tell.

    def _check(self, tell: Callable[..., None]) -> None:
        from core.workspace.trust import NotTrusted

        try:
            steps = self._backend.steps()
            tell(self._set, {"steps": steps})
            workspace = self._backend.load(self.state.root)
            self._stamp = _stamp(workspace.file)
            tell(self._begin, workspace)
            tell(self._set, {"refused": self._backend.refused_token(workspace)})
            tell(self._set, {"example": self._backend.is_example(workspace)})
            tell(self._set, {"standing": self._stands(workspace)})
            tell(self._set, {"server": self._backend.status(workspace)})
            tell(self._set, {"token": self._backend.token_source(workspace)})
            for report in self._backend.probe(workspace):
                tell(self._report, report)
        except LabelpilotError as error:
            missing = not (self.state.root / "labelpilot.toml").exists()
            refused = error if isinstance(error, NotTrusted) else None
            problem = None if missing else error
            tell(self._set, {"missing": missing, "problem": problem, "refused": refused})
        except Exception as error:
            tell(self._set, {"problem": error})
        finally:
            tell(self._checked)

    def _poll(self, tell: Callable[..., None]) -> None:
        changed, labels, standing = False, None, None
        try:
            workspace = self.state.workspace
            file = self.state.root / "labelpilot.toml"
            changed = _stamp(file) != self._stamp
            if workspace is not None:
                standing = self._stands(workspace)
                status = self._backend.status(workspace)
                changed = changed or status != self.state.server
                if status.running and self.state.step_state("project") == "done":
                    labels = self._look(workspace)
        except LabelpilotError:
            changed = True
        finally:
            if standing is not None and standing != self.state.standing:
                tell(self._set, {"standing": standing})
            tell(self._polled, changed, labels)

    def _stands(self, workspace: Workspace) -> Standing:
        if self._standing is None:
            self._standing = self._backend.watch_standing()
        return self._standing.look(workspace)

    def _look(self, workspace: Workspace) -> RoundLabels | None:
        """How much of the round is labeled; None where Label Studio does not say."""
        try:
            if self._follower is None or self._follower.workspace != workspace:
                self._unfollow()
                self._follower = self._backend.follow_round(workspace)
            return self._follower.look()
        except LabelpilotError:
            self._unfollow()
            return None

    def _unfollow(self) -> None:
        if self._follower is not None:
            self._follower.close()
        self._follower = None

    # In the event loop.

    def _set(self, values: dict[str, Any]) -> None:
        for name, value in values.items():
            setattr(self.state, name, value)
        self._changed()

    def _begin(self, workspace: Workspace) -> None:
        """Forget what was found elsewhere, and go on in `workspace`."""
        state = self.state
        if state.workspace is None or _places(state.workspace) != _places(workspace):
            state.reports, state.server, state.token, state.known = {}, None, None, False
        self._set({"workspace": workspace, "missing": False, "problem": None})

    def _report(self, report: Report) -> None:
        self.state.reports[report.id] = report
        self._changed()

    def _checked(self) -> None:
        self.state.checking, self.state.known = False, True
        self.checks += 1
        if self._again:
            self._again = False
            self.check()
        self._changed()

    def _polled(self, changed: bool, labels: RoundLabels | None) -> None:
        self._polling = False
        if labels != self.state.labels:
            self.state.labels = labels
            self._changed()
        if changed:
            self.check()


def _places(workspace: Workspace) -> tuple[object, ...]:
    """What the steps of the set-up are about."""
    paths = (workspace.annotations.path, workspace.project)
    return (workspace.root, workspace.studio, workspace.images, *paths)


def _stamp(file: Path) -> float | None:
    with contextlib.suppress(OSError):
        return file.stat().st_mtime
    return None
