"""A round is taken back to what stood before it: run by run, and wherever it or its undo was cut
off."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from core.learning.rounds.ledger import Pick, find_record, round_folder
from core.learning.rounds.planning import RoundPlan
from core.learning.rounds.publishing import publish_round, remove_version
from core.progress import finish
from core.studio.project import OpenProject
from core.workspace.settings import load_workspace
from tests.studio.conftest import Demo

SCORES = 4
SECONDS = 60.0
# More than an undo or a publication changes.
MOST_CHANGES = 12


class CutOff(BaseException):
    """It ended after the server had taken a change, as if killed."""


@pytest.fixture
def opened(demo: Demo) -> Iterator[OpenProject]:
    """A project of a few tasks beside the example's."""
    workspace = load_workspace(demo.folder)
    with contextlib.closing(demo.client()) as client:
        made = client.create_project("taken back")
        client.import_tasks(made.id, [{"image": f"/{n}.png"} for n in range(SCORES)], SECONDS)
        yield OpenProject(workspace, client, made)
        client.transport.send("DELETE", f"api/projects/{made.id}/")
    for name in ("one", "two"):
        shutil.rmtree(round_folder(workspace, name), ignore_errors=True)


@pytest.fixture
def versions(opened: OpenProject) -> tuple[RoundPlan, RoundPlan]:
    """Rounds of two model versions, not yet published."""
    picks = [
        Pick(f"tag {task.id}", task.id, 1.0) for task in opened.client.tasks(opened.id, "image")
    ]
    one = RoundPlan(
        model_version="one",
        order="random",
        engine="",
        reason="",
        recall=1.0,
        queries=0,
        candidates=SCORES,
        losses=np.array([]),
        picks=tuple(picks),
        paths={},
        seconds=0.0,
    )
    return higher(one, 0.5), dataclasses.replace(higher(one, 0.25), model_version="two")


def higher(plan: RoundPlan, by: float) -> RoundPlan:
    """The plan with other scores, in another order."""
    picks = [
        dataclasses.replace(pick, score=pick.score + by * n) for n, pick in enumerate(plan.picks)
    ]
    return dataclasses.replace(plan, picks=tuple(picks))


def publish(opened: OpenProject, plan: RoundPlan) -> None:
    finish(publish_round(opened, plan))


def undo(opened: OpenProject, plan: RoundPlan) -> int:
    return finish(remove_version(opened, plan.model_version))


def state(opened: OpenProject, *plans: RoundPlan) -> tuple[object, ...]:
    """What the project shows, and of each plan's version the scores and the record's."""
    client, found = opened.client, []
    for name in (plan.model_version for plan in plans):
        predictions = client.predictions(opened.id, name)
        record = find_record(opened.workspace, name)
        recorded = {pick.task_id: pick.score for pick in record.picks} if record else None
        found += [sorted((one.task, one.score) for one in predictions), recorded]
    return client.project(opened.id).model_version, *found


def cut_off(
    opened: OpenProject, monkeypatch: pytest.MonkeyPatch, after: int, work: Callable[[], object]
) -> bool:
    """Do `work` up to its change number `after`; False where it came to its end before."""
    send, changes = opened.client.transport.send, 0

    def counted(method: str, *arguments: Any, **options: Any) -> Any:
        nonlocal changes
        answer = send(method, *arguments, **options)
        changes += method != "GET"
        if changes == after and method != "GET":
            raise CutOff
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(opened.client.transport, "send", counted)
        try:
            work()
        except CutOff:
            return True
    return False


def test_each_undo_takes_back_one_run(
    opened: OpenProject, versions: tuple[RoundPlan, RoundPlan]
) -> None:
    one, two = versions
    states = [state(opened, one, two)]
    for plan in (one, two, higher(one, 1), higher(one, 2), two):
        publish(opened, plan)
        states.append(state(opened, one, two))
    for plan in (two, one, one, two, one):
        assert state(opened, one, two) == states.pop()
        undo(opened, plan)
    assert [state(opened, one, two)] == states


def test_publishing_the_same_again_is_taken_back_with_it(
    opened: OpenProject, versions: tuple[RoundPlan, RoundPlan]
) -> None:
    one, _ = versions
    before = state(opened, one)
    publish(opened, one)
    publish(opened, one)
    assert undo(opened, one) == SCORES
    assert state(opened, one) == before


def test_a_task_that_is_gone_is_no_bar_to_an_undo(
    opened: OpenProject, versions: tuple[RoundPlan, RoundPlan]
) -> None:
    one, _ = versions
    publish(opened, one)
    publish(opened, higher(one, 1))
    first, *others = one.picks
    opened.client.delete_untouched(opened.id, [first.task_id])
    undo(opened, one)
    assert state(opened, one)[1] == [(pick.task_id, pick.score) for pick in others]


def test_an_undo_that_is_cut_off_anywhere_takes_back_no_more_when_it_is_run_again(
    opened: OpenProject, versions: tuple[RoundPlan, RoundPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, _ = versions
    before = state(opened, one)
    publish(opened, one)
    first = state(opened, one)
    for target, after in ((first, higher(one, 1)), (before, one)):
        publish(opened, after)
        for change in range(1, MOST_CHANGES):
            if not cut_off(opened, monkeypatch, change, lambda: undo(opened, one)):
                break
            undo(opened, one)
            assert state(opened, one) == target
            publish(opened, after)
        assert change > 2
        assert state(opened, one) == target


@pytest.mark.long  # the undo above is cut off in the same places
def test_an_undo_of_a_publication_that_was_cut_off_anywhere_takes_back_that_one_alone(
    opened: OpenProject, versions: tuple[RoundPlan, RoundPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = versions
    publish(opened, two)
    publish(opened, one)
    former, plan = state(opened, one, two), higher(two, 1)
    for change in range(1, MOST_CHANGES):
        if not cut_off(opened, monkeypatch, change, lambda: publish(opened, plan)):
            break
        undo(opened, plan)
        assert state(opened, one, two) == former
    assert change > 2
    undo(opened, plan)
    assert state(opened, one, two) == former
