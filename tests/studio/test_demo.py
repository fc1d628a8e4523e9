"""The whole journey on labelpilot's own Label Studio: `labelpilot demo --auto`."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import orjson

from core.images import path_inside
from core.workspace.settings import load_workspace
from tests.studio.conftest import IMAGES, Demo

LEARNING = (
    "model_version order engine recall queries candidates scored created replaced view_url seconds"
).split()


def test_every_image_is_one_task(demo: Demo) -> None:
    assert demo.result["images"] == demo.result["tasks"] == IMAGES
    assert demo.result["duplicates"] == 0
    folder = load_workspace(demo.folder).images.path
    tasks = list(demo.client().tasks(demo.result["project_id"], "image"))
    paths = {path_inside(task.image, folder) for task in tasks}
    assert len(tasks) == IMAGES
    assert paths == {path.name for path in folder.iterdir()}


def test_the_dataset_holds_the_classes_that_were_submitted(demo: Demo) -> None:
    assert demo.result["annotations"] == demo.result["dataset"]["images"] == 200
    known = orjson.loads((demo.folder / "digits.json").read_bytes())
    dataset = json.loads((demo.folder / "data" / "dataset.json").read_text())
    assert len(dataset) == 200
    assert dataset == {tag: known[tag] for tag in dataset}


def test_the_first_task_of_the_view_has_the_highest_score(demo: Demo) -> None:
    learning = demo.result["learning"]
    project_id = demo.result["project_id"]
    query = parse_qs(urlsplit(learning["view_url"]).query)
    assert query["labeling"] == ["1"]
    client = demo.client()
    shown = client.view_tasks(project_id, int(query["tab"][0]), learning["scored"])
    scores = [one.score for one in client.predictions(project_id, learning["model_version"])]
    assert len(scores) == learning["scored"] > 200
    assert [score for _, score in shown] == sorted(scores, reverse=True)
    assert client.project(project_id).model_version == learning["model_version"]


def test_the_view_leaves_labeled_tasks_out(demo: Demo) -> None:
    project_id = demo.result["project_id"]
    client = demo.client()
    tab = int(parse_qs(urlsplit(demo.result["learning"]["view_url"]).query)["tab"][0])
    shown = {task_id for task_id, _ in client.view_tasks(project_id, tab, 2000)}
    labeled = set(client.annotated_task_ids(project_id))
    assert len(labeled) == 200
    assert len(shown) == IMAGES - 200
    assert not shown & labeled


def test_a_second_walk_changes_no_count(demo: Demo) -> None:
    again = demo.run("demo", "--auto", "--json", "--dir", str(demo.folder))
    assert again.code == 0, again.err
    for key in ("project_id", "tasks", "images", "duplicates", "annotations"):
        assert again.json[key] == demo.result[key], key
    assert again.json["dataset"]["classes"] == demo.result["dataset"]["classes"]
    assert again.json["learning"]["scored"] == demo.result["learning"]["scored"]
    assert again.json["learning"]["created"] == 0
    client = demo.client()
    assert client.task_count(demo.result["project_id"]) == IMAGES
    assert (
        client.model_versions(demo.result["project_id"])["model_v1"]
        == again.json["learning"]["scored"]
    )
    assert len(client.views(demo.result["project_id"])) == 1


def test_a_model_version_run_with_other_neighbours_replaces_its_scores(demo: Demo) -> None:
    arguments = ("active-learning", "--model-version", "replaced", "--json")
    first = demo.run(*arguments, "-k", "2")
    second = demo.run(*arguments, "-k", "3")
    assert first.code == second.code == 0, second.err
    # Where many are replaced, all are made anew.
    new = second.json["scored"] - first.json["scored"] + second.json["replaced"]
    assert second.json["replaced"] > 0
    assert second.json["created"] in (new, second.json["scored"])
    counts = demo.client().model_versions(demo.result["project_id"])
    assert counts["replaced"] == second.json["scored"] > first.json["scored"]
    # What is new comes after what scripts know.
    assert list(second.json)[: len(LEARNING)] == LEARNING


def test_each_command_prints_one_object_with_the_keys_of_the_contract(demo: Demo) -> None:
    wanted = {
        ("sync",): "mode images created existing duplicates missing_files retries seconds complete",
        ("export",): "path images classes skipped unreadable conflicts seconds",
        ("setup",): "steps project_id source_storage_id target_storage_id",
        ("server", "status"): "running url pid version data_dir log",
    }
    for arguments, keys in wanted.items():
        done = demo.run(*arguments, "--json")
        assert done.code == 0, done.err
        # What is new comes after what scripts know.
        assert list(done.json)[: len(keys.split())] == keys.split(), arguments
    keys = "workspace server_url project_id tasks images duplicates annotations dataset learning"
    assert list(demo.result) == [*keys.split(), "seconds"]


def test_export_from_the_api_equals_export_from_the_storage(demo: Demo) -> None:
    out = demo.folder / "api.json"
    done = demo.run("export", "--from", "api", "--out", str(out))
    assert done.code == 0, done.err
    assert out.read_bytes() == (demo.folder / "data" / "dataset.json").read_bytes()


def test_work_that_outlasts_an_access_token_goes_on(demo: Demo) -> None:
    client, number = demo.client(), demo.result["project_id"]
    # The server answers with a session, which must not come along when access is renewed.
    title = client.project(number).title
    client.transport.access.renew()
    assert client.update_project(number, {"title": title}).title == title


def test_our_server_gives_many_tasks_new_data_at_once_and_keeps_their_labels(demo: Demo) -> None:
    client, number = demo.client(), demo.result["project_id"]
    ids = [task.id for task in client.tasks(number, "image")]
    before, answers = client.task_data(number, ids), client.answer_count(number)
    changed = {task: {**data, "moved": "yes"} for task, data in list(before.items())[:600]}
    assert client.update_many(number, changed)
    assert client.task_data(number, ids) == {**before, **changed}
    assert client.update_many(number, {task: before[task] for task in changed})
    assert client.task_data(number, ids) == before
    assert client.answer_count(number) == answers
