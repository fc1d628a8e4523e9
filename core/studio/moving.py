"""Our own Label Studio onto another database and back, with all that it keeps.

Its server is stopped meanwhile, so that nothing is written that the copy would miss. The former
database stays as it is, and the workspace names the other one only once it is proven equal.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import PIPE
from typing import Any

import orjson

from core.errors import ConfigurationError, LabelpilotError
from core.own_files import open_own
from core.processes import end, start
from core.progress import Progress, Work, finish
from core.studio.environment import server_environment
from core.studio.process import FIRST_PORT, launch, read_record
from core.studio.project import open_project
from core.studio.server import database, log_file, log_tail, stop_server
from core.studio.starting import start_server
from core.words import count
from core.workspace.consents import may_start_server
from core.workspace.databases import database_fault
from core.workspace.locks import only_one
from core.workspace.settings import Workspace, save_workspace

# What stands for the SQLite file in `.labelpilot`, which labelpilot's own server has at first.
SQLITE = "sqlite"
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class MoveResult:
    """What a move carried: `tasks`, `annotations` and whether all rows are `equal`.

    `former` is where the former database is, which stays.
    """

    tasks: int
    annotations: int
    equal: bool
    former: str
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """The command line's JSON object."""
        return {
            "tasks": self.tasks,
            "annotations": self.annotations,
            "equal": self.equal,
            "seconds": round(self.seconds, 3),
        }

    def __str__(self) -> str:
        return (
            f"{count(self.tasks, 'task')} and {count(self.annotations, 'annotation')} moved, "
            f"all rows equal, {self.seconds:.0f} s. The former database is {self.former}, and "
            "stays until you remove it."
        )


def move_database(workspace: Workspace, url: str) -> Work[MoveResult]:
    """Move our server's data to the PostgreSQL at `url`, or, for "sqlite", into a file of ours.

    Raises ConfigurationError for a server that is not ours, an address that cannot be one or is the
    present one, NotTrusted where nobody has agreed to it, and LabelpilotError where the copy fails
    or is not equal: everything is then as it was, and the server starts on its former database.
    """
    began = time.monotonic()
    target = None if url == SQLITE else url
    _refuse(workspace, target)
    yield Progress("stop", note="stopping Label Studio, so that nothing is written meanwhile")
    ran = False
    try:
        with only_one(workspace, "server"):
            ran = stop_server(workspace)
            found, former = yield from _copied(workspace, target)
            moved = save_workspace(workspace.root, {"studio": {"database": target}})
    except BaseException:
        if ran:
            finish(start_server(workspace))
        raise
    yield from start_server(moved)
    with open_project(moved) as opened:
        # The token works, and the project is the one that it was.
        opened.client.task_count(opened.id)
    seconds = time.monotonic() - began
    return MoveResult(found["tasks"], found["annotations"], found["equal"], former, seconds)


def _refuse(workspace: Workspace, target: str | None) -> None:
    if not workspace.owns_server:
        raise ConfigurationError(
            f"The database of {workspace.studio.url} is not labelpilot's to move.",
            next_step="Move it where it lives.",
        )
    if target is not None and (fault := database_fault(target)):
        raise ConfigurationError(
            f"The address of a database {fault}.",
            next_step=f"Or say `{SQLITE}` for the file in .labelpilot.",
        )
    if target == workspace.studio.database:
        raise ConfigurationError("Label Studio is on that database already.")
    if workspace.studio.database is None and not database(workspace).exists():
        raise ConfigurationError(
            "Label Studio has no database yet.",
            next_step="Set `database` under [studio] in labelpilot.toml, and run `labelpilot "
            "setup`.",
        )
    # What would be refused once it has moved is refused now.
    for one in (workspace, replace(workspace, studio=replace(workspace.studio, database=target))):
        may_start_server(one)


def _copied(workspace: Workspace, target: str | None) -> Work[tuple[dict[str, Any], str]]:
    """Copy all rows to `target`; what was found there, and where the former database is."""
    file = database(workspace)
    new = file.with_name(f"{file.name}.new")
    for left in (new, *new.parent.glob(f"{new.name}-*")):
        left.unlink(missing_ok=True)
    record = read_record(workspace)
    port = FIRST_PORT if record is None else record.port
    studio = replace(workspace.studio, database=target)
    variables = server_environment(replace(workspace, studio=studio), port, os.environ)
    if target is None:
        variables["DATABASE_NAME"] = str(new)
    yield Progress("tables", note="Label Studio makes its tables")
    yield from _run(workspace, "migrate", variables)
    source = server_environment(workspace, port, os.environ)
    source["LABELPILOT_TARGET"] = orjson.dumps(_settings(variables)).decode()
    found = yield from _run(workspace, "copy", source)
    if "refused" in found:
        raise ConfigurationError(
            str(found["refused"]),
            next_step="Name an empty one (`createdb` makes it). Nothing was moved.",
        )
    if not found.get("equal"):
        raise LabelpilotError(
            "The copy is not equal to the database; Label Studio stays where it was.",
            next_step="Remove the new database, and try again.",
        )
    if target is not None:
        return found, workspace.studio.database or str(file)
    _take_place(new, file)
    return found, workspace.studio.database or ""


def _settings(variables: Mapping[str, str]) -> dict[str, Any]:
    """The target database as Django describes it, from the variables that Label Studio takes."""
    if "POSTGRE_NAME" not in variables:
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": variables["DATABASE_NAME"]}
    names = ("NAME", "USER", "PASSWORD", "HOST", "PORT")
    return {
        "ENGINE": "django.db.backends.postgresql",
        **{name: variables[f"POSTGRE_{name}"] for name in names},
    }


def _take_place(new: Path, file: Path) -> None:
    """Put the `new` SQLite file into the place of `file`, which is kept under another name."""
    if file.exists():
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(file.stat().st_mtime))
        for part in ("", "-wal", "-shm"):
            old = file.with_name(file.name + part)
            if old.exists():
                old.rename(file.with_name(f"{file.name}.{stamp}{part}"))
    for part in ("-wal", "-shm"):
        written = new.with_name(new.name + part)
        if written.exists():
            written.rename(file.with_name(file.name + part))
    new.rename(file)


def _run(workspace: Workspace, command: str, variables: Mapping[str, str]) -> Work[dict[str, Any]]:
    """Run a command of the launcher's `copying`; the last object that it printed.

    Raises LabelpilotError, with the end of what it said, where it fails.
    """
    log = log_file(workspace)
    offset = log.stat().st_size if log.exists() else 0
    last: dict[str, Any] = {}
    with open_own(log, "ab") as said:
        process = start(
            launch(workspace, command),
            cwd=workspace.state.server,
            environment=variables,
            stdout=PIPE,
            stderr=said.fileno(),
        )
        try:
            for line in process.stdout:
                if not line.startswith(b"{"):
                    said.write(line)
                    continue
                last = orjson.loads(line)
                if "stage" in last:
                    yield Progress(last["stage"], last["done"], last["total"])
            code = process.wait()
        finally:
            end(process, _PATIENCE)
            process.stdout.close()
    if code:
        raise LabelpilotError(
            "Label Studio's data could not be copied; everything is as it was.",
            cause="\n".join(log_tail(log, offset)[-3:]),
            next_step=f"The full log is in {log}.",
        )
    return last
