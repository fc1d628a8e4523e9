"""Looking only: nothing of the workspace and of the server is otherwise afterwards."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest

from core.read_only import VARIABLE
from core.workspace.settings import load_workspace
from tests.studio.conftest import Demo

CHANGING = [
    "sync",
    "export --format csv --out elsewhere.csv",
    "report --out report.html",
    "people share 2",
    "active-learning --model-version looked --fresh",
    "classes rename 0 zero --yes",
    "hooks --template files",
    "token forget",
    "server stop",
]
LOOKING = [
    "doctor",
    "export --check",
    "conflicts",
    "rounds",
    "open",
]


def state(demo: Demo) -> dict[str, object]:
    """All files but the server's log, and all that Label Studio keeps but who asked when."""
    own = load_workspace(demo.folder).state
    files = {
        str(path.relative_to(demo.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(demo.folder.rglob("*"))
        if path.is_file()
        and not path.is_relative_to(own.server)
        and "label-studio" not in path.name
    }
    return {"files": files, "rows": rows(own.server / "label_studio.sqlite3")}


def rows(database: Path) -> dict[str, int]:
    """Each table of a database with what its rows hold."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
        ]
        seen = [name for name in tables if not name.startswith(("django_session", "jwt", "htx"))]
        return {
            name: hash(tuple(connection.execute(f"SELECT * FROM {name} ORDER BY 1")))
            for name in seen
        }


@pytest.fixture(scope="module")
def before(demo: Demo) -> dict[str, object]:
    # What runs once is remembered and not done again: the hooks, and which tasks there are.
    assert demo.run("suspects").code == 0
    (demo.folder / "labeling" / "active_learning.py").rename(demo.folder / "hooks.py")
    try:
        yield state(demo)
    finally:
        (demo.folder / "hooks.py").rename(demo.folder / "labeling" / "active_learning.py")


def test_what_changes_something_is_refused(demo: Demo, before: dict[str, object]) -> None:
    for command in CHANGING:
        done = demo.run(*command.split(), **{VARIABLE: "1"})
        assert done.code == 2, (command, done.out, done.err)
        assert "would be changed" in done.err, command
    assert state(demo) == before


def test_what_only_looks_does_as_ever(demo: Demo, before: dict[str, object]) -> None:
    for command in LOOKING:
        done = demo.run("--read-only", *command.split())
        assert done.code == 0, (command, done.err)
    assert state(demo) == before
