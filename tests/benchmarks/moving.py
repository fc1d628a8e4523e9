"""Our Label Studio onto PostgreSQL and back: all is equal each time, and how long it takes.

Run: `uv run python tests/benchmarks/moving.py [--tasks 20000] [--labels 2000] [--json]`. It starts
a PostgreSQL of its own. The tasks have labels and a round with its tab.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cases import Case, show
from restore import BEGAN, CLASSES, CONFIG, LONG, dataset

from core.dataset.restore.restore import AT_ONCE
from core.labeling.stream import check_order, save_view
from core.learning.rounds.scores import put_scores
from core.progress import finish
from core.setup.checklist import set_up
from core.studio.moving import SQLITE, move_database
from core.studio.project import open_project
from core.studio.server import stop_server
from core.workspace.databases import VARIABLE
from core.workspace.settings import Workspace, load_workspace, save_workspace
from tests.faults.postgresql import PASSWORD, a_cluster
from tests.studio.first_start import prepare

VERSION = "model_v1"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--labels", type=int, default=2000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    os.environ[VARIABLE] = PASSWORD
    with tempfile.TemporaryDirectory() as folder, a_cluster() as cluster:
        workspace = make_workspace(Path(folder) / "workspace", arguments.tasks)
        prepare(workspace)
        try:
            finish(set_up(workspace))
            fill(workspace, arguments.labels)
            cases = [
                moved(workspace.root, cluster.url, "PostgreSQL"),
                moved(workspace.root, SQLITE, "SQLite"),
            ]
        finally:
            stop_server(load_workspace(workspace.root))
    show(cases, arguments.json)


def make_workspace(root: Path, tasks: int) -> Workspace:
    (root / "data" / "images").mkdir(parents=True)
    (root / "labeling").mkdir()
    (root / "labeling" / "project_config.xml").write_text(CONFIG)
    for number in range(tasks):
        (root / "data" / "images" / f"{number:06}.png").write_bytes(b"an image")
    return save_workspace(root, {"project": {"title": "Moved"}})


def fill(workspace: Workspace, labels: int) -> None:
    """Label the first images, and publish scores for the next ones, with their tab."""
    with open_project(workspace) as opened:
        tasks = [task.id for task in opened.client.tasks(opened.id, opened.remote.image_key)]
        said = {"from_name": "kind", "to_name": "image", "type": "choices"}
        items = [
            {
                "task": task,
                "result": [{**said, "value": {"choices": [CLASSES[number % 3]]}}],
                "email": "",
                "was_cancelled": number % 20 == 0,
                "ground_truth": number % 15 == 0,
                "lead_time": 1.5,
                "created_at": BEGAN.isoformat(),
                "updated_at": BEGAN.isoformat(),
            }
            for number, task in enumerate(tasks[:labels])
        ]
        for start in range(0, labels, AT_ONCE):
            opened.client.take_labels_back(opened.id, items[start : start + AT_ONCE], LONG)
        scores = scores_of(tasks, labels)
        finish(put_scores(opened.client, opened.id, VERSION, scores))
        opened.client.update_project(opened.id, {"model_version": VERSION})
        check_order(opened, save_view(opened), scores)


def scores_of(tasks: list[int], labels: int) -> dict[int, float]:
    return {task: 1 / (1 + number) for number, task in enumerate(tasks[labels : 2 * labels])}


def moved(root: Path, url: str, name: str) -> Case:
    """Move, and prove: the same dataset by the same token, the round's tab in its order, and the
    next label under a number that no label had."""
    workspace = load_workspace(root)
    before = dataset(workspace, "storage")
    result = finish(move_database(workspace, url))
    assert result.equal, result
    workspace = load_workspace(root)
    assert dataset(workspace, "storage") == before
    with open_project(workspace) as opened:
        tasks = [task.id for task in opened.client.tasks(opened.id, opened.remote.image_key)]
        check_order(opened, save_view(opened), scores_of(tasks, result.annotations))
        numbers = set(opened.client.annotation_ids(opened.id))
        number = opened.client.annotate(tasks[-1], [])
        assert number > max(numbers)
        opened.client.transport.send("DELETE", f"api/annotations/{number}/")
        (workspace.annotations.path / str(number)).unlink()
    counts = f"{result.tasks:,} tasks and {result.annotations:,} labels"
    return Case(f"{counts} onto {name}: equal", result.seconds)


if __name__ == "__main__":
    main()
