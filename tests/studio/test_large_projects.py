"""What our Label Studio answers in another way than stock, for large projects, is the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from core.labeling.stream import save_view
from core.learning.rounds.scores import put_scores
from core.progress import finish
from core.studio.project import OpenProject, open_project
from core.workspace.settings import load_workspace
from tests.studio.conftest import Demo

ONE, OTHER = "of a large project", "of another model"
SCORED = 250
PAGE = 100


@pytest.fixture(scope="module")
def opened(demo: Demo) -> Iterator[OpenProject]:
    with open_project(load_workspace(demo.folder)) as project:
        yield project


@pytest.fixture
def scores(opened: OpenProject) -> Iterator[dict[int, float]]:
    """The scores of a version that the project shows, beside another's; gone afterwards."""
    client, shown = opened.client, opened.client.project(opened.id).model_version
    ids = [task.id for task in client.tasks(opened.id, opened.remote.image_key)]
    wanted = {task: 1 / (2 + number) for number, task in enumerate(ids[::2][:SCORED])}
    finish(put_scores(client, opened.id, ONE, wanted))
    finish(put_scores(client, opened.id, OTHER, dict.fromkeys(ids[:100], 5.0)))
    client.update_project(opened.id, {"model_version": ONE})
    yield wanted
    for version in (ONE, OTHER):
        client.delete_model_version(opened.id, version)
    client.update_project(opened.id, {"model_version": shown})


def pages(opened: OpenProject, view: int) -> list[tuple[int, float | None]]:
    """(task, score) of all of a tab's tasks, page by page."""
    found: list[tuple[int, float | None]] = []
    total, number = 1, 0
    while len(found) < total:
        number += 1
        params = {"project": opened.id, "view": view, "page": number, "page_size": PAGE}
        body = opened.client.transport.get("api/tasks", params)
        total = body["total"]
        found += [(task["id"], task.get("predictions_score")) for task in body["tasks"]]
    return found


def test_the_tab_begins_with_the_highest_scores_and_each_task_is_on_one_page(
    opened: OpenProject, scores: dict[int, float]
) -> None:
    shown = pages(opened, save_view(opened))
    unlabeled = {
        task.id
        for task in opened.client.tasks(opened.id, opened.remote.image_key)
        if not task.annotations
    }
    first = sorted(scores.keys() & unlabeled, key=lambda task: -scores[task])
    assert len(first) > PAGE
    assert [task for task, _ in shown[: len(first)]] == first
    assert [score for _, score in shown[: len(first)]] == pytest.approx([scores[t] for t in first])
    assert {score for _, score in shown[len(first) :]} <= {None}
    assert sorted(task for task, _ in shown) == sorted(unlabeled)


def test_the_counters_of_a_project_are_those_of_its_tasks(opened: OpenProject) -> None:
    tasks = list(opened.client.tasks(opened.id, opened.remote.image_key))
    labeled = sum(task.annotations > 0 for task in tasks)
    counters: Any = opened.client.transport.get(f"api/projects/{opened.id}/")
    assert 0 < labeled < len(tasks)
    assert counters["task_number"] == counters["queue_total"] == len(tasks)
    assert counters["finished_task_number"] == counters["queue_done"] == labeled


def test_a_version_that_is_deleted_takes_its_predictions_along_and_no_other(
    opened: OpenProject, scores: dict[int, float]
) -> None:
    def predictions() -> dict[int, int]:
        params = {"project": opened.id, "page_size": 2000, "include": "id,total_predictions"}
        tasks = opened.client.transport.get("api/tasks", params)["tasks"]
        return {task["id"]: task["total_predictions"] for task in tasks}

    before = predictions()
    assert opened.client.delete_model_version(opened.id, ONE) == len(scores)
    versions = opened.client.model_versions(opened.id)
    assert ONE not in versions
    assert versions[OTHER] == 100
    after = predictions()
    assert {task: before[task] - after[task] for task in before if before[task] != after[task]} == (
        dict.fromkeys(scores, 1)
    )
    assert not opened.client.project(opened.id).model_version
