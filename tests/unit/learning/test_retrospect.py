"""The workspace's own labels say which order pays, and which of them are likely wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigurationError
from core.learning.measuring.replay import Plan
from core.learning.measuring.retrospect import replay_workspace, suspect_labels
from core.learning.rounds.ledger import round_folder
from core.progress import Progress, finish
from core.workspace.settings import Annotations, Learning, Workspace

HOOKS = """
import numpy as np
def get_embeddings():
    random = np.random.default_rng(0)
    names = [f"{kind}{n}" for kind in ("cat", "dog") for n in range(12)]
    return {name: [name[0] == "c", name[0] == "d", *random.random(3) / 5] for name in names}
def get_loss_trainset():
    return {tag: 9.0 if tag == "cat7" else 0.1 for tag in get_embeddings()}
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two kinds of images, of which cat7 is labeled as a dog, and has a high loss."""
    hooks, dataset = tmp_path / "hooks.py", tmp_path / "dataset.json"
    hooks.write_text(HOOKS)
    labels = {f"{kind}{n}": [kind] for kind in ("cat", "dog") for n in range(12)}
    dataset.write_text(json.dumps(labels | {"cat7": ["dog"]}))
    return Workspace(
        root=tmp_path,
        learning=Learning(hooks=hooks, python=sys.executable),
        annotations=Annotations(path=tmp_path, dataset=dataset),
    )


def test_a_label_that_all_neighbours_contradict_is_listed(workspace: Workspace) -> None:
    (one,) = finish(suspect_labels(workspace))
    assert (one.tag, one.loss, one.classes) == ("cat7", 9.0, ("dog",))
    assert (one.unsupported, one.expected) == (("dog",), ("cat",))
    assert one.summary == "dog: all say cat, none says dog"


def test_the_orders_are_compared_on_the_labels_at_hand(workspace: Workspace) -> None:
    curves = finish(replay_workspace(workspace, Plan(start=4, step=2, most=8, seeds=2)))
    assert {"random", "herding"} <= set(curves.measured)
    assert curves.budgets == (4, 6, 8)
    assert np.shape(curves.of("random")) == (2, 3)


def test_hooks_that_ran_for_a_round_do_not_run_again(workspace: Workspace) -> None:
    from core.learning.hooks.run import run_hooks

    finish(run_hooks(workspace, round_folder(workspace, "model_v1")))
    notes: list[str] = []
    found = finish(suspect_labels(workspace), lambda event: notes.append(_note(event)))
    assert [one.tag for one in found] == ["cat7"]
    assert any("not run again" in note for note in notes)


def test_labels_that_the_model_was_trained_on_are_told(workspace: Workspace) -> None:
    notes: list[str] = []
    finish(suspect_labels(workspace), lambda event: notes.append(_note(event)))
    assert any("has seen 24 of these labels" in note for note in notes)


def _note(event: Progress) -> str:
    return event.note


def test_without_a_label_it_says_how_to_make_one(workspace: Workspace) -> None:
    workspace.annotations.dataset.unlink()
    for work in (replay_workspace, suspect_labels):
        with pytest.raises(ConfigurationError) as caught:
            finish(work(workspace))  # type: ignore[operator]
        assert "labelpilot open" in caught.value.next_step
