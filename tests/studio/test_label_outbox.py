"""Labels made in the terminal: each arrives once, whatever dies on its way, and nobody is shown an
image that somebody else has."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import StudioRefused
from core.labeling.again import label_again
from core.labeling.fallback import SHARES
from core.labeling.outbox import ARRIVED, WAITING, Label, Outbox, new_id
from core.labeling.sending import send
from core.labeling.session import LabelSession
from core.progress import finish
from core.secrets.credentials import find_secret
from core.studio.client import StudioClient
from core.studio.models import Account
from core.studio.project import OpenProject
from core.workspace.settings import load_workspace
from tests.faults.labeling import Hand, chaos, kill_server
from tests.studio.conftest import Demo
from tests.studio.labelers import Desk, Labeler, Project, make_project
from tests.studio.stock import Stock

ANSWER = {"kind": ("a",)}
# How many images a session holds where several sessions are to get to the end of them.
FEW = 5
# What is waited for comes long before; it is only looked at, and nothing is timed.
PATIENCE = 120.0


def wait_until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def client(demo: Demo) -> Iterator[StudioClient]:
    client = demo.client()
    yield client
    client.close()


@pytest.fixture
def desk_of(
    demo: Demo, client: StudioClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Project], Desk]]:
    token = find_secret(load_workspace(demo.folder), "token")
    assert token is not None
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", token.value)
    with contextlib.ExitStack() as made:

        def make(project: Project) -> Desk:
            return made.enter_context(contextlib.closing(Desk(tmp_path / "desk", client, project)))

        yield make


@pytest.fixture
def few_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.labeling.session.HELD", FEW)


def held(session: LabelSession) -> list[int]:
    return [item.task_id for item in session.ahead(100)]


def label_all(session: LabelSession) -> None:
    while not session.at_end:
        for item in session.ahead(1):
            session.submit(item, ANSWER, 1.5)
        time.sleep(0.001)
    wait_until(lambda: session.on_their_way == 0)


def test_the_order_is_the_rounds_and_what_is_held_is_nobody_elses(
    client: StudioClient, desk_of: Callable[[Project], Desk]
) -> None:
    project = make_project(client, 40)
    order = list(project.tasks[::-1])
    project.publish(order)
    desk, ben = desk_of(project), Labeler(client, "ben")
    session = desk.session()
    wait_until(lambda: held(session))
    assert held(session) == order[:16]
    assert session.advice == ""
    assert _asked(ben, project) == order[16]
    # Nor is it shown in a browser of the same person.
    own = client.transport.send(
        "POST", "api/dm/actions", params={"id": "next_task", "project": project.id}, body={}
    )
    assert own["id"] == order[17]
    # What somebody labels meanwhile is left out.
    client.annotate(order[1], session.questionnaire.result(ANSWER))
    session.submit(session.ahead(1)[0], ANSWER, 2.5)
    wait_until(lambda: len(held(session)) == 16 and order[1] not in held(session))
    assert set(held(session)) == {*order[2:16], *order[17:19]}
    # Once another order is published, its images follow the one in front.
    front = session.ahead(1)[0]
    project.publish(order[20:], "v2")
    session.follow_order(front)
    assert held(session) == [front.task_id]
    wait_until(lambda: len(held(session)) == 16)
    assert held(session) == [front.task_id, *order[20:35]]
    session.close()
    ben.label(order[16])
    assert _asked(ben, project) == order[20]
    (label,) = client.annotations_of(project.id, order[0])
    assert (label["lead_time"], label["was_cancelled"]) == (2.5, False)
    assert desk.opened.workspace.state.outbox.stat().st_mode & 0o077 == 0


def test_two_sessions_and_a_browser_label_each_image_once(
    client: StudioClient, desk_of: Callable[[Project], Desk], few_held: None
) -> None:
    project = make_project(client, 14)
    desk, ben = desk_of(project), Labeler(client, "ben")
    sessions = [desk.session(), desk.session()]
    wait_until(lambda: held(sessions[0]) and held(sessions[1]))
    threads = [threading.Thread(target=label_all, args=(one,)) for one in sessions]
    for thread in threads:
        thread.start()
    while (got := ben.ask(project)) is not None:
        ben.label(got[0])
    for thread in threads:
        thread.join(PATIENCE)
    assert desk.labels() == Counter(project.tasks)
    assert sum(one.done_by_me for one in sessions) < 14


def test_a_label_whose_answer_was_lost_is_there_once(
    client: StudioClient, desk_of: Callable[[Project], Desk]
) -> None:
    project = make_project(client, 2)
    desk = desk_of(project)
    account = client.whoami()
    with contextlib.closing(desk.outbox()) as outbox:
        for skipped, task in zip((False, True), project.tasks, strict=True):
            body = {"result": [], "lead_time": 1.25, "was_cancelled": skipped}
            outbox.add(Label(new_id(), task, "x", "", body))
            for last in (False, False, True):
                (label,) = filter(None, [outbox.begin()])
                assert send(desk.opened, account, outbox, label) == ""
                (found,) = client.annotations_of(project.id, task)
                arrived = outbox.labels(ARRIVED)[-1]
                assert (arrived.annotation, arrived.tries) == (found["id"], label.tries + 1)
                if not last:
                    # As if the process had died before it could note that.
                    outbox._set(label, state=WAITING, annotation=None)


def test_what_is_taken_back_is_not_there_in_whatever_moment(
    client: StudioClient, desk_of: Callable[[Project], Desk]
) -> None:
    project = make_project(client, 3, "Sequential sampling")
    desk = desk_of(project)
    first, second, third = project.tasks
    session = desk.session()
    wait_until(lambda: held(session) == [first, second, third])
    session.submit(session.ahead(1)[0], ANSWER, 1.0)
    session.skip(session.ahead(1)[0])
    wait_until(lambda: session.on_their_way == 0)
    session.close()
    # Also after a restart, the last first.
    session = desk.session()
    taken = [session.take_back(), session.take_back(), session.take_back()]
    assert [one and (one.task_id, one.suggestion) for one in taken] == [
        (second, None),
        (first, ANSWER),
        None,
    ]
    assert held(session)[:2] == [first, second]
    wait_until(lambda: session.on_their_way == 0)
    assert client.answer_count(project.id) == 0
    session.submit(session.ahead(1)[0], ANSWER, 1.0)
    wait_until(lambda: session.on_their_way == 0)
    assert desk.labels() == Counter([first])
    session.close()
    # One that was never sent, and one of which nobody knows whether it arrived.
    account = client.whoami()
    with contextlib.closing(desk.outbox()) as outbox:
        body = {"result": [], "lead_time": 1.0, "was_cancelled": False}
        for task in (second, third):
            outbox.add(Label(new_id(), task, "x", "", body))
        assert (outbox.take_back() or body).task == third  # type: ignore[union-attr]
        sent = outbox.begin()
        assert sent is not None
        assert client.annotate(second, [], {"lead_time": 1.0, "unique_id": sent.id})
        assert outbox.take_back() is not None
        again = outbox.begin()
        assert again is not None
        send(desk.opened, account, outbox, again)
        assert outbox.on_the_way == 0
    assert desk.labels() == Counter([first])


def test_a_label_that_is_refused_is_kept_and_said_and_the_others_arrive(
    client: StudioClient, desk_of: Callable[[Project], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(client, 3)
    desk, lacking = desk_of(project), list[int]()

    def without_right(opened: OpenProject, account: Account, outbox: Outbox, label: Label) -> str:
        if label.task in lacking:
            raise StudioRefused("A right is lacking.", status=403)
        return send(opened, account, outbox, label)

    monkeypatch.setattr("core.labeling.session.send", without_right)
    session = desk.session()
    wait_until(lambda: len(held(session)) == 3)
    gone, *others = session.ahead(3)
    client.delete_untouched(project.id, [gone.task_id])
    lacking.append(gone.task_id)
    for item in (gone, *others):
        session.submit(item, ANSWER, 1.0)
    # A right may come back: it waits, and the others do not.
    wait_until(lambda: session.on_their_way == 1)
    assert desk.labels() == Counter(item.task_id for item in others)
    lacking.clear()
    wait_until(lambda: session.on_their_way == 0 and len(session.failed) == 1)
    (said,) = session.failed
    file = desk.workspace.state.not_taken
    words = f"1 label was not taken; .labelpilot/{file.name} has what was said. {gone.tag}: Label"
    assert said.startswith(words)
    session.close()
    # It is kept where people can read it, and `labelpilot restore` can.
    (kept,) = json.loads(file.read_text())
    assert kept["id"] == gone.task_id and said.endswith(kept["why"])
    assert session.questionnaire.answers_of(kept["annotations"][0]["result"]) == ANSWER
    # The next session sends it once more.
    file.unlink()
    session = desk.session()
    wait_until(lambda: session.failed == (said,) and file.exists())


def test_labeling_again_changes_the_annotation_and_can_be_taken_back(
    client: StudioClient, desk_of: Callable[[Project], Desk]
) -> None:
    project = make_project(client, 1)
    desk, (task,) = desk_of(project), project.tasks
    ask = desk.session([])
    number = client.annotate(task, ask.questionnaire.result(ANSWER), {"lead_time": 4.0})
    before = client.annotations_of(project.id, task)[0]["result"]
    (item,) = finish(label_again(desk.opened, {task: "why"}))
    assert (item.annotation, item.suggestion, item.note) == (number, ANSWER, "why")
    # It is nobody else's label, on which a second opinion could be given.
    assert finish(label_again(desk.opened, {task: "why"}, blind=True)) == []
    session = desk.session([item])
    session.submit(item, {"kind": ("b",)}, 1.0)
    assert session.at_end
    wait_until(lambda: session.on_their_way == 0)
    (after,) = client.annotations_of(project.id, task)
    assert after["id"] == number
    assert after["result"][0]["value"] == {"choices": ["b"]}
    assert session.take_back() == replace(item, suggestion={"kind": ("b",)}, note="")
    wait_until(lambda: session.on_their_way == 0)
    assert client.annotations_of(project.id, task)[0]["result"] == before
    # One that is skipped stays as it is, and nobody else's opinion is noted.
    session = desk.session([replace(item, annotation=None)])
    session.skip(session.ahead(1)[0])
    assert (session.at_end, session.on_their_way) == (True, 0)


def test_look_alikes_are_held_and_labeled_together_and_taken_back_together(
    client: StudioClient, desk_of: Callable[[Project], Desk], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(client, 30)
    order = list(project.tasks)
    project.publish(order)
    desk, ben, may_send = desk_of(project), Labeler(client, "ben"), threading.Event()

    def later(*arguments: object) -> str:
        assert may_send.wait(PATIENCE)
        return send(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("core.labeling.session.send", later)
    session = desk.session()
    wait_until(lambda: held(session) == order[:16])
    assert _asked(ben, project) == order[16]
    client.annotate(order[18], session.questionnaire.result(ANSWER))
    # What a colleague has open, or was labeled, is left out.
    beside = session.hold_beside([order[place] for place in (3, 16, 20, 18, 17)])
    assert [item.task_id for item in beside] == [order[3], order[20], order[17]]
    ben.label(order[16])
    assert _asked(ben, project) == order[19]
    group = [session.ahead(1)[0], *beside]
    session.submit_together(group, ANSWER, 8.0)
    # Also what is labeled while it is asked what is held.
    looked, still_to_label = session._outbox.tasks_on_the_way, [session.ahead(1)[0]]

    def label_one() -> list[int]:
        found = looked()
        if still_to_label:
            session.submit(still_to_label.pop(), ANSWER, 1.0)
        return found

    monkeypatch.setattr(session._outbox, "tasks_on_the_way", label_one)
    assert session.hold_beside(()) == []
    assert session.on_their_way == 5
    # None of them is anybody else's before its label is there.
    ben.label(order[19])
    assert _asked(ben, project) not in session._outbox.tasks_on_the_way()
    may_send.set()
    wait_until(lambda: session.on_their_way == 0)
    labeled = {item.task_id for item in group}
    for task in labeled:
        (label,) = client.annotations_of(project.id, task)
        assert label["lead_time"] == 2.0
    assert session.take_back() is not None
    taken = session.take_back()
    assert (taken and taken.task_id, taken and taken.suggestion) == (group[0].task_id, ANSWER)
    assert held(session)[:4] == [item.task_id for item in group]
    wait_until(lambda: session.on_their_way == 0)
    assert not labeled & desk.labels().keys()


def test_a_server_and_an_app_that_are_killed_lose_and_double_no_label(
    demo: Demo, client: StudioClient, desk_of: Callable[[Project], Desk]
) -> None:
    project = make_project(client, 60)
    desk, workspace = desk_of(project), load_workspace(demo.folder)

    def start() -> None:
        assert demo.run("server", "start").code == 0

    outcome = chaos(
        desk.workspace,
        desk.opened,
        Hand(desk.workspace.root, desk.workspace.root / "said"),
        labels=15,
        kills=1,
        kill_server=lambda: kill_server(workspace),
        start=start,
    )
    assert (outcome.app_kills, outcome.server_kills) == (1, 1)
    assert outcome.labels >= 15
    assert (outcome.lost, outcome.doubled, outcome.wrong, outcome.touched) == (0, 0, 0, 0)


def test_on_another_server_the_order_holds_and_two_sessions_of_a_workspace_keep_apart(
    stock: Stock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, few_held: None
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", stock.legacy_token)
    client = StudioClient(stock.url, stock.legacy_token)
    project = make_project(client, 2 * FEW + 2)
    order = list(project.tasks[::-1])
    project.publish(order)
    with contextlib.closing(Desk(tmp_path / "desk", client, project)) as desk:
        first = desk.session()
        wait_until(lambda: held(first))
        assert first.advice == SHARES
        second = desk.session()
        wait_until(lambda: held(second))
        assert (held(first), held(second)) == (order[:FEW], order[FEW : 2 * FEW])
        client.annotate(order[1], first.questionnaire.result(ANSWER))
        threads = [threading.Thread(target=label_all, args=(one,)) for one in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        labels = desk.labels()
        assert set(labels) == set(project.tasks), (first.failed, second.failed)
        # The one that was labeled in the browser may have been before somebody's eyes already.
        assert labels - Counter(project.tasks) in (Counter(), Counter([order[1]]))
    client.close()


def _asked(person: Labeler, project: Project) -> int | None:
    got = person.ask(project, None, "all")
    return None if got is None else got[0]
