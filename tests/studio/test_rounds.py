"""Publishing a round again, taking it back, and what the ledger keeps of it."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import os
import random
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.learning.measuring.label_efficiency import label_efficiency
from core.learning.rounds.ledger import find_record, outcomes
from core.learning.rounds.options import RoundOptions
from core.learning.rounds.planning import RoundPlan, plan_round
from core.learning.rounds.publishing import (
    RoundResult,
    publish_round,
    published_versions,
    remove_version,
)
from core.progress import finish
from core.studio.project import open_project
from core.workspace.settings import Workspace, load_workspace
from tests.studio.command import LABELPILOT
from tests.studio.conftest import Demo
from tests.unit.learning.dask_cluster import Cluster

# How often publishing is killed; set LABELPILOT_KILLS for more.
KILLS = int(os.environ.get("LABELPILOT_KILLS", "2"))


@pytest.fixture(scope="module")
def plan(demo: Demo) -> RoundPlan:
    with open_project(load_workspace(demo.folder)) as opened:
        return finish(plan_round(opened, RoundOptions("ledger [1]", random_share=0.1)))


def published(workspace: Workspace, plan: RoundPlan) -> RoundResult:
    with open_project(workspace) as opened:
        return finish(publish_round(opened, plan))


def removed(workspace: Workspace, version: str) -> int:
    with open_project(workspace) as opened:
        return finish(remove_version(opened, version))


def scores(demo: Demo, version: str) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for one in demo.client().predictions(demo.result["project_id"], version):
        found.setdefault(one.task, []).append(one.score)
    return found


def recorded(workspace: Workspace, version: str) -> dict[str, float]:
    record = find_record(workspace, version)
    assert record is not None
    return {pick.tag: pick.score for pick in record.picks}


@pytest.fixture
def workspace(demo: Demo) -> Workspace:
    return load_workspace(demo.folder)


@pytest.mark.long  # test_demo replaces scores, and test_undo takes them back
def test_few_changed_scores_are_replaced_and_an_undo_brings_them_back(
    demo: Demo, workspace: Workspace, plan: RoundPlan
) -> None:
    first = published(workspace, plan)
    before = scores(demo, plan.model_version)
    assert first.scored == len(before) == len(plan.picks)
    assert all(len(found) == 1 for found in before.values())

    top = dataclasses.replace(plan.picks[0], score=plan.picks[0].score + 1)
    changed = dataclasses.replace(plan, picks=(top, *plan.picks[1:-1]))
    second = published(workspace, changed)
    assert second.created == 1
    assert second.replaced == 2
    after = scores(demo, plan.model_version)
    assert after[top.task_id] == [top.score]
    assert plan.picks[-1].task_id not in after

    assert recorded(workspace, plan.model_version)[top.tag] == top.score

    removed(workspace, plan.model_version)
    assert scores(demo, plan.model_version) == before
    assert recorded(workspace, plan.model_version) == {pick.tag: pick.score for pick in plan.picks}


def test_removing_a_version_shows_the_one_before(
    demo: Demo, workspace: Workspace, plan: RoundPlan
) -> None:
    client, project_id = demo.client(), demo.result["project_id"]
    assert not list(workspace.state.rounds.rglob("unit.npy"))
    shown = client.project(project_id).model_version
    other = dataclasses.replace(plan, model_version="short-lived")
    scored = published(workspace, other).scored
    assert client.project(project_id).model_version == "short-lived"
    assert removed(workspace, "short-lived") == scored
    with open_project(workspace) as opened:
        assert "short-lived" not in published_versions(opened)
    assert client.project(project_id).model_version == shown


def test_the_ledger_says_why_each_image_was_asked_for(
    workspace: Workspace, plan: RoundPlan
) -> None:
    published(workspace, plan)
    record = find_record(workspace, plan.model_version)
    assert record is not None
    ordered = [pick for pick in record.picks if not pick.control]
    assert ordered
    assert all(pick.score == pytest.approx(pick.train_loss) for pick in ordered)
    # Of equal losses too, the one that the plan names first is the one that comes first.
    assert all(one.score > other.score for one, other in itertools.pairwise(record.picks))
    assert len({pick.train_tag for pick in ordered}) < len(ordered)
    assert all(pick.train_tag in record.losses for pick in ordered)
    assert any(pick.control for pick in record.picks)


def test_the_next_rounds_losses_tell_ordered_picks_from_random_ones(
    workspace: Workspace, plan: RoundPlan
) -> None:
    published(workspace, plan)
    record = find_record(workspace, plan.model_version)
    assert record is not None
    losses = {pick.tag: 1.0 if pick.control else 3.0 for pick in record.picks}
    following = dataclasses.replace(record, model_version="next", losses=losses)
    (outcome,) = outcomes([record, following])
    assert outcome.labeled == len(record.picks)
    assert outcome.ordered_loss == 3.0
    assert outcome.random_loss == 1.0


def test_killed_at_random_moments_and_run_again_each_task_has_one_score(
    demo: Demo, workspace: Workspace
) -> None:
    arguments = ["active-learning", "--model-version", "killed", "--workspace", str(demo.folder)]
    moments = random.Random(0)
    for run in range(KILLS):
        # Another number of neighbours each time, so that there is something to replace.
        process = subprocess.Popen(
            [LABELPILOT, *arguments, "-k", str(2 + run % 3)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(moments.uniform(1.0, 8.0))
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    done = demo.run(*arguments[:3], "--json")
    assert done.code == 0, done.err
    found = scores(demo, "killed")
    assert len(found) == done.json["scored"]
    assert all(len(score) == 1 for score in found.values())
    tab = int(done.json["view_url"].split("tab=")[1].split("&")[0])
    shown = demo.client().view_tasks(demo.result["project_id"], tab, 100)
    assert [score for _, score in shown] == sorted(
        (score for (score,) in found.values()), reverse=True
    )[:100]


@pytest.mark.long  # tests/unit/learning/test_cluster.py has a cluster find what this machine does
def test_the_workspaces_cluster_finds_the_same_neighbours(
    workspace: Workspace, plan: RoundPlan, tmp_path: Path
) -> None:
    pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    with contextlib.closing(Cluster(tmp_path)) as cluster:
        learning = dataclasses.replace(
            workspace.learning,
            scheduler=cluster.address,
            scheduler_secret=cluster.secret,
            shared=tmp_path / "shared",
        )
        clustered = dataclasses.replace(workspace, learning=learning)
        options = RoundOptions("on a cluster", engine="dask", random_share=0.1)
        with open_project(clustered) as opened:
            found = finish(plan_round(opened, options))
    assert found.engine == "dask"
    assert len(list((tmp_path / "shared").iterdir())) == 1
    assert [(pick.tag, pick.score) for pick in found.picks] == [
        (pick.tag, pick.score) for pick in plan.picks
    ]


def test_a_second_look_at_a_version_uses_what_the_hooks_gave_unless_it_is_to_be_fresh(
    demo: Demo, plan: RoundPlan
) -> None:
    arguments = ["active-learning", "--model-version", plan.model_version, "--leave-out-suspects"]
    second, fresh = demo.run(*arguments), demo.run(*arguments, "--fresh")
    for done in (second, fresh):
        assert done.code == 0, done.err
        assert "left out as likely wrong" in done.err
        assert label_efficiency("nearest-loss") in done.out
    assert ["not run again" in done.err for done in (second, fresh)] == [True, False]
    assert "0 earlier scores replaced" in fresh.out


@pytest.fixture
def with_pixels(workspace: Workspace, tmp_path: Path) -> Workspace:
    """The example with its images' pixels as embeddings, which no label has taught anything."""
    found = {
        file.stem: np.asarray(Image.open(file).convert("L").resize((8, 8)), np.float32).ravel() + 1
        for file in workspace.images.path.glob("*.png")
    }
    np.savez(tmp_path / "pixels.npz", tags=list(found), embeddings=list(found.values()))
    learning = dataclasses.replace(
        workspace.learning, hooks=tmp_path / "none.py", embeddings=tmp_path / "pixels.npz"
    )
    return dataclasses.replace(workspace, learning=learning)


def test_what_is_suggested_is_published_with_the_scores_and_an_undo_brings_it_back(
    demo: Demo, workspace: Workspace, with_pixels: Workspace
) -> None:
    truth, client = json.loads((demo.folder / "digits.json").read_text()), demo.client()
    with open_project(with_pixels) as opened:
        plan = finish(plan_round(opened, RoundOptions("ticked", order="random", suggest=True)))
        first = finish(publish_round(opened, plan))
        assert first.suggested > 100 and first.precision is not None and first.precision >= 0.9

        def ticked() -> dict[int, list[str]]:
            there = client.predictions(opened.id, "ticked")
            return {one.task: one.result[0]["value"]["choices"] for one in there if one.result}

        before, tags = ticked(), {pick.task_id: pick.tag for pick in plan.picks}
        assert len(before) == first.suggested
        right = sum(choices == truth[tags[task]] for task, choices in before.items())
        assert abs(right / len(before) - first.precision) < 0.08

        plain = finish(publish_round(opened, dataclasses.replace(plan, results={})))
        assert (plain.replaced, plain.suggested, ticked()) == (len(before), 0, {})
    removed(workspace, "ticked")
    assert ticked() == before
    removed(workspace, "ticked")
    assert scores(demo, "ticked") == {}
