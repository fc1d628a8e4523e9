"""Classes are renamed and merged everywhere, are proven to be, and taken back: on labelpilot's own
Label Studio and on another one."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from core.dataset.classes.change import ClassResult, change_classes
from core.dataset.classes.journal import last_change
from core.dataset.classes.plan import plan_change, plan_undo
from core.dataset.classes.wish import Wish, merges, renames
from core.dataset.export import export_dataset
from core.errors import ConfigurationError
from core.images import url_maker
from core.labeling_config import parse_labeling_config
from core.progress import finish
from core.secrets.credentials import find_secret
from core.studio.client import StudioClient
from core.studio.listings import tasks_page
from core.studio.project import open_project
from core.studio.transport import Transport
from core.workspace.settings import load_workspace
from tests.studio.conftest import Demo
from tests.studio.places import CONFIG, Place

SWAP = renames(["cat", "dog", "dog", "cat"])
MERGE = merges(["cat", "dog", "pet"])
RENAME = renames(["cat", "Cat <&> 猫"])


def said(*classes: str) -> list[dict[str, Any]]:
    value = {"choices": list(classes)}
    return [{"from_name": "kind", "to_name": "image", "type": "choices", "value": value}]


@dataclass
class Labeled:
    """A place with labels of every kind; `ids` are its annotations."""

    place: Place
    client: StudioClient
    tasks: list[int]
    ids: list[int]

    def change(self, wish: Wish | None) -> ClassResult:
        with open_project(self.place.workspace) as opened:
            plan = finish(plan_undo(opened) if wish is None else plan_change(opened, wish))
            return finish(change_classes(opened, plan))

    def is_open(self) -> bool:
        """Whether a change was cut off that is to go on."""
        with open_project(self.place.workspace) as opened:
            last = last_change(opened.workspace, opened.remote)
            return last is not None and last.is_open

    def items(self, kind: str) -> list[dict[str, Any]]:
        """Everything of a kind, in the order in which it was made."""
        params = {"project": self.place.project_id, "fields": "all", "resolve_uri": "false"}
        tasks, _, _ = tasks_page(self.client.transport, params, 100)
        return sorted((one for task in tasks for one in task[kind]), key=lambda one: one["id"])

    def classes(self, kind: str = "annotations") -> list[list[str]]:
        return [one["result"][0]["value"]["choices"] for one in self.items(kind)]

    def state(self, *, times: bool = True) -> dict[str, Any]:
        """All that holds a class, and when annotations were changed."""
        workspace = self.place.workspace
        folder = workspace.annotations.path
        kept = ("id", "result", "completed_by", "ground_truth", *(["updated_at"] if times else []))
        return {
            "project": self.client.project(self.place.project_id).label_config.strip(),
            "file": workspace.project.label_config.read_text().strip(),
            "annotations": [{key: one[key] for key in kept} for one in self.items("annotations")],
            "others": [self.classes("drafts"), self.classes("predictions")],
            "files": {one.name: json.loads(one.read_bytes())["result"] for one in folder.iterdir()},
            "dataset": json.loads(workspace.annotations.dataset.read_bytes()),
        }


def labeled(place: Place) -> Labeled:
    client, folder = place.client, place.workspace.annotations.path
    project = client.create_project(place.title)
    client.update_project(project.id, {"label_config": CONFIG})
    folder.mkdir()
    client.create_target_storage(project.id, "labels", str(folder))
    url = url_maker(place.workspace.images.path, place.root.parent)
    images = [{"image": url(f"{number}.png")} for number in range(4)]
    tasks = client.import_tasks(project.id, images, 60)
    place.write(project=f"id = {project.id}\n")
    ids = [
        client.annotate(tasks[0], said("cat")),
        client.annotate(tasks[0], said("dog"), {"ground_truth": True}),
        client.annotate(tasks[1], said("cat", "dog")),
        client.annotate(tasks[2], said("cat"), {"was_cancelled": True}),
    ]
    gone = client.annotate(tasks[3], said("cat"))
    client.transport.send("DELETE", f"api/annotations/{gone}/")
    client.transport.send("POST", f"api/tasks/{tasks[3]}/drafts", body={"result": said("dog")})
    prediction = {"task": tasks[3], "result": said("cat"), "score": 0.5, "model_version": "m"}
    client.create_prediction(place.project_id, prediction)
    # As a server of before has left it, and a restoration has set it aside.
    former = json.loads((folder / str(ids[0])).read_bytes())
    (folder / "former-7-0123abcd").write_text(json.dumps({**former, "id": 7}))
    finish(export_dataset(place.workspace))
    return Labeled(place, client, tasks, ids)


@pytest.fixture
def own(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> Iterator[Labeled]:
    """A workspace beside the example, on its server."""
    token = find_secret(load_workspace(demo.folder), "token")
    assert token is not None
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", token.value)
    root = demo.folder / "data" / f"classes-{secrets.token_hex(4)}"
    yield labeled(Place(root, demo.client().url, token.value, title=root.name).make())
    shutil.rmtree(root, ignore_errors=True)


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def kill_after(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`kill_after(n)` has the process end once it has written so many times; 0 for never.

    A write is a request that changes something, or a file that is there from then on.
    """
    left = [0]

    def after(function: Any, is_write: Any) -> Any:
        def called(*arguments: Any, **named: Any) -> Any:
            done = function(*arguments, **named)
            if left[0] and is_write(arguments):
                left[0] -= 1
                if not left[0]:
                    raise Killed
            return done

        return called

    send = after(Transport.send, lambda arguments: arguments[1] != "GET")
    monkeypatch.setattr(Transport, "send", send)
    monkeypatch.setattr(os, "replace", after(os.replace, lambda _: True))

    def kill(number: int) -> None:
        left[0] = number

    return kill


@pytest.mark.parametrize("writes", [5, pytest.param(1, marks=pytest.mark.long)])
def test_cut_off_anywhere_it_goes_on_and_so_does_taking_it_back(
    own: Labeled, kill_after: Any, writes: int
) -> None:
    """Cut off after so many writes, there and back, and run again: all is as if it had not been."""
    before = own.state()
    own.change(SWAP)
    after = own.state()
    assert after != before
    own.change(None)
    assert own.state() == before
    for asked, expected in ((SWAP, after), (None, before)):
        runs, begun = 0, False
        while not begun or own.is_open():
            # What a dataset was is kept before a change is begun.
            kill_after(writes if begun else 3)
            with contextlib.suppress(Killed):
                own.change(asked)
            kill_after(0)
            begun = True
            runs += 1
            assert runs < 40
        assert runs > 6 // writes
        assert own.state() == expected


def test_a_class_has_its_new_name_everywhere_and_nothing_else_changed(own: Labeled) -> None:
    before = own.state()
    result = own.change(RENAME)
    assert result.as_json() | {"seconds": 0} == {
        "tasks": 3,
        "annotations": 3,
        "files": 5,
        "drafts": 0,
        "predictions": 1,
        "images": 1,
        "holding": 3,
        "lost": 0,
        "changed": True,
        "seconds": 0,
    }
    new = "Cat <&> 猫"
    expected = json.loads(json.dumps(before).replace('"cat"', json.dumps(new)))
    for config in ("project", "file"):
        expected[config] = before[config].replace("cat", "Cat &lt;&amp;&gt; 猫")
    assert json.loads(json.dumps(own.state())) == expected
    # As Label Studio counts, which refuses to take away what is in use.
    config = own.client.project(own.place.project_id).label_config
    own.client.validate_config(own.place.project_id, config)
    finish(export_dataset(own.place.workspace))
    assert json.loads(json.dumps(own.state())) == expected
    # Asked once more, as of one that was killed when all was done.
    assert own.place.run("classes", "rename", *RENAME.pairs[0], "--yes", "--json").code == 0
    assert json.loads(json.dumps(own.state())) == expected


def test_what_a_page_of_before_submits_meanwhile_is_found(
    own: Labeled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody submits the old name after the whole list was gone through."""
    update, late = StudioClient.update_project, list[int]()

    def submitting(client: StudioClient, number: int, changes: Any) -> Any:
        done = update(client, number, changes)
        if "cat" not in changes["label_config"] and not late:
            late.append(client.annotate(own.tasks[3], said("cat")))
        return done

    monkeypatch.setattr(StudioClient, "update_project", submitting)
    result = own.change(merges(["cat", "dog"]))
    assert late and result.holding == len(own.ids) + 1
    assert own.classes() == [["dog"]] * 5
    late += [own.client.annotate(own.tasks[3], said("cat"))]
    again = own.place.run("classes", "merge", "cat", "dog", "--yes", "--json")
    assert (again.code, again.json["annotations"]) == (0, 1), again.err


def test_what_was_labeled_since_keeps_its_meaning_when_a_change_is_taken_back(
    own: Labeled,
) -> None:
    own.change(renames(["cat", "feline"]))
    own.client.annotate(own.tasks[3], said("feline", "dog"))
    own.change(None)
    assert own.classes()[-1] == ["cat", "dog"]
    own.change(MERGE)
    own.client.annotate(own.tasks[3], said("pet"))
    result = own.change(None)
    assert result.remarks == ("Annotations made since are called pet, and stay so.",)
    config = parse_labeling_config(own.client.project(own.place.project_id).label_config)
    assert set(config.controls["kind"].classes) == {"cat", "dog", "pet"}
    assert own.classes()[-1] == ["pet"]


def test_a_change_is_shown_before_and_one_that_was_cut_off_comes_first(
    own: Labeled, kill_after: Any
) -> None:
    before = own.state()
    shown = own.place.run("classes", "rename", "cat", "feline", "--json")
    assert (shown.code, shown.json["annotations"], shown.json["changed"]) == (0, 3, False)
    assert own.place.run("classes", "rename", "cat", "feline").code == 1
    assert own.state() == before
    kill_after(4)
    with pytest.raises(Killed):
        own.change(RENAME)
    kill_after(0)
    with pytest.raises(ConfigurationError, match="was cut off"):
        own.change(SWAP)
    assert own.place.run("classes", "undo", "--yes").code == 0
    assert own.state() == before
    assert own.place.run("classes", "undo", "--yes").code == 2
    listed = own.place.run("classes", "list", "--json").json["classes"]
    assert [(one["class"], one["annotations"]) for one in listed] == [("cat", 3), ("dog", 2)]


def test_a_conflict_is_settled_by_a_ground_truth_and_that_is_taken_back(own: Labeled) -> None:
    """One image has two answers, of which the younger is marked as right."""
    before, (older, younger) = own.state(), own.ids[:2]
    listed = own.place.run("conflicts", "--json")
    (found,) = listed.json["conflicts"]
    assert (listed.code, found["tag"], found["settled"]) == (0, "0", younger)
    assert [one["classes"] for one in found["answers"]] == [["cat"], ["dog"]]
    done = own.place.run("conflicts", "--settle", str(older), "--json")
    assert done.json["settled"] == older
    assert "The rule is ground-truth from now on" in done.err
    exported = finish(export_dataset(own.place.workspace))
    assert (exported.rule, exported.conflicts) == ("ground-truth", ())
    assert own.state()["dataset"]["0"] == ["cat"]
    assert own.place.run("conflicts", "--publish").code == 1
    assert own.place.run("conflicts", "--undo", str(older), "--json").json["settled"] == younger
    assert own.state()["annotations"] == before["annotations"]
    assert own.place.run("conflicts", "--settle", "0").code == 2


def test_on_another_server_the_order_of_changes_stays(place: Place) -> None:
    """There the time of each changes; which one was changed last does not."""
    there = labeled(place)
    before = there.state(times=False)
    dataset = before["dataset"]
    assert dataset["0"] == ["dog"]
    there.change(renames(["cat", "feline"]))
    assert there.classes() == [["feline"], ["dog"], ["feline", "dog"], ["feline"]]
    finish(export_dataset(place.workspace))
    assert there.state()["dataset"] == {"0": ["dog"], "1": ["feline", "dog"]}
    there.change(None)
    assert there.state(times=False) == before | {"dataset": there.state()["dataset"]}
    draft = {"result": said("dog"), "annotation": there.ids[0]}
    path = f"api/tasks/{there.tasks[0]}/annotations/{there.ids[0]}/drafts"
    there.client.transport.send("POST", path, body=draft)
    with pytest.raises(ConfigurationError, match="begun to change 1 annotation,"):
        there.change(renames(["cat", "feline"]))
