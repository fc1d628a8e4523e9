"""The loop left to itself: labels that are new bring a training, and that the next round."""

from __future__ import annotations

import sys

from core.learning.rounds.ledger import last_round
from core.learning.rounds.publishing import published_versions, remove_version
from core.progress import finish
from core.studio.project import open_project
from core.workspace.locks import only_one
from core.workspace.settings import load_workspace
from tests.studio.command import Ran, run
from tests.studio.conftest import Demo


def watched(demo: Demo, training: str) -> Ran:
    options = ("--after", "1", "--once", "--order", "random", "--json")
    where = ("--workspace", str(demo.folder))
    return run("watch", *options, *where, "--", sys.executable, "-c", training)


def test_a_new_label_brings_a_training_and_the_next_round_also_after_one_that_failed(
    demo: Demo,
) -> None:
    workspace = load_workspace(demo.folder)
    with open_project(workspace) as opened:
        record = last_round(workspace, opened.id)
        assert record is not None
        labeled = set(opened.client.annotated_task_ids(opened.id))
        task = next(pick.task_id for pick in record.picks if pick.task_id not in labeled)
        choice = {"from_name": "digit", "to_name": "image", "type": "choices"}
        opened.client.annotate(task, [choice | {"value": {"choices": ["0"]}}])
        before = published_versions(opened)

        with only_one(workspace, "watch"):
            second = watched(demo, "")
        assert second.code == 1
        assert "Another labelpilot" in second.err

        failed = watched(demo, "print('out of memory'); raise SystemExit(3)")
        assert failed.code == 1
        assert "exit code 3" in failed.err
        assert "out of memory" in failed.err
        assert published_versions(opened) == before

        done = watched(demo, "print('epoch 1')")
        assert done.code == 0, done.err
        found = done.json
        assert found["new"] >= 1
        assert found["error"] == ""
        version = found["model_version"]
        assert published_versions(opened) == before | {version: found["scored"]}
        # One line a round, whatever its steps have to say.
        assert done.err.splitlines() == [line for line in done.err.splitlines() if version in line]
        assert (workspace.state.logs / "training.log").read_text() == "epoch 1\n"
        finish(remove_version(opened, version))
