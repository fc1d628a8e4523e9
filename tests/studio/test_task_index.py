"""Whatever becomes of a project's tasks is seen at the next look, and nothing else is listed.

Each on a server of labelpilot's own, which sums its tasks up, and on one that it did not start.
"""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import ConfigurationError
from core.progress import Progress, finish
from core.setup.checklist import probe_steps, set_up
from core.studio.client import StudioClient
from core.studio.project import OpenProject
from core.tasks.index import by_counts
from core.tasks.index.look import look_at_tasks
from core.workspace.settings import Workspace
from tests.studio.conftest import Demo
from tests.studio.first_start import NAME
from tests.studio.places import CAT, CONFIG, Place
from tests.studio.stock import Stock
from tui.backend import Backend

TASKS = 130


class Looked:
    """A project with `TASKS` tasks, and the database that its server keeps them in."""

    def __init__(self, root: Path, client: StudioClient, database: Path) -> None:
        self.client = client
        number = client.create_project("Index").id
        remote = client.update_project(number, {"label_config": CONFIG})
        self.opened = OpenProject(Workspace(root=root), client, remote)
        self.database = database
        self.ids = self.imported(*(f"{number}.png" for number in range(TASKS)))

    def imported(self, *names: str) -> list[int]:
        data = [{"image": f"/data/local-files/?d=images/{name}"} for name in names]
        return self.client.import_tasks(self.opened.id, data, 60)

    def look(self, opened: OpenProject | None = None) -> tuple[tuple[int, int, int], str]:
        """How many tasks are new, changed and gone since the former look, and why all were listed.

        What is known then must be what the server lists.
        """
        opened = opened or self.opened
        with finish(look_at_tasks(opened)) as known:
            assert list(known.tasks()) == list(self.client.tasks(opened.id, "image"))
            return (known.new, known.changed, known.gone), known.why_empty

    @property
    def file(self) -> Path:
        return self.opened.workspace.state.cache / "tasks.sqlite"

    def rows(self) -> list[tuple[object, ...]]:
        """The project's tasks as they lie in the database."""
        with sqlite3.connect(self.database, timeout=30) as database:
            of = (self.opened.id,)
            return database.execute("SELECT * FROM task WHERE project_id = ?", of).fetchall()

    def restore(self, rows: list[tuple[object, ...]]) -> None:
        """Have these rows be the project's tasks, as a copy of the database would."""
        with sqlite3.connect(self.database, timeout=30) as database:
            database.execute("DELETE FROM task WHERE project_id = ?", (self.opened.id,))
            places = ", ".join("?" * len(rows[0]))
            database.executemany(f"INSERT INTO task VALUES ({places})", rows)


# The first test shows that both are looked at rightly; the others ask stock with `long` alone.
BOTH = ["demo", "stock"]


@pytest.fixture(params=["demo", pytest.param("stock", marks=pytest.mark.long)])
def looked(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Looked]:
    if request.param == "demo":
        demo: Demo = request.getfixturevalue("demo")
        client, folder = demo.client(), demo.folder / ".labelpilot" / "server"
    else:
        stock: Stock = request.getfixturevalue("stock")
        client, folder = StudioClient(stock.url, stock.legacy_token), stock.root.parent / "server"
    # So that ids are halved also among few tasks.
    monkeypatch.setattr(by_counts, "_FEW", 10)
    # What a test did a moment ago is asked for again otherwise.
    monkeypatch.setattr(by_counts, "_OVERLAP", timedelta(0))
    yield Looked(tmp_path, client, folder / NAME)
    client.close()


@pytest.mark.parametrize("looked", BOTH, indirect=True)
def test_what_is_done_to_tasks_is_seen(looked: Looked) -> None:
    assert looked.look() == ((TASKS, 0, 0), "none are known here yet")
    assert looked.look() == ((0, 0, 0), "")
    # Doubled, and made by somebody else.
    looked.imported("0.png", "other.png")
    assert looked.look() == ((2, 0, 0), "")
    # Deleted, in the middle and at the end.
    looked.client.delete_untouched(looked.opened.id, looked.ids[40:60] + looked.ids[-1:])
    assert looked.look() == ((0, 0, 21), "")
    # Labeled, re-pointed.
    number = looked.client.annotate(looked.ids[3], CAT)
    looked.client.update_task(looked.ids[100], {"data": {"image": "s3://bucket/x.png"}})
    assert looked.look() == ((0, 2, 0), "")
    # A label that is deleted, and one task less with one task more.
    looked.client.transport.send("DELETE", f"api/annotations/{number}/")
    looked.client.delete_untouched(looked.opened.id, [looked.ids[5]])
    looked.imported("another.png")
    assert looked.look() == ((1, 1, 1), "")
    assert looked.look() == ((0, 0, 0), "")


def test_a_database_that_was_restored_is_seen(looked: Looked) -> None:
    yesterday = looked.rows()
    looked.client.delete_untouched(looked.opened.id, looked.ids[10:12])
    looked.imported("today.png", "too.png")
    for number in looked.ids[20:23]:
        looked.client.update_task(number, {"data": {"image": f"s3://bucket/{number}.png"}})
    assert looked.look()[0] == (TASKS, 0, 0)
    looked.restore(yesterday)
    assert looked.look() != ((0, 0, 0), "")
    assert looked.look() == ((0, 0, 0), "")


def test_what_changes_without_a_trace_is_found_by_sample(looked: Looked) -> None:
    looked.look()
    moved = [(*row[:1], str(row[1]).replace("images", "photos"), *row[2:]) for row in looked.rows()]
    looked.restore(moved)
    assert looked.look() != ((0, 0, 0), "")
    assert looked.look() == ((0, 0, 0), "")


def test_a_sync_says_what_was_done_to_tasks_and_puts_it_right(place: Place) -> None:
    place.set_up()
    client, project = place.client, place.project_id
    deleted, moved, doubled, _ = client.tasks(project, "image")
    client.delete_untouched(project, [deleted.id])
    client.update_task(moved.id, {"data": {"image": moved.image.replace("1.png", "gone.png")}})
    client.import_tasks(project, [{"image": doubled.image}], 60)
    said: list[str] = []
    work = Backend().sync(place.workspace, "bulk")
    result = finish(work, lambda event: said.append(event.note))
    assert "tasks since the last look: 1 new, 1 changed, 1 gone" in said
    assert (result.created, result.duplicates, result.missing_files) == (2, 1, 1)
    again = finish(Backend().sync(place.workspace))
    assert (again.existing, again.created, again.duplicates) == (4, 0, 1)
    assert place.run("repair", "--yes").code == 0
    assert finish(Backend().sync(place.workspace)).complete


def test_tasks_of_another_server_or_project_are_not_believed(looked: Looked) -> None:
    looked.look()
    other = replace(looked.opened.remote, created="2001-01-01T00:00:00Z")
    assert looked.look(replace(looked.opened, remote=other))[0] == (TASKS, 0, 0)


@pytest.mark.parametrize("looked", ["demo"], indirect=True)
def test_a_server_that_no_longer_sums_its_tasks_up_is_asked_in_another_way(
    looked: Looked, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked.look()
    with monkeypatch.context() as patched:
        patched.setattr(StudioClient, "task_marks", lambda *_: None)
        assert looked.look() == ((TASKS, 0, 0), "this server is asked in another way now")
        looked.client.delete_untouched(looked.opened.id, looked.ids[50:70])
        assert looked.look() == ((0, 0, 20), "")
    assert looked.look()[0] == (TASKS - 20, 0, 0)


@pytest.mark.parametrize("looked", ["demo"], indirect=True)
def test_what_was_made_elsewhere_or_is_damaged_is_not_believed(
    looked: Looked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked.look()
    with monkeypatch.context() as patched:
        patched.setenv("XDG_CONFIG_HOME", str(tmp_path / "somebody else"))
        assert looked.look()[0] == (TASKS, 0, 0)
    for damage in (b"no database", looked.file.read_bytes()[:5000], b""):
        looked.file.write_bytes(damage)
        assert looked.look()[0] == (TASKS, 0, 0)
    # A disk without room.
    looked.file.unlink()
    most, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (22_000, hard))
    try:
        assert looked.look()[0] == (TASKS, 0, 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    looked.file.unlink()
    looked.file.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="is a link"):
        looked.look()
    assert not (tmp_path / "elsewhere").exists()


def test_a_project_that_nobody_listed_yet_is_looked_at_with_progress(place: Place) -> None:
    place.set_up()
    file = place.workspace.state.cache / "tasks.sqlite"
    file.unlink()
    events: list[Progress] = []
    finish(set_up(place.workspace), events.append)
    assert (0, 4) in [(event.done, event.total) for event in events if event.stage == "images"]
    file.unlink()
    first, last = (one for one in probe_steps(place.workspace) if one.id == "images")
    assert first.detail == "looking at the tasks: 0 of 4"
    assert (last.state, last.detail) == ("done", "4 of 4 images are tasks")
