"""The ledger keeps what each round asked for, and what the next training found on it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from core.learning.rounds.ledger import (
    RECORD,
    Pick,
    RoundRecord,
    before_last_run,
    find_record,
    history,
    note_before,
    round_folder,
    save_record,
)
from core.studio.models import Prediction, RemoteProject
from core.workspace.settings import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(root=tmp_path)


def record(version: str, published: float, **losses: float) -> RoundRecord:
    picks = (
        Pick("a", 1, 2.0, train_tag="x", train_loss=2.0, similarity=0.9, rank=1),
        Pick("b", 2, 1.5, control=True),
    )
    return RoundRecord(version, "nearest-loss", published, 1, picks, losses)


def test_a_record_is_read_back_as_it_was_written(workspace: Workspace) -> None:
    saved = record("model [1]", 1.0, x=2.0)
    save_record(workspace, saved)
    assert find_record(workspace, "model [1]") == saved
    assert find_record(workspace, "model 1") is None


def test_what_was_noted_of_another_project_is_nothing_to_go_back_to(workspace: Workspace) -> None:
    here = RemoteProject(1, "a title", "", "", "shown before", 4, created="yesterday")
    lost = replace(here, created="a year ago")
    note_before(workspace, "v1", lost, {7: Prediction(1, 7, 1.0, [])})
    assert before_last_run(workspace, "v1", lost).scores == {7: 1.0}
    assert before_last_run(workspace, "v1", here).scores == {}
    note_before(workspace, "v1", here, {8: Prediction(2, 8, 2.0, [])})
    found = before_last_run(workspace, "v1", here)
    assert (found.run, found.scores, found.shown) == (1, {8: 2.0}, "shown before")


def test_a_record_of_an_earlier_version_is_read(workspace: Workspace) -> None:
    file = round_folder(workspace, "v1") / RECORD
    file.parent.mkdir(parents=True)
    pick = {"tag": "a", "task_id": 7, "score": 0.5, "train_tag": None, "train_loss": None}
    pick |= {"similarity": None, "rank": None, "control": True}
    content = {"model_version": "v1", "order": "random", "published": 1.0, "project_id": 3}
    content |= {"former_version": "", "picks": [pick], "losses": {"x": 2.0}}
    file.write_bytes(orjson.dumps(content))
    found = find_record(workspace, "v1")
    assert found is not None
    assert found.picks == (Pick("a", 7, 0.5, control=True),)


def test_the_history_is_in_the_order_of_publishing_and_passes_over_what_is_damaged(
    workspace: Workspace,
) -> None:
    save_record(workspace, record("second", 2.0, a=3.0, b=1.0))
    save_record(workspace, record("first", 1.0, x=2.0))
    damaged = round_folder(workspace, "damaged") / RECORD
    damaged.parent.mkdir()
    damaged.write_text("{")
    records, outcomes = history(workspace)
    assert [one.model_version for one in records] == ["first", "second"]
    (outcome,) = outcomes
    assert (outcome.asked, outcome.labeled) == (2, 2)
    assert (outcome.ordered_loss, outcome.random_loss) == (3.0, 1.0)
