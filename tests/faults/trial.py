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

# Faults for which another of their kind stands in the quick run of the tests.
VARIANTS = (
    "bulk: bad gateway",
    "bulk: drop at once",
    "bulk: hang before",
    "bulk: lands after the end",
    "bulk: lands late",
    "bulk: one byte a second",
    "bulk: other json",
    "bulk: server killed",
    "bulk: truncated",
    "native: annotated every 100 ms",
    "native: bad gateway",
    "native: disk full",
    "native: drop at once",
    "native: drop before",
    "native: files come and go",
    "native: gateway timeout",
    "native: hang after",
    "native: hang before",
    "native: html 200",
    "native: html 500",
    "native: labelpilot killed",
    "native: one byte a second",
    "native: other json",
    "native: too many requests",
    "native: truncated",
    "native: two of one workspace",
    "native: two of two workspaces",
    "listing: bad gateway",
    "listing: drop after",
    "listing: html 500",
    "signing: bad gateway",
    "signing: html 500",
    "signing: other json",
    "signing: truncated",
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
    def is_variant(self) -> bool:
        """Whether another fault stands for it in the quick run of the tests."""
        return self.name in VARIANTS


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
