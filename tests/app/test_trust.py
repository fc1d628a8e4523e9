"""What a workspace that came from elsewhere wants is asked in a window, with the command line's
sentence; what was refused goes on once it is agreed to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from core.learning.rounds.options import RoundOptions
from core.learning.rounds.planning import RoundPlan
from core.progress import Work
from core.workspace.consents import may_run_hooks
from core.workspace.settings import Workspace, save_workspace
from core.workspace.trust import VARIABLE, agreed, forget
from tests.app.conftest import Walker
from tests.app.doubles import FakeBackend
from tests.app.toys import make_workspace
from tui.dialogs.dialog import Dialog


@dataclass
class Asking(FakeBackend):
    """Asks before it runs the hooks, as core does."""

    planned: int = 0

    def plan(self, workspace: Workspace, options: RoundOptions) -> Work[RoundPlan]:
        may_run_hooks(workspace)
        self.planned += 1
        return (yield from super().plan(workspace, options))


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asking:
    """A workspace that nobody has agreed to anything for, all set up."""
    workspace = make_workspace(tmp_path / "toys", annotated=7)
    monkeypatch.delenv(VARIABLE)
    forget(workspace.root)
    backend = Asking(workspace)
    backend.everything()
    return backend


async def test_opening_one_asks_before_a_token_leaves_this_machine(
    stranger: Asking, walk: Walker
) -> None:
    root = stranger.workspace.root
    save_workspace(root, {"studio": {"url": "https://studio.example"}})
    async with walk(stranger) as one:
        assert isinstance(one.app.screen, Dialog)
        shown = " ".join(one.text.split())
        assert "wants to send your token to https://studio.example." in shown
        await one.press("escape")
        await one.press("r")
        assert not isinstance(one.app.screen, Dialog)
        assert agreed() == []
    async with walk(stranger) as one:
        await one.press("enter")
        assert [(consent.kind, consent.to) for consent in agreed()] == [
            ("token", "https://studio.example")
        ]
        assert one.app.state.refused is None
    async with walk(stranger) as one:
        assert not isinstance(one.app.screen, Dialog)


async def test_a_round_asks_for_the_hooks_file_and_goes_on(stranger: Asking, walk: Walker) -> None:
    async with walk(stranger) as one:
        await one.press("5")
        await one.strike("enter")
        await one.until(lambda: isinstance(one.app.screen, Dialog))
        assert "active_learning.py" in one.text
        await one.press("n")
        assert stranger.planned == 0
        await one.strike("r")
        await one.until(lambda: isinstance(one.app.screen, Dialog))
        await one.press("y")
        assert stranger.planned == 1
        assert "run" in {consent.kind for consent in agreed()}


async def test_who_stops_the_job_answers_its_question_too(stranger: Asking, walk: Walker) -> None:
    async with walk(stranger) as one:
        await one.press("5")
        await one.strike("enter")
        await one.until(lambda: isinstance(one.app.screen, Dialog))
        (job,) = one.app.jobs.running
        job.stopping.set()
        await one.settled()
        assert job.outcome == "failed"
        assert agreed() == []
