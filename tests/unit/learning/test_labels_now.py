"""What a plan knows of labels that came after dataset.json was written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from core.learning.planning import labels_now
from core.progress import Progress
from core.workspace.settings import Workspace, save_workspace

CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image"><Choice value="cat"/><Choice value="dog"/></Choices></View>"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two annotated images, of which dataset.json knows the first, as something else by now."""
    workspace = save_workspace(tmp_path, {"project": {"title": "Toys"}})
    for folder in ("labeling", "data/images", "data/annotations"):
        (tmp_path / folder).mkdir(parents=True)
    workspace.project.label_config.write_text(CONFIG)
    for number, name in enumerate(("a", "b"), start=1):
        annotation = {
            "id": number,
            "result": [
                {
                    "from_name": "kind",
                    "to_name": "image",
                    "type": "choices",
                    "value": {"choices": ["dog"]},
                }
            ],
            "task": {"id": number, "data": {"image": f"/data/local-files/?d=images/{name}.png"}},
        }
        (workspace.annotations.path / str(number)).write_text(json.dumps(annotation))
    workspace.annotations.dataset.write_text('{"a": ["cat"]}')
    return workspace


def looked_up(
    workspace: Workspace, labeled: set[str]
) -> tuple[Mapping[str, Sequence[str]] | None, int, list[str]]:
    notes, work = [], labels_now(workspace, labeled)
    while True:
        try:
            event: Progress = next(work)
        except StopIteration as stop:
            return (*stop.value, notes)
        notes.append(event.note)


def test_labels_that_the_dataset_does_not_know_are_taken_in_and_said(workspace: Workspace) -> None:
    classes, newer, notes = looked_up(workspace, {"a", "b"})
    assert classes == {"a": ["cat"], "b": ("dog",)}
    assert newer == 1
    assert notes[0].startswith("1 images were labeled since data/dataset.json was written.")


def test_a_dataset_that_knows_every_label_is_taken_as_it_is(workspace: Workspace) -> None:
    assert looked_up(workspace, {"a"}) == ({"a": ["cat"]}, 0, [])
    workspace.annotations.dataset.unlink()
    assert looked_up(workspace, {"a", "b"}) == (None, 0, [])


def test_what_cannot_be_read_is_said_all_the_same(workspace: Workspace) -> None:
    for file in workspace.annotations.path.iterdir():
        file.write_text("no annotation")
    classes, newer, notes = looked_up(workspace, {"a", "b"})
    assert (classes, newer) == ({"a": ["cat"]}, 1)
    assert notes[0]
