"""Several people on one server: how a colleague comes in, what each is asked, and what is seen of
it. They label as the page does, with its requests."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from core.errors import ConfigurationError
from core.labeling.overlap import ask_twice
from core.labeling.shares import deal, share_page
from core.labeling.stream import ORDER, label_stream
from core.labeling.tabs import find_tabs, save_tab
from core.learning.rounds.following import PATIENCE, RoundWatch
from core.learning.rounds.ledger import Pick, RoundRecord, load_records, save_record
from core.learning.rounds.upkeep import mend_round, round_changes
from core.learning.suggesting.doubts import SECOND_OPINION, to_label_again
from core.progress import finish
from core.secrets.credentials import find_secret
from core.studio.project import OpenProject, open_project
from core.workspace.settings import Workspace, load_workspace, save_workspace
from tests.studio.command import Ran, run
from tests.studio.conftest import Demo

CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image"><Choice value="cat"/><Choice value="dog"/></Choices></View>"""
VERSION, IMAGES = "model_v1", 12


@dataclass(frozen=True)
class Toys:
    """A second project on the example's server, with a round published."""

    workspace: Workspace
    token: str
    tasks: tuple[int, ...]

    def run(self, *arguments: str) -> Ran:
        folder = str(self.workspace.root)
        return run(*arguments, "--workspace", folder, LABEL_STUDIO_API_KEY=self.token)


@pytest.fixture
def toys(demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Toys]:
    token = find_secret(load_workspace(demo.folder), "token")
    assert token is not None
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", token.value)
    client = demo.client()
    project = client.create_project(tmp_path.name[:50])
    client.update_project(project.id, {"label_config": CONFIG})
    urls = [{"image": f"/data/local-files/?d=toys/{number}.png"} for number in range(IMAGES)]
    tasks = client.import_tasks(project.id, urls, 60)
    scores = [
        {"task": task, "score": 1 - n / 100, "model_version": VERSION, "result": []}
        for n, task in enumerate(tasks)
    ]
    assert client.import_predictions(project.id, scores, 60) == IMAGES
    client.update_project(project.id, {"model_version": VERSION})
    (tmp_path / "labeling").mkdir()
    (tmp_path / "labeling/project_config.xml").write_text(CONFIG)
    settings = {
        "studio": {"url": demo.result["server_url"]},
        "project": {"id": project.id, "title": project.title},
        "images": {"path": "toys"},
    }
    workspace = save_workspace(tmp_path, settings)
    picks = tuple(Pick(str(n), task, 1 - n / 100) for n, task in enumerate(tasks))
    save_record(workspace, RoundRecord(VERSION, "random", 1e9, project.id, picks, {}))
    with open_project(workspace) as opened:
        save_tab(opened, ORDER, None)
    yield Toys(workspace, token.value, tuple(tasks))
    client.transport.send("DELETE", f"api/projects/{project.id}/")


@pytest.fixture
def opened(toys: Toys) -> Iterator[OpenProject]:
    with open_project(toys.workspace) as one:
        yield one


class Colleague:
    """Somebody in a browser, who signed up with an invitation."""

    def __init__(self, email: str, link: str) -> None:
        self.email = email
        server = link.split("/user/")[0]
        # A browser says which page asks: our server heeds its own pages alone.
        self._browser = httpx.Client(base_url=server, timeout=60, headers={"Origin": server})
        page = self._browser.get(link).raise_for_status()
        (secret,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        form = {"email": email, "password": "correct horse", "csrfmiddlewaretoken": secret}
        self.answer = self._browser.post(link, data=form)

    def next(self, opened: OpenProject, tab: str) -> int | None:
        """The image that the page of a tab shows next."""
        data = find_tabs(opened)[tab].data
        answer = self._browser.post(
            "/api/dm/actions",
            params={
                "id": "next_task",
                "project": opened.id,
                "tabID": find_tabs(opened)[tab].id,
            },
            json={
                "project": str(opened.id),
                "ordering": data["ordering"],
                "filters": data["filters"],
            },
        )
        return None if answer.status_code == 404 else int(answer.raise_for_status().json()["id"])

    def label(self, task: int, choice: str = "cat") -> None:
        value = {"from_name": "kind", "to_name": "image", "type": "choices"}
        value |= {"value": {"choices": [choice]}}  # type: ignore[dict-item]
        path = f"/api/tasks/{task}/annotations/"
        self._browser.post(path, json={"result": [value]}).raise_for_status()


def invitation(toys: Toys) -> str:
    done = toys.run("people", "invite", "--json")
    assert done.code == 0, done.err
    return str(done.json["signup_url"])


def seen(toys: Toys, email: str) -> dict[str, Any]:
    people = toys.run("people", "list", "--json").json["people"]
    (found,) = (one for one in people if one["email"] == email)
    return dict(found)


def test_a_colleague_comes_in_by_the_invitation_and_what_they_label_is_seen(
    toys: Toys, opened: OpenProject
) -> None:
    link = invitation(toys)
    without = Colleague("nobody@example.com", link.split("?")[0])
    assert without.answer.status_code == 403
    ben = Colleague("ben.first@example.com", link)
    assert ben.answer.status_code == 302

    assert seen(toys, ben.email) == {"email": ben.email, "labeled": 0, "today": 0, "last": None}
    first = ben.next(opened, ORDER.name)
    assert first == toys.tasks[0]
    ben.label(first, "cat")
    result = {"from_name": "kind", "to_name": "image", "type": "choices"}
    opened.client.annotate(first, [{**result, "value": {"choices": ["dog"]}}])
    row = seen(toys, ben.email)
    assert (row["labeled"], row["today"]) == (1, 1)
    assert row["last"]

    export = toys.run("export", "--from", "api", "--json")
    assert export.json["conflicts"] == 1, export.err
    settle = toys.run("open", "--conflicts", "--json")
    assert "Images on which people differ: 1." in settle.json["notes"][0]
    tab = int(settle.json["url"].split("tab=")[1])
    assert [task for task, _ in opened.client.view_tasks(opened.id, tab, 9)] == [first]
    report = toys.run("report", "--from", "api")
    assert "0 of 1 image with several annotations: all alike" in report.out

    renewed = toys.run("people", "invite", "--revoke", "--json").json["signup_url"]
    assert renewed != link
    assert Colleague("late@example.com", link).answer.status_code == 403
    assert Colleague("intime@example.com", renewed).answer.status_code == 302


def test_who_labeled_on_a_former_server_signs_up_for_the_account_that_holds_their_labels(
    toys: Toys, opened: OpenProject
) -> None:
    kept = opened.client.make_account("back@example.com")
    link = invitation(toys)
    assert Colleague(kept.email, link).answer.status_code == 302
    assert [one.id for one in opened.client.accounts() if one.email == kept.email] == [kept.id]
    # Now it is theirs, and nobody else's: the page asks again.
    assert Colleague(kept.email, link).answer.status_code == 200


def test_each_gets_the_images_of_their_share_in_its_order_and_none_of_anothers(
    toys: Toys, opened: OpenProject
) -> None:
    link = invitation(toys)
    names = ("anna.shares@example.com", "ben.shares@example.com")
    people = [Colleague(name, link) for name in names]
    shares = finish(deal(opened, names))
    assert [share.images for share in shares] == [6, 6]
    given = {one.email: label_all(one, opened, f"share of {one.email}", 4) for one in people}
    assert given[names[0]] == list(toys.tasks[0:8:2])
    assert given[names[1]] == list(toys.tasks[1:9:2])

    # Ben stops: what is left of his goes to Anna.
    finish(deal(opened, names[:1]))
    assert label_all(people[0], opened, f"share of {names[0]}", 9) == list(toys.tasks[8:])
    assert f"share of {names[1]}" not in find_tabs(opened)


def label_all(one: Colleague, opened: OpenProject, tab: str, most: int) -> list[int]:
    """Label what a tab gives, until it gives none; returns which."""
    given: list[int] = []
    while len(given) < most and (task := one.next(opened, tab)) is not None:
        one.label(task)
        given.append(task)
    return given


def test_an_image_that_is_asked_of_two_people_comes_to_two_and_to_none_twice(
    toys: Toys, opened: OpenProject
) -> None:
    twice = toys.tasks[0]
    assert finish(ask_twice(opened, [twice])) == 1
    assert finish(ask_twice(opened, [twice])) == 0
    with pytest.raises(ConfigurationError, match="No round asks for second opinions"):
        finish(to_label_again(opened))
    (record,) = load_records(toys.workspace)
    save_record(toys.workspace, replace(record, second_opinions=(twice,)))
    assert finish(to_label_again(opened)) == []
    link = invitation(toys)
    anna, ben, cleo = (Colleague(f"{name}.twice@example.com", link) for name in "abc")
    assert anna.next(opened, ORDER.name) == twice
    anna.label(twice)
    # In the terminal it comes without what she said.
    (item,) = finish(to_label_again(opened))
    assert (item.task_id, item.annotation, item.suggestion) == (twice, None, None)
    assert item.note == SECOND_OPINION
    assert anna.next(opened, ORDER.name) == toys.tasks[1]
    assert ben.next(opened, ORDER.name) == twice
    ben.label(twice)
    assert cleo.next(opened, ORDER.name) != twice
    assert twice not in dict(opened.client.view_tasks(opened.id, order_tab(opened), 100))


def test_taken_back_a_second_opinion_is_waited_for_no_more(toys: Toys, opened: OpenProject) -> None:
    once, never = toys.tasks[:2]
    finish(ask_twice(opened, [once, never]))
    value = {"from_name": "kind", "to_name": "image", "type": "choices"}
    opened.client.annotate(once, [{**value, "value": {"choices": ["dog"]}}])
    assert once in dict(opened.client.view_tasks(opened.id, order_tab(opened), 100))
    assert finish(ask_twice(opened, [], [once, never])) == 2
    shown = dict(opened.client.view_tasks(opened.id, order_tab(opened), 100))
    assert once not in shown
    assert never in shown


def order_tab(opened: OpenProject) -> int:
    return find_tabs(opened)[ORDER.name].id


def sort_by_number(opened: OpenProject, tab: str) -> None:
    """Have a tab ordered otherwise, as the page does when somebody presses a column's head."""
    view = find_tabs(opened)[tab]
    opened.client.save_view(opened.id, {**view.data, "ordering": ["tasks:id"]}, view.id)


def test_what_somebody_changed_in_the_browser_is_said_and_set_right(
    toys: Toys, opened: OpenProject
) -> None:
    assert round_changes(opened) == []
    assert "set right" not in " ".join(label_stream(opened).notes)
    sort_by_number(opened, ORDER.name)
    opened.client.update_project(opened.id, {"model_version": ""})
    with open_project(toys.workspace) as now:
        tab, version = round_changes(now)
    assert "somebody changed its order in the browser" in tab
    assert "model_v1" in version
    finish(mend_round(opened))
    with open_project(toys.workspace) as now:
        assert round_changes(now) == []

    sort_by_number(opened, ORDER.name)
    done = toys.run("open", "--json")
    assert "set right again" in done.json["notes"][0]
    assert find_tabs(opened)[ORDER.name].data["ordering"] == ["-tasks:predictions_score"]

    finish(deal(opened, ["1", "2"]))
    view = find_tabs(opened)["share of 1"]
    broken = {**view.data, "filters": {"conjunction": "and", "items": []}}
    opened.client.save_view(opened.id, broken, view.id)
    assert "dealt again" in finish(share_page(opened, "1")).notes[0]
    again = find_tabs(opened)["share of 1"].id
    assert len(opened.client.view_tasks(opened.id, again, 100)) < IMAGES


def test_labels_of_the_round_are_followed_with_one_question_where_there_is_nothing_new(
    toys: Toys, opened: OpenProject
) -> None:
    now = [0.0]
    with contextlib.closing(RoundWatch(toys.workspace, lambda: now[0])) as watch:
        before, last = watch.look(), watch._record
        assert last is not None
        assert (before.model_version, before.asked, len(before.labeled)) == (VERSION, IMAGES, 0)
        value = {"from_name": "kind", "to_name": "image", "type": "choices"}
        label = opened.client.annotate(toys.tasks[3], [{**value, "value": {"choices": ["cat"]}}])
        assert watch.look() is before
        now[0] += PATIENCE
        asked = questions(watch)
        after = watch.look()
        assert list(after.labeled) == [toys.tasks[3]]
        because = {pick.task_id: pick.train_tag for pick in last.picks if pick.train_tag}
        assert {task: tag for task, (tag, _) in after.because.items()} == because
        assert [number for _, number in after.by_person] == [1]
        assert (after.tasks, after.images) == (IMAGES, 1)
        assert after.today == tuple(after.by_person)
        asked.clear()
        now[0] += PATIENCE
        assert watch.look() == after
        assert len(asked) == 1
        opened.client.transport.send("DELETE", f"api/annotations/{label}/")
        now[0] += PATIENCE
        assert watch.look().labeled == {}


def questions(watch: RoundWatch) -> list[Sequence[Any]]:
    """The list to which each question of the watch is added from now on."""
    asked: list[Sequence[Any]] = []
    transport = watch._opened.client.transport
    send = transport.send

    def noted(*arguments: Any, **named: Any) -> Any:
        asked.append(arguments)
        return send(*arguments, **named)

    transport.send = noted  # type: ignore[method-assign]
    return asked
