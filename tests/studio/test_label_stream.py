"""What is asked for is what comes: on our own server, whatever a browser remembers and however many
people label. The requests are those of the page, which tests/studio/test_browser.py sees."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.labeling.fallback import AN_IMAGE_EACH, AS_DISPLAYED, NO_FILTER, ROUND_ORDER, SHARES
from core.labeling.shares import deal
from core.labeling.stream import LabelPage, label_stream
from core.progress import finish
from core.studio.client import StudioClient
from core.studio.launcher import patches, stream
from core.studio.patches import closed_patches
from core.studio.project import OpenProject
from core.studio.server import database
from core.workspace.settings import Workspace, load_workspace
from tests.studio.conftest import Demo
from tests.studio.labelers import Labeler, Project, label_at_once, make_project

# The chi-square distribution's value that one random sequence in a million exceeds, for 2 degrees.
CHI_SQUARE_2 = 27.63
# Patch -> what labelpilot says where it is closed.
WITHOUT = {
    patch.name: patch.without
    for patch in patches.PATCHES
    if patch.apply.__module__ == stream.__name__
}


# What a browser remembers; one with "filtered" asks for the same as one with nothing.
EACH = (None, "all", pytest.param("filtered", marks=pytest.mark.long))


@pytest.fixture(scope="module")
def client(demo: Demo) -> Iterator[StudioClient]:
    client = demo.client()
    yield client
    client.close()


@pytest.fixture(scope="module")
def anna(client: StudioClient) -> Labeler:
    return Labeler(client, "anna")


@pytest.fixture(scope="module")
def ben(client: StudioClient) -> Labeler:
    return Labeler(client, "ben")


@pytest.mark.parametrize(
    ("remembered", "at_the_tab"),
    [
        (None, True),
        ("all", True),
        pytest.param("filtered", True, marks=pytest.mark.long),
        ("all", False),
    ],
)
def test_in_a_round_each_gets_the_first_image_that_nobody_else_has(
    client: StudioClient, anna: Labeler, ben: Labeler, remembered: str | None, at_the_tab: bool
) -> None:
    project = make_project(client, 12)
    order = project.tasks[5:9][::-1]
    tab = project.publish(order) if at_the_tab else (project.publish(order), None)[1]
    got = [person.ask(project, tab, remembered) for person in (anna, ben, anna, ben)]
    # A page that is loaded again shows what its person has open.
    assert got == [(task, "Data manager queue") for task in (*order[:2], *order[:2])]


@pytest.mark.parametrize("remembered", EACH)
def test_where_no_round_is_on_the_projects_sampling_holds(
    client: StudioClient, anna: Labeler, ben: Labeler, remembered: str | None
) -> None:
    project = make_project(client, 4)
    before = [person.ask(project, None, remembered) for person in (anna, ben)]
    assert [queue for _, queue in filter(None, before)] == ["Uniform random queue"] * 2
    assert before[0] != before[1]
    tab = project.publish(project.tasks[:1])
    anna.label(project.tasks[0])
    after = anna.ask(project, tab, remembered)
    assert after is not None
    assert after[1] in ("Uniform random queue", "Task lock")


def test_random_is_random(demo: Demo, client: StudioClient, anna: Labeler) -> None:
    project, draws, groups = make_project(client, 30), 30, 3
    seen: Counter[int] = Counter()
    with sqlite3.connect(database(load_workspace(demo.folder)), timeout=60) as kept:
        for _ in range(draws):
            got = anna.ask(project)
            assert got is not None
            assert got[1] == "Uniform random queue"
            seen[project.tasks.index(got[0]) * groups // len(project.tasks)] += 1
            # As when she comes back after the hour for which it is hers.
            kept.execute("UPDATE tasks_tasklock SET expire_at = '2000-01-01'")
            kept.commit()
    expected = draws / groups
    assert sum((seen[g] - expected) ** 2 / expected for g in range(groups)) < CHI_SQUARE_2


def test_two_people_at_once_label_each_image_once_and_in_order(
    client: StudioClient, anna: Labeler, ben: Labeler
) -> None:
    project = make_project(client, 12)
    order = project.tasks[::-1]
    tab = project.publish(order)
    done = label_at_once(project, tab, {anna: None, ben: "all"})
    assert sorted(done) == sorted(project.tasks)
    # Whoever got an image noted it before the other could get the next but one.
    assert max(abs(done.index(task) - order.index(task)) for task in order) <= 2
    assert client.annotation_count(project.id) == 12


def test_a_second_opinion_is_another_persons(
    client: StudioClient, anna: Labeler, ben: Labeler
) -> None:
    project = make_project(client, 3)
    order = project.tasks
    client.transport.send("PATCH", f"api/tasks/{order[0]}/", body={"overlap": 2})
    tab = project.publish(order)
    assert _images(project, tab, anna, ben) == [order[0], order[0]]
    anna.label(order[0])
    assert _images(project, tab, anna, ben) == [order[1], order[0]]
    ben.label(order[0])
    assert _images(project, tab, anna, ben) == [order[1], order[2]]


def test_a_skipped_image_goes_to_somebody_else(
    client: StudioClient, anna: Labeler, ben: Labeler
) -> None:
    project = make_project(client, 3)
    tab = project.publish(project.tasks)
    assert _images(project, tab, anna) == [project.tasks[0]]
    anna.label(project.tasks[0], skipped=True)
    assert _images(project, tab, anna, ben) == [project.tasks[1], project.tasks[0]]


@pytest.mark.parametrize("remembered", EACH)
def test_who_has_a_share_gets_its_images_and_who_opens_anothers_link_gets_those(
    client: StudioClient, anna: Labeler, ben: Labeler, remembered: str | None
) -> None:
    project = make_project(client, 8)
    project.publish(project.tasks)
    opened = OpenProject(Workspace(Path()), client, client.project(project.id))
    dealt = finish(deal(opened, (anna.email, ben.email)))
    tabs = {share.person: int(share.url.split("tab=")[1].split("&")[0]) for share in dealt}
    first, second, third, fourth, *_ = project.tasks
    assert _image(anna.ask(project, tabs[anna.email], remembered)) == first
    assert _image(ben.ask(project, tabs[ben.email], remembered)) == second
    # "Label All Tasks" gives everybody their own.
    assert _image(ben.ask(project, None, "all")) == second
    assert _image(anna.ask(project, tabs[ben.email], remembered)) == fourth
    anna.label(first)
    assert _image(anna.ask(project, None, "all")) == third


def test_what_somebody_selects_or_filters_is_theirs(client: StudioClient, anna: Labeler) -> None:
    project = make_project(client, 4)
    tab = project.publish(project.tasks)
    wanted = project.tasks[2]
    assert anna.ask(project, tab, selected=[wanted]) == (wanted, "Data manager queue")


def test_without_the_patches_it_is_said_and_one_click_brings_the_order(
    demo: Demo, client: StudioClient, anna: Labeler
) -> None:
    project = make_project(client, 6, "Sequential sampling")
    tab, workspace = project.publish(project.tasks[::-1]), load_workspace(demo.folder)
    demo.run("server", "stop")
    closed = demo.run("server", "start", LABELPILOT_CLOSED_PATCHES=",".join(WITHOUT))
    try:
        assert closed.code == 0, closed.err
        assert anna.ask(project, tab, "all") == (project.tasks[0], "Sequence queue")
        assert anna.ask(project, tab, "filtered") == (project.tasks[-1], "Data manager queue")
        page = label_stream(OpenProject(workspace, client, client.project(project.id)))
        assert page == LabelPage(page.url, (AS_DISPLAYED, SHARES))
        assert page.url.endswith(f"/data?tab={tab}&labeling=1")
        assert demo.run("open", "--json").json["notes"]
        (server, *_) = demo.run("setup", "--json").json["steps"]
        doctor = demo.run("doctor").out
        for sentence in WITHOUT.values():
            assert sentence.removesuffix(".") in server["detail"]
            assert sentence in " ".join(doctor.split())
    finally:
        demo.run("server", "stop")
        demo.run("server", "start")
    assert demo.run("open", "--json").json["notes"] == []


def test_every_patch_fits_the_label_studio_that_is_installed(demo: Demo) -> None:
    assert closed_patches(load_workspace(demo.folder)) == ()


def test_what_is_needed_without_a_patch_names_the_patch() -> None:
    assert set(WITHOUT) == {NO_FILTER, AN_IMAGE_EACH, ROUND_ORDER}


def _images(project: Project, tab: int, *people: Labeler) -> list[int | None]:
    return [_image(person.ask(project, tab)) for person in people]


def _image(got: tuple[int, str] | None) -> int | None:
    return None if got is None else got[0]
