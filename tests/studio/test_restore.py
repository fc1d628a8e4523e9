"""Labels are files: a new Label Studio has them again, and writes over none.

The labels are the example's, whose server wrote them; the workspace is a clone of the example
without `.labelpilot`, as a colleague has it, with a server of its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.images import tag_of
from core.labeling_config import read_labeling_config
from core.studio.project import OpenProject, open_project
from core.studio.server import stop_server
from core.workspace.settings import Workspace, load_workspace
from tests.studio import stock
from tests.studio.command import run
from tests.studio.conftest import IMAGES, Demo
from tests.studio.first_start import prepare
from tests.studio.places import Place

LABELS = 200


@pytest.fixture(scope="module")
def served(
    demo: Demo, tmp_path_factory: pytest.TempPathFactory, migrated: Path
) -> Iterator[Workspace]:
    """The clone, before its first set-up; its server is stopped at the end."""
    root = tmp_path_factory.mktemp("clone") / "clone"
    shutil.copytree(demo.folder, root, ignore=shutil.ignore_patterns(".labelpilot", "dataset*"))
    workspace = load_workspace(root)
    prepare(workspace, migrated)
    yield workspace
    stop_server(workspace)


def command(workspace: Workspace, *arguments: str) -> Any:
    done = run(*arguments, "--json", "--workspace", str(workspace.root))
    assert done.out, done.err
    return done.json


def exported(workspace: Workspace) -> bytes:
    command(workspace, "export")
    return workspace.annotations.dataset.read_bytes()


def files(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def submit(opened: OpenProject, workspace: Workspace, tags: list[str], label: str) -> list[int]:
    control = next(iter(read_labeling_config(workspace.project.label_config).controls.values()))
    tasks = {
        tag_of(task.image, "stem"): task.id
        for task in opened.client.tasks(opened.id, opened.remote.image_key)
    }
    said = {"from_name": control.name, "to_name": control.to_names[0], "type": "choices"}
    result = [{**said, "value": {"choices": [label]}}]
    return [opened.client.annotate(tasks[tag], result) for tag in tags]


def test_a_clone_without_a_server_has_its_labels_again_and_then_more(
    demo: Demo, served: Workspace
) -> None:
    folder = served.annotations.path
    before = files(folder)
    dataset = json.loads((demo.folder / "data" / "dataset.json").read_bytes())
    assert len(before) == LABELS == len(dataset)
    steps = {step["id"]: step["state"] for step in command(served, "setup")["steps"]}
    assert list(steps)[list(steps).index("target-storage") + 1] == "labels"
    assert set(steps.values()) == {"done"}
    assert files(folder) == before
    assert json.loads(exported(served)) == dataset
    unlabeled = [f"digit_{number:04d}" for number in range(IMAGES)]
    three = [tag for tag in unlabeled if tag not in dataset][:3]
    with open_project(served) as opened:
        numbers = submit(opened, served, three, "7")
    assert min(numbers) > max(map(int, before))
    assert files(folder).items() >= before.items()
    after = json.loads(exported(served))
    assert after == dataset | {tag: ["7"] for tag in three}
    again = command(served, "restore")
    assert (again["restored"], again["equal"]) == (0, LABELS + 3)


def test_labels_of_another_server_merge_and_differing_ones_are_listed(
    served: Workspace, tmp_path: Path
) -> None:
    """Three others: one says the same, one otherwise, one is of an image without a label."""
    other, dataset = tmp_path / "other", json.loads(exported(served))
    other.mkdir()
    mine = sorted(files(served.annotations.path).items(), key=lambda item: int(item[0]))
    (_, same), (_, differing), (_, third) = mine[:3]
    (other / "1").write_text(same.replace('"id": ', '"id": 5', 1))
    changed = json.loads(differing)
    changed["id"], changed["result"][0]["value"]["choices"] = 2, ["0", "1"]
    changed["created_at"] = changed["updated_at"] = "2026-01-01T00:00:00.000001Z"
    (other / "2").write_text(json.dumps(changed))
    new = json.loads(third)
    tag = next(t for t in (f"digit_{n:04d}" for n in range(IMAGES)) if t not in dataset)
    new["task"]["data"]["image"] = f"/data/local-files/?d=elsewhere/{tag}.png"
    new["completed_by"] = {"id": 1, "email": "Ben@example.com"}
    new["created_at"] = new["updated_at"] = "2026-01-01T00:00:00.000002Z"
    new["lead_time"], new["ground_truth"] = 4.5, True
    (other / "3").write_text(json.dumps(new))
    (other / "4").write_text("{")
    before = files(other)
    first = command(served, "restore", str(other))
    assert {key: first[key] for key in first if key != "seconds"} == {
        "found": 3,
        "restored": 1,
        "equal": 1,
        "conflicts": 1,
        "unreadable": 1,
        "people": 1,
    }
    assert files(other) == before
    second = command(served, "restore", str(other))
    assert (second["restored"], second["equal"], second["conflicts"]) == (0, 2, 1)
    after = json.loads(exported(served))
    assert after == dataset | {tag: new["result"][0]["value"]["choices"]}
    (written,) = [
        found
        for found in map(json.loads, files(served.annotations.path).values())
        if found["completed_by"]["email"] == "ben@example.com"
    ]
    assert (written["lead_time"], written["ground_truth"]) == (4.5, True)
    assert written["created_at"] == new["created_at"]


def test_a_file_that_another_server_left_is_set_aside_and_still_counts(served: Workspace) -> None:
    """As when a pull brings a colleague's labels by the numbers that our server gives next."""
    folder, dataset = served.annotations.path, json.loads(exported(served))
    foreign = json.loads(files(folder)["1"])
    tags = [t for t in (f"digit_{n:04d}" for n in range(IMAGES)) if t not in dataset][:2]
    foreign["task"]["data"]["image"] = f"/data/local-files/?d=images/{tags[0]}.png"
    foreign["task"]["created_at"] = "2026-01-01T00:00:00Z"
    foreign["created_at"] = foreign["updated_at"] = "2026-01-01T00:00:00Z"
    foreign["id"] = max(map(int, files(folder))) + 1
    text = json.dumps(foreign)
    (folder / str(foreign["id"])).write_text(text)
    with open_project(served) as opened:
        (number,) = submit(opened, served, [tags[1]], "3")
    assert number == foreign["id"]
    (aside,) = [name for name, content in files(folder).items() if content == text]
    assert aside.startswith("former-")
    both = {tags[0]: foreign["result"][0]["value"]["choices"], tags[1]: ["3"]}
    assert json.loads(exported(served)) == dataset | both
    assert command(served, "restore")["restored"] == 1
    assert aside not in files(folder)
    assert (folder / ".former" / aside).read_text() == text
    assert json.loads(exported(served)) == dataset | both


def test_a_label_that_was_deleted_here_does_not_come_back(served: Workspace) -> None:
    dataset = json.loads(exported(served))
    tag = next(t for t in (f"digit_{n:04d}" for n in range(IMAGES)) if t not in dataset)
    with open_project(served) as opened:
        (number,) = submit(opened, served, [tag], "3")
        opened.client.transport.send("DELETE", f"api/annotations/{number}/")
    assert str(number) in files(served.annotations.path)
    assert command(served, "restore")["restored"] == 0
    assert json.loads(exported(served)) == dataset


def test_the_labels_of_a_dataset_come_back(served: Workspace, tmp_path: Path) -> None:
    dataset = json.loads(exported(served))
    missing = [t for t in (f"digit_{n:04d}" for n in range(IMAGES)) if t not in dataset][:2]
    known = next(iter(dataset))
    other = "1" if dataset[known] != ["1"] else "2"
    file = tmp_path / "dataset.json"
    file.write_text(json.dumps({missing[0]: ["3", "4"], missing[1]: [], known: [other]}))
    done = command(served, "restore", str(file))
    assert (done["found"], done["restored"], done["conflicts"]) == (3, 2, 1)
    assert json.loads(exported(served)) == dataset | {missing[0]: ["3", "4"], missing[1]: []}


def test_on_a_stock_server_what_lies_in_the_folder_is_set_aside_first(place: Place) -> None:
    place.set_up()
    written = [place.labeled(f"{number}.png").read_text() for number in range(3)]
    # As another server has left it, in another place.
    root = place.root.with_name(f"{place.root.name}-restored")
    there = Place(root, place.url, place.token, title=root.name).make()
    folder = there.workspace.annotations.path
    folder.mkdir()
    for number, text in enumerate(written, start=1):
        (folder / str(number)).write_text(text.replace(stock.EMAIL, "ben@example.com"))
    before, dataset = files(folder), exported(there.workspace)
    assert set(there.states().values()) == {"done"}
    assert {path.read_text() for path in (folder / ".former").iterdir()} == set(before.values())
    assert len(files(folder)) == len(before)
    again = there.run("export", "--json")
    assert again.code == 0, again.err
    assert there.workspace.annotations.dataset.read_bytes() == dataset
    assert again.json["images"] == len(before)
    shutil.rmtree(root)
