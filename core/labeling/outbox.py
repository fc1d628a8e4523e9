"""The outbox: labels made here, on the disk before anything else is done with them.

A label stays in it when it has arrived, so that it can be taken back; of those, the newest are
kept. It is written by every labelpilot of the workspace, and outlives each of them: each row is
changed in one transaction, which is on the disk when it ends.

The file lies in a folder that may have come from somebody else, so each row says for which project
of which server it was made, and by whose labelpilot.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from core.errors import LabelpilotError
from core.files import not_written
from core.own_files import make_own, open_own, refuse_links
from core.studio.project import OpenProject
from core.workspace.settings import Workspace
from core.workspace.trust import own_mark

# As many that have arrived can be taken back.
KEPT = 1000
_BUSY_SECONDS = 10.0
_TABLE = """CREATE TABLE IF NOT EXISTS label (
    place INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, whose TEXT NOT NULL,
    slot INTEGER NOT NULL, task INTEGER NOT NULL, tag TEXT NOT NULL, url TEXT NOT NULL,
    body BLOB NOT NULL, changes INTEGER, annotation INTEGER, before BLOB, state TEXT NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0, back INTEGER NOT NULL DEFAULT 0, why TEXT NOT NULL DEFAULT '',
    together TEXT NOT NULL DEFAULT ''
)"""
_CLAIM = """CREATE TABLE IF NOT EXISTS claim (
    whose TEXT NOT NULL, task INTEGER NOT NULL, slot INTEGER NOT NULL, until REAL NOT NULL,
    PRIMARY KEY (whose, task)
)"""
_COLUMNS = (
    "id, task, tag, url, body, changes, annotation, before, state, tries, back, why, together"
)
# What a label's state can be: on its way, there, or refused for good.
WAITING, ARRIVED, REFUSED = "waiting", "arrived", "refused"
_ON_THE_WAY = f"(state = '{WAITING}' OR back AND state != '{REFUSED}')"


@dataclass(frozen=True, slots=True)
class Label:
    """A label: what the annotation of a task is to hold (`body`).

    `id` is the annotation's unique one, by which Label Studio takes it once only. `changes` is the
    annotation that is changed where none is made, and `before` is what that held; `annotation` is
    the one that was made. It was tried to send `tries` times; `back`: it is to be taken back.
    Labels that were made `together`, of look-alikes, share that name, and are taken back together.
    """

    id: str
    task: int
    tag: str
    url: str
    body: Mapping[str, Any]
    changes: int | None = None
    annotation: int | None = None
    before: Mapping[str, Any] | None = None
    state: str = WAITING
    tries: int = 0
    back: bool = False
    why: str = ""
    together: str = ""

    @property
    def skips(self) -> bool:
        return bool(self.body.get("was_cancelled"))


def whose(opened: OpenProject) -> str:
    """For which project labels are, and by whose labelpilot they were made."""
    workspace, project = opened.workspace, opened.remote
    server = workspace.studio.url or "own"
    return orjson.dumps([own_mark(), server, project.id, project.created]).decode()


class Outbox:
    """The labels of a workspace for one project. Safe to use from several threads.

    `slot` tells apart the labelpilots that are at work in the workspace at the same time. Every
    method raises LabelpilotError where the disk refuses; nothing is changed then.
    """

    def __init__(self, workspace: Workspace, of: str, slot: int) -> None:
        workspace.state.make()
        self._file = workspace.state.outbox
        self._of, self._slot = of, slot
        self._lock = threading.Lock()
        self._database = _opened(self._file)
        # Who looks does not wait for what is being written to the disk.
        self._looking = threading.Lock()
        self._reader = _opened(self._file)

    def close(self) -> None:
        with self._lock, self._looking:
            self._reader.close()
            self._database.close()

    def add(self, label: Label) -> None:
        """Put a label on the disk, to be sent."""
        with self._writing() as database:
            database.execute(
                "INSERT INTO label (id, whose, slot, task, tag, url, body, changes, state, "
                "together) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    label.id,
                    self._of,
                    self._slot,
                    label.task,
                    label.tag,
                    label.url,
                    orjson.dumps(label.body),
                    label.changes,
                    WAITING,
                    label.together,
                ),
            )
            database.execute(
                "DELETE FROM label WHERE state = ? AND NOT back AND place <= "
                "(SELECT MAX(place) FROM label) - ?",
                (ARRIVED, KEPT),
            )

    def take_back(self, together: str = "") -> Label | None:
        """The last label of this slot, to be taken back, or the last of those made `together`; None
        where there is none.

        One that nobody tried to send yet is gone with that.
        """
        with self._writing() as database:
            row = database.execute(
                f"SELECT {_COLUMNS} FROM label WHERE whose = ? AND slot = ? AND NOT back "  # noqa: S608
                "AND state != ? AND (? = '' OR together = ?) ORDER BY place DESC LIMIT 1",
                (self._of, self._slot, REFUSED, together, together),
            ).fetchone()
            if row is None:
                return None
            label = _label(row)
            if label.state == WAITING and not label.tries:
                database.execute("DELETE FROM label WHERE id = ?", (label.id,))
            else:
                database.execute("UPDATE label SET back = 1 WHERE id = ?", (label.id,))
            return label

    def begin(self, after: str = "") -> Label | None:
        """The first label that is on its way, marked as tried; None where none is.

        With `after`, the first behind that one.
        """
        with self._writing() as database:
            row = database.execute(
                f"SELECT {_COLUMNS} FROM label WHERE whose = ? AND {_ON_THE_WAY} AND place > "  # noqa: S608
                "COALESCE((SELECT place FROM label WHERE id = ?), 0) ORDER BY place LIMIT 1",
                (self._of, after),
            ).fetchone()
            if row is None:
                return None
            database.execute("UPDATE label SET tries = tries + 1 WHERE id = ?", (row[0],))
            return _label(row)

    def note_before(self, label: Label, before: Mapping[str, Any]) -> None:
        """Keep what an annotation held before it is changed."""
        self._set(label, before=orjson.dumps(before))

    def arrived(self, label: Label, annotation: int | None) -> None:
        """Note that a label is there, as this annotation where that is known."""
        self._set(label, state=ARRIVED, annotation=annotation, why="")

    def refused(self, label: Label, why: str) -> None:
        """Note that Label Studio does not take a label, and why."""
        self._set(label, state=REFUSED, why=why)
        with self._writing() as database:
            # What is not wanted any more is not missed.
            database.execute("DELETE FROM label WHERE id = ? AND back", (label.id,))

    def claim(self, tasks: Iterable[int], seconds: float) -> frozenset[int]:
        """Have this slot hold those of `tasks` that no other one does, and no others; which those
        are. It is for `seconds`, unless it is done again."""
        now = time.time()
        with self._writing() as database:
            database.execute(
                "DELETE FROM claim WHERE whose = ? AND (slot = ? OR until < ?)",
                (self._of, self._slot, now),
            )
            rows = [(self._of, task, self._slot, now + seconds) for task in tasks]
            database.executemany("INSERT OR IGNORE INTO claim VALUES (?, ?, ?, ?)", rows)
            mine = (self._of, self._slot)
            statement = "SELECT task FROM claim WHERE whose = ? AND slot = ?"
            return frozenset(task for (task,) in database.execute(statement, mine))

    def gone(self, label: Label) -> None:
        """Note that a label was taken back, or is given up."""
        with self._writing() as database:
            database.execute("DELETE FROM label WHERE id = ?", (label.id,))

    def send_again(self) -> None:
        """Have the labels that were refused be sent once more."""
        with self._writing() as database:
            database.execute(
                "UPDATE label SET state = ?, why = '' WHERE whose = ? AND state = ?",
                (WAITING, self._of, REFUSED),
            )

    def labels(self, state: str) -> list[Label]:
        """The labels for this project in a state, the oldest first."""
        statement = f"SELECT {_COLUMNS} FROM label WHERE whose = ? AND state = ? ORDER BY place"  # noqa: S608
        return [_label(row) for row in self._read(statement, self._of, state)]

    def tasks_on_the_way(self) -> list[int]:
        """The tasks whose labels are not known to be there."""
        statement = f"SELECT DISTINCT task FROM label WHERE whose = ? AND {_ON_THE_WAY}"  # noqa: S608
        return [int(task) for (task,) in self._read(statement, self._of)]

    @property
    def on_the_way(self) -> int:
        """How many labels are not known to be there, or not known to be taken back."""
        statement = f"SELECT COUNT(*) FROM label WHERE whose = ? AND {_ON_THE_WAY}"  # noqa: S608
        return int(self._read(statement, self._of)[0][0])

    @property
    def of_others(self) -> int:
        """How many labels wait for another project or server, or were made by somebody else."""
        statement = f"SELECT COUNT(*) FROM label WHERE whose != ? AND {_ON_THE_WAY}"  # noqa: S608
        return int(self._read(statement, self._of)[0][0])

    def _set(self, label: Label, **columns: Any) -> None:
        names = ", ".join(f"{name} = ?" for name in columns)
        with self._writing() as database:
            statement = f"UPDATE label SET {names} WHERE id = ?"  # noqa: S608
            database.execute(statement, (*columns.values(), label.id))

    def _read(self, statement: str, *values: object) -> list[Any]:
        with self._looking, _sentences(self._file):
            return self._reader.execute(statement, values).fetchall()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """All that is done in the block is on the disk at its end, or nothing of it is done."""
        with self._lock, _sentences(self._file), self._database as database:
            database.execute("BEGIN IMMEDIATE")
            yield database


def new_id() -> str:
    """A unique id for an annotation."""
    return str(uuid.uuid4())


def _label(row: Any) -> Label:
    values = list(row)
    values[4] = orjson.loads(values[4])
    values[7] = None if values[7] is None else orjson.loads(values[7])
    values[10] = bool(values[10])
    return Label(*values)


@contextlib.contextmanager
def _sentences(file: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise not_written(file, OSError(str(error))) from error


def _opened(file: Path) -> sqlite3.Connection:
    """The database in `file`; one that is none is set aside, whatever is in it."""
    make_own(file.parent)
    for attempt in (1, 2):
        try:
            return _connected(file)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) or attempt == 2:
                raise not_written(file, OSError(str(error))) from error
            file.rename(file.with_name(f"{file.name}.damaged-{time.time():.0f}"))
        except OSError as error:
            raise not_written(file, error) from error
    raise LabelpilotError(f"{file} cannot be used.")


def _connected(file: Path) -> sqlite3.Connection:
    for ending in ("-wal", "-shm", "-journal"):
        refuse_links(file.with_name(f"{file.name}{ending}"))
    open_own(file, "ab").close()
    database = sqlite3.connect(file, timeout=_BUSY_SECONDS, check_same_thread=False)
    try:
        # One write to the disk for each label, before it is known to be there.
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        with database:
            database.execute(_TABLE)
            database.execute(_CLAIM)
        return database
    except BaseException:
        database.close()
        raise
