"""The journey on a Label Studio that labelpilot did not start, with images of difficult names."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from tests.studio.command import run
from tests.studio.odd_names import NAMES, OddNames
from tests.studio.stock import Stock


def test_setup_needs_no_answer(odd_names: OddNames) -> None:
    assert odd_names.setup.code == 0, odd_names.setup.err
    assert {step["state"] for step in odd_names.setup.json["steps"]} == {"done"}
    assert odd_names.token not in odd_names.setup.out + odd_names.setup.err


def test_the_doctor_names_a_token_that_is_refused_and_what_to_do_about_it(
    odd_names: OddNames,
) -> None:
    refused = run(
        "doctor", "--json", "--workspace", str(odd_names.root), LABEL_STUDIO_API_KEY="f" * 40
    )
    assert refused.code == 1
    (wrong,) = [one for one in refused.json["findings"] if one["state"] == "wrong"]
    assert wrong["name"] == "set-up: token"
    assert (
        "variable LABEL_STUDIO_API_KEY, which Label Studio refuses (status 401" in wrong["detail"]
    )
    assert wrong["fix"].startswith("have LABEL_STUDIO_API_KEY hold a token that this server takes")


def test_a_second_setup_makes_nothing_again(odd_names: OddNames) -> None:
    again = odd_names.run("setup", "--json")
    assert again.code == 0, again.err
    for key in ("project_id", "source_storage_id", "target_storage_id"):
        assert again.json[key] == odd_names.setup.json[key]
    assert len(odd_names.client.source_storages(again.json["project_id"])) == 1


def test_every_image_is_one_task_and_is_served(odd_names: OddNames, stock: Stock) -> None:
    synced = odd_names.run("sync", "--json")
    assert synced.code == 0, synced.err
    assert synced.json["images"] == len(NAMES)
    assert synced.json["complete"] is True
    assert synced.json["mode"] == "native"
    tasks = list(odd_names.client.tasks(odd_names.setup.json["project_id"], "image"))
    assert len(tasks) == len(NAMES)
    headers = {"Authorization": f"Token {stock.legacy_token}"}
    for task in tasks:
        served = httpx.get(stock.url + task.image, headers=headers)
        assert served.status_code == 200, task.image
        assert served.content.startswith(b"\x89PNG")


def test_labels_become_a_dataset_and_losses_an_order(odd_names: OddNames) -> None:
    project_id = odd_names.setup.json["project_id"]
    tasks = list(odd_names.client.tasks(project_id, "image"))
    for task in tasks[::3]:
        if not task.annotations:
            region = {"from_name": "kind", "to_name": "image", "type": "choices"}
            odd_names.client.annotate(task.id, [{**region, "value": {"choices": ["[red]"]}}])
    exported = odd_names.run("export", "--json")
    assert exported.code == 0, exported.err
    dataset = json.loads(Path(exported.json["path"]).read_text())
    assert len(dataset) == len(tasks[::3])
    assert set(map(tuple, dataset.values())) == {("[red]",)}
    assert set(dataset) <= {Path(name).stem for name in NAMES}

    learned = odd_names.run("active-learning", "--model-version", "m/1 [x]", "--json")
    assert learned.code == 0, learned.err
    # Losses above 1, which a stock server does not take in bulk.
    scores = [one.score for one in odd_names.client.predictions(project_id, "m/1 [x]")]
    assert max(scores) == len(dataset) - 0.5
    view = int(learned.json["view_url"].split("tab=")[1].split("&")[0])
    shown = odd_names.client.view_tasks(project_id, view, len(NAMES))
    assert shown[0][1] == max(scores)


@pytest.mark.long  # each test with a `place` sets up with such a token
def test_a_legacy_token_does_the_same(stock: Stock) -> None:
    legacy = OddNames(stock, "legacy", stock.legacy_token)
    assert legacy.setup.code == 0, legacy.setup.err
    synced = legacy.run("sync", "--json")
    assert (synced.code, synced.json["complete"]) == (0, True), synced.err


def test_the_other_mode_is_refused_once_there_are_tasks(odd_names: OddNames) -> None:
    refused = odd_names.run("sync", "--mode", "bulk")
    assert refused.code == 2
    assert "native" in refused.err
    assert odd_names.client.task_count(odd_names.setup.json["project_id"]) == len(NAMES)
