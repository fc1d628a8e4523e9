"""What the index keeps on disk: each task, and by what it is seen whether that still holds.

It lies in `.labelpilot/cache/` and is only for speed: where it is missing, damaged, of another
project or not made here, or where the disk refuses, the tasks are listed anew.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from secrets import randbelow
from typing import Any

import orjson

from core.errors import LabelpilotError
from core.own_files import make_own, open_own, refuse_links
from core.studio.models import Mark, Task
from core.studio.project import OpenProject
from core.workspace.trust import own_mark

# Counted up where what is kept, or what it means, changes.
_VERSION = 3
_TABLES = (
    "CREATE TABLE task (id INTEGER PRIMARY KEY, image TEXT NOT NULL, annotations INTEGER NOT NULL)",
    "CREATE TABLE range (number INTEGER PRIMARY KEY, tasks INTEGER NOT NULL, sum INTEGER NOT NULL)",
    "CREATE TABLE fact (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
)
# Another labelpilot of this workspace writes for moments.
_BUSY_SECONDS = 10.0
_ROWS = 5000
# What is noted: whose the tasks are, and a number that is another one after each change.
_OF, _REVISION = "of", "revision"


class KeptTasks:
    """The tasks of a project as they were seen last. Closed at the end of a `with` block.

    `new`, `changed` and `gone` count what has become otherwise since; `why_empty` says why nothing
    was known when it was opened.
    """

    def __init__(self, opened: OpenProject, *, on_disk: bool = True) -> None:
        self.new = self.changed = self.gone = 0
        self.why_empty = ""
        self._file = opened.workspace.state.cache / "tasks.sqlite"
        self._of = _whose(opened)
        self._database = _opened(self._file) if self._of and on_disk else _in_memory()
        if self.fact(_OF) != self._of:
            self.forget("none are known here yet")

    def __enter__(self) -> KeptTasks:
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.close()
        if isinstance(error, sqlite3.Error):
            # Whatever is wrong with it, a new one is not.
            self._file.unlink(missing_ok=True)
            raise LabelpilotError(
                f"{self._file}, which keeps the tasks as they were seen last, cannot be used.",
                cause=str(error),
                next_step="It was removed: try again, and all tasks are listed.",
            ) from error

    def close(self) -> None:
        self._database.close()

    def forget(self, why: str) -> None:
        """Drop everything, and say `why`."""
        self.new = self.changed = self.gone = 0
        self.why_empty = why
        with self._writing() as database:
            for statement in ("DELETE FROM task", "DELETE FROM range", "DELETE FROM fact"):
                database.execute(statement)
            self._note(_OF, self._of)
            self._note(_REVISION, randbelow(2**48))

    def tasks(self) -> Iterator[Task]:
        """Every task, by rising id."""
        statement = "SELECT * FROM task WHERE id > ? ORDER BY id LIMIT ?"
        rows: list[Any] = [(0,)]
        # In parts, so that nobody who writes meanwhile has to wait.
        while rows := self._database.execute(statement, (rows[-1][0], _ROWS)).fetchall():
            yield from map(Task._make, rows)

    def sample(self, count: int) -> list[Task]:
        """Up to `count` tasks, drawn at random."""
        statement = "SELECT * FROM task WHERE id >= ? ORDER BY id LIMIT 1"
        first, last = self._database.execute("SELECT MIN(id), MAX(id) FROM task").fetchone()
        drawn = (first + randbelow(last - first + 1) for _ in range(count if last else 0))
        rows = {self._database.execute(statement, (number,)).fetchone() for number in drawn}
        return [Task(*row) for row in rows]

    @property
    def revision(self) -> int:
        """Another number after each change of a task."""
        return int(self.fact(_REVISION) or 0)

    @property
    def last(self) -> int:
        """The highest id; 0 where there is none."""
        return int(self._database.execute("SELECT MAX(id) FROM task").fetchone()[0] or 0)

    def count(self, first: int = 0, last: int = 2**62) -> tuple[int, int]:
        """How many tasks have an id from `first` to `last`, and how many annotations those."""
        statement = "SELECT COUNT(*), TOTAL(annotations) FROM task WHERE id BETWEEN ? AND ?"
        tasks, annotations = self._database.execute(statement, (first, last)).fetchone()
        return tasks, int(annotations)

    def middle(self, first: int, last: int) -> int:
        """The id of the task in the middle of those from `first` to `last`."""
        half = self.count(first, last)[0] // 2
        statement = "SELECT id FROM task WHERE id BETWEEN ? AND ? ORDER BY id LIMIT 1 OFFSET ?"
        return int(self._database.execute(statement, (first, last, half)).fetchone()[0])

    def marks(self) -> dict[int, Mark]:
        """Range -> its mark as it was before the range was listed, where it has one."""
        rows = self._database.execute("SELECT number, tasks, sum FROM range")
        return {number: (tasks, total) for number, tasks, total in rows}

    def replace(self, first: int, last: int, tasks: Iterable[Task]) -> None:
        """Have `tasks` be all that have an id from `first` to `last`."""
        taken = list(tasks)
        with self._writing():
            self._replace(first, last, taken)

    def replace_ranges(self, width: int, marks: Mapping[int, Mark], tasks: Sequence[Task]) -> None:
        """Have `tasks` be all of the ranges of `width` ids that `marks` names, with their marks."""
        of: dict[int, list[Task]] = {number: [] for number in marks}
        for task in tasks:
            of[task.id // width].append(task)
        with self._writing() as database:
            for number, mark in marks.items():
                self._replace(number * width, (number + 1) * width - 1, of[number])
                row = (number, *mark)
                database.execute("INSERT OR REPLACE INTO range VALUES (?, ?, ?)", row)

    def put(self, tasks: Iterable[Task]) -> None:
        """Take in tasks as they are now, whether they are known or not."""
        taken = list(tasks)
        with self._writing():
            for task in taken:
                self._replace(task.id, task.id, (task,))

    def fact(self, name: str) -> Any:
        """What was noted as `name`; None where nothing was."""
        statement = "SELECT value FROM fact WHERE name = ?"
        row = self._database.execute(statement, (name,)).fetchone()
        return None if row is None else orjson.loads(row[0])

    def note(self, name: str, value: object) -> None:
        """Keep `value` as `name`; what cannot be kept is asked for anew."""
        with contextlib.suppress(sqlite3.Error), self._writing():
            self._note(name, value)

    def result(self, name: str, of: Sequence[object]) -> Any:
        """What was kept of these very tasks as `name`, and for the same `of`; else None."""
        kept = self.fact(name)
        same = kept is not None and kept["of"] == [*of, self.revision]
        return kept["result"] if same else None

    def keep_result(self, name: str, of: Sequence[object], result: object) -> None:
        """Keep what was found out of the tasks for as long as none of them changes."""
        self.note(name, {"of": [*of, self.revision], "result": result})

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """All that is done in the block is done at once, or not at all."""
        with self._database as database:
            database.execute("BEGIN IMMEDIATE")
            yield database

    def _replace(self, first: int, last: int, tasks: Iterable[Task]) -> None:
        within, database = (first, last), self._database
        rows = database.execute("SELECT * FROM task WHERE id BETWEEN ? AND ?", within)
        known = {row[0]: row for row in rows}
        now = {task.id: (task.id, task.image, task.annotations) for task in tasks}
        otherwise = [row for number, row in now.items() if known.get(number) != row]
        gone = [(number,) for number in known.keys() - now.keys()]
        new = sum(row[0] not in known for row in otherwise)
        self.new += new
        self.changed += len(otherwise) - new
        self.gone += len(gone)
        database.executemany("INSERT OR REPLACE INTO task VALUES (?, ?, ?)", otherwise)
        database.executemany("DELETE FROM task WHERE id = ?", gone)
        if otherwise or gone:
            self._note(_REVISION, self.revision + 1)

    def _note(self, name: str, value: object) -> None:
        row = (name, orjson.dumps(value))
        self._database.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", row)


def _whose(opened: OpenProject) -> list[Any]:
    """What the tasks must be of: this very project, read in this way, by this user's labelpilot.

    Empty where nothing can be kept.
    """
    project = opened.remote
    with contextlib.suppress(LabelpilotError):
        return [_VERSION, own_mark(), project.id, project.created, project.image_key]
    return []


def _opened(file: Path) -> sqlite3.Connection:
    """The database in `file`; a new one where that is no such, in memory where the disk refuses."""
    with contextlib.suppress(OSError, sqlite3.OperationalError):
        make_own(file.parent)
        refuse_links(file.with_name(f"{file.name}-journal"))
        with contextlib.suppress(sqlite3.DatabaseError):
            return _connected(file)
        file.unlink()
        return _connected(file)
    return _in_memory()


def _connected(file: Path) -> sqlite3.Connection:
    open_own(file, "ab").close()
    database = sqlite3.connect(file, timeout=_BUSY_SECONDS, check_same_thread=False)
    try:
        return _with_tables(database)
    except BaseException:
        database.close()
        raise


def _in_memory() -> sqlite3.Connection:
    return _with_tables(sqlite3.connect(":memory:", check_same_thread=False))


def _with_tables(database: sqlite3.Connection) -> sqlite3.Connection:
    """`database` with the tables that it has to have. Raises DatabaseError where it has others."""
    with database:
        database.execute("BEGIN IMMEDIATE")
        found = [sql for (sql,) in database.execute("SELECT sql FROM sqlite_schema WHERE sql > ''")]
        for table in () if found else _TABLES:
            database.execute(table)
    if found and sorted(found) != sorted(_TABLES):
        raise sqlite3.DatabaseError("it holds other tables")
    return database
