"""Which order pays is measured beside, kept with what it rests on, and made anew in time."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import psutil
import pytest

from core.learning.inputs.sources import NETWORK
from core.learning.measuring.background import bring_up_to_date, replay_beside
from core.learning.measuring.comparison import Curves
from core.learning.measuring.kept_replay import keep_replay, kept_replay, measured_on
from core.learning.measuring.replay import Plan
from core.progress import finish
from core.workspace.settings import Workspace, load_workspace

FILE = "vectors.npz"
QUICK = Plan(start=4, step=4, most=8, seeds=1)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Embeddings of 300 images of two kinds, of which none is labeled yet."""
    random = np.random.default_rng(0)
    vectors = np.eye(2)[np.arange(300) % 2].repeat(2, axis=1) + random.random((300, 4)) / 5
    np.savez(tmp_path / FILE, tags=np.array([f"i{n}" for n in range(300)]), vectors=vectors)
    (tmp_path / "data" / "images").mkdir(parents=True)
    settings = f'[learning]\nembeddings = "{FILE}"\n[annotations]\ndataset = "dataset.json"\n'
    (tmp_path / "labelpilot.toml").write_text(settings)
    return load_workspace(tmp_path)


def label(workspace: Workspace, count: int, names: str = "ab") -> dict[str, list[str]]:
    labels = {f"i{n}": [names[n % 2]] for n in range(count)}
    workspace.annotations.dataset.write_text(json.dumps(labels))
    return labels


def measured(workspace: Workspace) -> int:
    """On how many labels the orders are measured, after a look."""
    finish(bring_up_to_date(workspace, QUICK))
    kept = kept_replay(workspace)
    return 0 if kept is None else kept.curves.images


def test_it_is_made_at_a_hundred_labels_and_again_when_they_have_doubled(
    workspace: Workspace,
) -> None:
    found = []
    for count in (99, 100, 199, 200):
        label(workspace, count)
        found.append(measured(workspace))
    assert found == [0, 100, 100, 200]


def test_it_is_thrown_away_where_the_labels_are_others(workspace: Workspace) -> None:
    label(workspace, 100)
    assert measured(workspace) == 100
    label(workspace, 60)
    assert measured(workspace) == 0


def test_it_is_told_only_of_the_labels_and_embeddings_that_it_rests_on(
    workspace: Workspace,
) -> None:
    labels = label(workspace, 100)
    assert measured_on(workspace, labels, FILE) is None
    measured(workspace)
    found = measured_on(workspace, labels | {"i0": ["corrected"], "new": ["a"]}, FILE)
    assert found is not None and found.images == 100
    assert measured_on(workspace, labels, NETWORK) is None
    assert measured_on(workspace, label(workspace, 100, "cd"), FILE) is None
    assert measured_on(workspace, None, FILE) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"measured": {"random": [[[1]]]}}'])
def test_what_is_damaged_counts_as_not_there(workspace: Workspace, content: str) -> None:
    label(workspace, 100)
    measured(workspace)
    workspace.state.replay.write_text(content)
    assert kept_replay(workspace) is None
    assert measured(workspace) == 100


def test_hooks_are_not_run_for_it(workspace: Workspace) -> None:
    workspace.learning.hooks.parent.mkdir(parents=True, exist_ok=True)
    workspace.learning.hooks.write_text("raise SystemExit('run')")
    label(workspace, 100)
    assert measured(workspace) == 0


def beside() -> list[psutil.Process]:
    found = []
    for one in psutil.Process().children(recursive=True):
        # Others of this process end meanwhile.
        with contextlib.suppress(psutil.NoSuchProcess):
            if any("measuring.background" in word for word in one.cmdline()):
                found.append(one)
    return found


def test_the_process_beside_gives_way_and_ends_with_whoever_asked(workspace: Workspace) -> None:
    label(workspace, 300)
    work = replay_beside(workspace)
    while not any(one.nice() == 19 for one in beside()):
        next(work)
    work.close()
    assert not beside()
    assert kept_replay(workspace) is None
    # Killed, it leaves what was there before, and what was not looked at to the end is not told.
    orders = {name: np.zeros((2, 1, 4)) for name in ("random", "herding")}
    keep_replay(workspace, Curves((4,), orders, images=9), label(workspace, 300), FILE)
    before = workspace.state.replay.read_bytes()
    work = replay_beside(workspace)
    while not any(one.nice() == 19 for one in beside()):
        next(work)
    beside()[0].kill()
    assert finish(work) is None
    assert workspace.state.replay.read_bytes() == before


def test_what_holds_is_told_by_the_process_beside(workspace: Workspace) -> None:
    label(workspace, 100)
    measured(workspace)
    found = finish(replay_beside(workspace))
    assert found is not None and found.images == 100
