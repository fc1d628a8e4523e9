"""A project that is already doubled is mended, and no work on it is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from core.progress import finish
from core.studio.client import StudioClient
from core.tasks.duplicates import RepairPlan
from tests.faults.server import CAT, Case, FaultServer
from tests.studio.command import Ran, run
from tui.app import LabelpilotApp
from tui.backend import Backend
from tui.dialogs.dialog import Dialog
from tui.job_kinds import REPAIR, JobKind

IMAGES = 12
pytestmark = pytest.mark.usefixtures("short")


@pytest.fixture
def doubled(server: FaultServer, client: StudioClient) -> Case:
    """Imported, and then synced by Label Studio as well: each image is two tasks."""
    case = server.case(IMAGES, "bulk")
    finish(Backend().sync(case.workspace(server.url), "bulk"))
    storage = client.source_storages(case.project_id)[0]
    client.update_storage(storage, {"synchronizable": True})
    client.sync_storage(storage)
    assert case.tally().doubled == IMAGES
    return case


def plan(case: Case) -> RepairPlan:
    return finish(Backend().plan_repair(case.workspace(case.server.url)))


def test_looking_changes_nothing_and_the_tasks_that_a_storage_made_are_kept(
    server: FaultServer, doubled: Case
) -> None:
    workspace, linked = doubled.workspace(server.url), doubled.task_ids()[IMAGES:]
    found = plan(doubled)
    assert (found.doubled, len(found.remove), found.kept) == (IMAGES, IMAGES, 0)
    assert doubled.task_count() == 2 * IMAGES
    assert f"{IMAGES} images are several tasks" in str(found)
    result = finish(Backend().repair(workspace, found))
    assert (result.removed, result.duplicates, result.tasks) == (IMAGES, 0, IMAGES)
    assert doubled.task_ids() == linked
    again = plan(doubled)
    assert (again.doubled, again.remove) == (0, ())
    assert finish(Backend().repair(workspace, again)).removed == 0
    synced = finish(Backend().sync(workspace))
    assert (synced.mode, synced.created, synced.duplicates) == ("native", 0, 0)


def test_no_task_that_somebody_worked_on_is_removed(
    server: FaultServer, client: StudioClient, doubled: Case
) -> None:
    ids = doubled.task_ids()
    submitted = [client.annotate(task, CAT) for task in ids[:5]]
    both = [client.annotate(task, CAT) for task in (ids[5], ids[IMAGES + 5])]
    skipped = ids[6]
    client.transport.send(
        "POST", f"api/tasks/{skipped}/annotations/", body={"result": [], "was_cancelled": True}
    )
    begun = ids[7]
    client.transport.send("POST", f"api/tasks/{begun}/drafts", body={"result": CAT})
    result = finish(Backend().repair(doubled.workspace(server.url), plan(doubled)))
    assert {*ids[:7], begun, ids[IMAGES + 5]} <= set(doubled.task_ids())
    assert (result.removed, result.duplicates) == (IMAGES - 1, 1)
    assert result.annotations == result.annotations_before == 7
    assert doubled.tally([*submitted, *both]).annotations_lost == 0


def test_an_annotation_between_the_look_and_the_repair_is_kept(
    server: FaultServer, client: StudioClient, doubled: Case
) -> None:
    found = plan(doubled)
    annotated = found.remove[0]
    submitted = client.annotate(annotated, CAT)
    finish(Backend().repair(doubled.workspace(server.url), found))
    assert annotated in doubled.task_ids()
    assert doubled.tally([submitted]).annotations_lost == 0


def test_label_studio_itself_spares_a_task_that_was_worked_on(
    client: StudioClient, doubled: Case
) -> None:
    ids = doubled.task_ids()
    client.annotate(ids[0], CAT)
    client.delete_untouched(doubled.project_id, [])
    assert doubled.task_ids() == ids, "removing nothing removes nothing"
    client.delete_untouched(doubled.project_id, ids[:3])
    assert doubled.task_ids() == [ids[0], *ids[3:]]


def test_label_studios_own_sync_is_shut_where_it_would_double_again(
    server: FaultServer, client: StudioClient, doubled: Case
) -> None:
    for task in doubled.task_ids()[:IMAGES]:
        client.annotate(task, CAT)
    found = plan(doubled)
    assert found.shuts_own_sync
    finish(Backend().repair(doubled.workspace(server.url), found))
    assert doubled.task_count() == IMAGES
    assert not client.source_storages(doubled.project_id)[0].synchronizable


# The command


def repair(case: Case, *arguments: str, answer: str = "") -> Ran:
    root = str(case.write(case.server.url))
    token = {"LABEL_STUDIO_API_KEY": case.server.token}
    return run("repair", *arguments, "--workspace", root, typed=answer, **token)


def test_the_command_removes_nothing_before_a_typed_yes(doubled: Case) -> None:
    for answer in ("", "y\n"):
        done = repair(doubled, answer=answer)
        assert (done.code, done.out) == (1, "")
        assert f"{IMAGES} images are several tasks" in done.err
        assert done.err.endswith("Nothing was changed.\n")
    shown = repair(doubled, "--json")
    assert shown.code == 0
    found = shown.json
    assert (found["doubled"], len(found["remove"]), found["kept"]) == (IMAGES, IMAGES, 0)
    assert doubled.task_count() == 2 * IMAGES


def test_the_command_does_it_after_a_typed_yes_and_prints_the_proof(doubled: Case) -> None:
    done = repair(doubled, answer="yes\n")
    assert (done.code, done.out) == (
        0,
        f"{IMAGES} tasks removed, {IMAGES} left; 0 duplicates, 0 annotations (0 before).\n",
    )
    again = repair(doubled, "--yes")
    assert (again.code, again.out) == (
        0,
        f"No image is more than one task ({IMAGES} tasks).\n",
    )
    assert doubled.tally().doubled == 0


def test_the_command_asks_nothing_of_a_script_and_says_by_its_code_what_stays(
    client: StudioClient, doubled: Case
) -> None:
    ids = doubled.task_ids()
    for task in (ids[0], ids[IMAGES]):
        client.annotate(task, CAT)
    for removed in (IMAGES - 1, 0):
        done = repair(doubled, "--yes", "--json")
        assert done.code == 4
        assert done.json.get("removed", 0) == removed
    assert {ids[0], ids[IMAGES]} <= set(doubled.task_ids())


async def test_the_app_finds_it_asks_and_mends_it(server: FaultServer, doubled: Case) -> None:
    app = LabelpilotApp(doubled.workspace(server.url).root, poll_seconds=0)

    def ended(kind: JobKind[Any]) -> bool:
        job = app.jobs.last(kind)
        assert job is None or job.error is None
        return job is not None and not job.running

    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.state.step_state("images") == "part")
        await pilot.press("2", "d")
        await until(pilot, lambda: isinstance(app.screen, Dialog))
        assert doubled.task_count() == 2 * IMAGES
        await pilot.press("y")
        await until(pilot, lambda: ended(REPAIR))
        repaired = app.jobs.last(REPAIR)
    assert repaired is not None
    assert (repaired.result.removed, repaired.result.duplicates) == (IMAGES, 0)
    assert doubled.tally().doubled == 0


async def until(pilot: Pilot[None], condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Let the app go on until `condition()` holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be"
        await pilot.pause(0.05)
