"""How fast labels come back, against the bare bulk import, and that kills neither lose nor double.

Run: `uv run python tests/benchmarks/restore.py [--labels 10000] [--kills 20] [--json]`. Labels of
three people, with skips and ground truth, as another server's files, come into a new server of
ours. The bare import makes tasks with the same labels in another project, one POST after another.
`labelpilot restore` is then killed at random moments, each time with labels still to come.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cases import Case, show

from core.dataset.export import export_dataset
from core.dataset.restore.restore import AT_ONCE, RestoreResult, restore_labels
from core.dataset.source import FolderSource
from core.images import url_maker
from core.progress import finish
from core.setup.checklist import set_up
from core.studio.project import OpenProject, open_project
from core.studio.server import stop_server
from core.workspace.settings import Workspace, load_workspace, save_workspace
from tests.studio.command import LABELPILOT
from tests.studio.first_start import prepare

PEOPLE = ["ann@example.com", "ben@example.com", "cleo@example.com"]
CLASSES = ["cat", "dog", "owl"]
CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image" choice="multiple">
<Choice value="cat"/><Choice value="dog"/><Choice value="owl"/></Choices></View>"""
BEGAN = datetime(2026, 1, 1, tzinfo=timezone.utc)
GOAL = 1.3
LONG = 600.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--labels", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = make_workspace(Path(folder) / "workspace", arguments.labels)
        prepare(workspace)
        try:
            finish(set_up(workspace, skip=["labels"]))
            with open_project(workspace) as opened:
                cases = measure(opened, arguments.labels, arguments.kills)
        finally:
            stop_server(workspace)
    show(cases, arguments.json)


def make_workspace(root: Path, labels: int) -> Workspace:
    """A workspace with the labels of three people on two thirds as many images, in files."""
    images, folder = root / "data" / "images", root / "data" / "annotations"
    for made in (images, folder, root / "labeling"):
        made.mkdir(parents=True)
    (root / "labeling" / "project_config.xml").write_text(CONFIG)
    save_workspace(root, {"project": {"title": "Restored"}})
    workspace = load_workspace(root)
    for number in range(labels * 2 // 3 + 1):
        (images / f"{number:06}.png").write_bytes(b"an image")
    for number in range(labels):
        document = annotation(number, labels * 2 // 3 + 1)
        (folder / document.pop("name")).write_text(json.dumps(document, indent=2))
    return workspace


def annotation(number: int, images: int) -> dict[str, Any]:
    """A file of another server's. Its numbers have gaps, and are not in the order of time."""
    moment = BEGAN + timedelta(seconds=number * 7919 % 100_003, microseconds=number)
    drawn = random.Random(number)
    image, own = number % images, 3 * number + 5
    chosen = drawn.sample(CLASSES, drawn.randint(0, 2))
    said = {"from_name": "kind", "to_name": "image", "type": "choices", "id": f"r{number}"}
    return {
        "name": str(own),
        "id": own,
        "result": [{**said, "value": {"choices": chosen}}] if chosen else [],
        "completed_by": {"id": 1 + number % 3, "email": PEOPLE[number % 3]},
        "task": {
            "id": image + 1,
            "data": {"image": f"/data/local-files/?d=images/{image:06}.png"},
            "created_at": BEGAN.isoformat(),
        },
        "was_cancelled": number % 20 == 0,
        "ground_truth": number % 15 == 0,
        "lead_time": 0.5 + number % 9,
        "created_at": moment.isoformat(),
        "updated_at": moment.isoformat(),
    }


def measure(opened: OpenProject, labels: int, kills: int) -> list[Case]:
    workspace = opened.workspace
    before = dataset(workspace, FolderSource(workspace.annotations.path))
    files = read_all(workspace)
    result: RestoreResult = finish(restore_labels(opened))
    assert (result.found, result.restored, result.people) == (labels, labels, 3), result
    prove(opened, before, files, labels)
    bare = bare_import(opened, labels)
    name = f"{labels:,} labels"
    ratio = result.seconds / bare
    cases = [
        Case(f"{name}: restored, proven", result.seconds, ratio, "the bare bulk import",
             f"<= {GOAL}", ratio <= GOAL),
        Case(f"{name}: bare bulk import", bare),
    ]  # fmt: skip
    began, landed = time.monotonic(), 0
    for number in range(kills):
        landed += kill_once(opened, result.seconds, random.Random(number))
    finish(restore_labels(opened))
    prove(opened, before, files, labels)
    cases.append(Case(f"{name}: killed {kills} times, {landed} with labels left; equal, none twice",
                      time.monotonic() - began))  # fmt: skip
    return cases


def kill_once(opened: OpenProject, seconds: float, drawn: random.Random) -> bool:
    """Take a fifth of the images their labels, and kill a restoration at a random moment.

    Whether there were labels left to restore when it died.
    """
    total = len(read_all(opened.workspace))
    tasks = sorted(opened.client.annotated_task_ids(opened.id))
    opened.client.transport.send(
        "POST",
        "api/dm/actions/",
        params={"id": "delete_tasks_annotations", "project": opened.id},
        body={"selectedItems": {"all": False, "included": drawn.sample(tasks, len(tasks) // 5)}},
        read_seconds=LONG,
    )
    command = [LABELPILOT, "restore", "--workspace", str(opened.workspace.root)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(drawn.uniform(0.5, seconds + 2))
    except subprocess.TimeoutExpired:
        process.kill()
    process.wait()
    return sum(1 for _ in opened.client.annotation_ids(opened.id)) < total


def bare_import(opened: OpenProject, labels: int) -> float:
    client = opened.client
    project = client.create_project("Bare import")
    client.update_project(project.id, {"label_config": CONFIG})
    url = url_maker(opened.workspace.images.path, opened.workspace.images.path.parent)
    tasks = []
    for number in range(labels):
        document = annotation(number, labels)
        kept = ("result", "was_cancelled", "ground_truth", "lead_time")
        held = {key: document[key] for key in kept}
        held["completed_by"] = {"email": document["completed_by"]["email"]}
        tasks.append({"data": {"image": url(f"{number:06}.png")}, "annotations": [held]})
    began = time.monotonic()
    for start in range(0, labels, AT_ONCE):
        client.transport.send(
            "POST",
            f"api/projects/{project.id}/import",
            body=tasks[start : start + AT_ONCE],
            read_seconds=LONG,
        )
    return time.monotonic() - began


def prove(opened: OpenProject, before: bytes, files: dict[str, str], labels: int) -> None:
    """The export is byte for byte what it was, no label is twice, and no file has changed."""
    assert dataset(opened.workspace, "storage") == before
    assert read_all(opened.workspace) == files
    annotations = list(opened.client.annotations(opened.id, at_once=True))
    assert len(annotations) == labels
    people = Counter(annotation.person for annotation in annotations)
    assert people == Counter(PEOPLE[number % 3] for number in range(labels))


def dataset(workspace: Workspace, source: Any) -> bytes:
    finish(export_dataset(workspace, source))
    return workspace.annotations.dataset.read_bytes()


def read_all(workspace: Workspace) -> dict[str, str]:
    folder = workspace.annotations.path
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


if __name__ == "__main__":
    main()
