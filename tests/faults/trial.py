"""One go at a fault: a sync that is run again as a person would, and what it came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.errors import LabelpilotError, StudioUnreachable
from core.progress import Progress, finish
from core.studio.http import is_healthy
from core.studio.server import server_url
from core.tasks.options import Mode
from core.tasks.proof import SyncResult
from core.workspace.settings import Workspace
from tests.faults.meanwhile import wait_until
from tests.faults.server import Case, FaultServer, Tally
from tui.backend import Backend
from tui.commands.exit_codes import ExitCode, exit_code

# Faults that the tests leave to the table, because another stands for them.
ONLY_IN_TABLE = (
    "bulk: down, then up",
    "native: bad gateway",
    "native: too many requests",
    "native: drop at once",
    "native: gateway timeout",
    "native: html 500",
    "native: html 200",
    "native: other json",
    "native: truncated",
    "native: one byte a second",
    "native: labelpilot killed",
    "native: two of one workspace",
    "listing: drop after",
    "listing: bad gateway",
    "listing: html 500",
    "signing: bad gateway",
    "signing: other json",
    "signing: truncated",
    "signing: html 500",
)
# Enough for three batches, with the batches that `short_waits` makes.
IMAGES = 150


@dataclass(frozen=True)
class Trial:
    """What one go at a fault came to. `said` are the sentences of runs that did not succeed."""

    tally: Tally
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class Harm:
    """One fault: its name, and how to do it once."""

    name: str
    run: Callable[[FaultServer], Trial]

    @property
    def only_in_table(self) -> bool:
        """Whether the tests leave it to the table, because another fault stands for it."""
        return self.name in ONLY_IN_TABLE


def sync(case: Case, mode: Mode | None = None, name: str = "here") -> SyncResult:
    """Sync a case once, from the workspace of that `name`."""
    return finish(Backend().sync(case.workspace(case.server.url, name), mode))


def until_done(workspace: Workspace, mode: Mode, *, runs: int = 8) -> tuple[SyncResult, list[str]]:
    """Sync again and again, as a person presses `r`, until it says that it is complete.

    Returns what it said on the way. Anything but a sentence and a documented exit code is an error
    of the test.
    """
    said: list[str] = []

    def note(event: Progress) -> None:
        if event.note:
            said.append(event.note)

    for _ in range(runs):
        try:
            result = finish(Backend().sync(workspace, mode), note)
        except LabelpilotError as error:
            assert error.message and exit_code(error) in (*ExitCode,), error
            said.append(error.message)
            wait_until(lambda: answers(workspace), 120)
            continue
        if result.complete:
            assert result.existing + result.created == result.images
            return result, said
        said.append(str(result))
    raise AssertionError(f"not complete after {runs} runs: {said}")


def answers(workspace: Workspace) -> bool:
    """Whether a person would press `r` again."""
    try:
        return is_healthy(server_url(workspace))
    except StudioUnreachable:
        return False
