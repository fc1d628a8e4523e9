"""The process of our own Label Studio: which one it is, and where it listens.

What was started last is written to `labelpilot-server.json` in the server's data folder. A process
is taken for ours only if it has the id written there, is run by this user, began when ours did, and
its command line names our launcher and that folder, or one that is gone while it writes to our log:
an id is used again, clocks are set, another user can run any command line, Label Studio changes its
working folder, and a workspace is moved.
"""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
import psutil

from core.errors import LabelpilotError
from core.files import write_at_once
from core.own_files import read_own
from core.processes import lives
from core.workspace.settings import Workspace

LAUNCHER = Path(__file__).with_name("launcher")
DATA_DIR = "--data-dir"
FIRST_PORT = 8080
PORTS = 200


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """The server that was started last. `settings` is a hash of what it was started with; `began`
    counts the system's ticks from its own start to the process's, 0 where that is not known."""

    pid: int
    port: int
    settings: str
    began: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def launch(workspace: Workspace, *arguments: str) -> list[str]:
    """The command that runs Label Studio's own command line, patched, on the workspace's data."""
    return [sys.executable, str(LAUNCHER), *arguments, DATA_DIR, str(workspace.state.server)]


def read_record(workspace: Workspace) -> ServerRecord | None:
    """What is written of the last server, or None."""
    try:
        content = orjson.loads(read_own(_record_file(workspace)))
        return ServerRecord(
            int(content["pid"]),
            int(content["port"]),
            str(content["settings"]),
            int(content.get("began", 0)),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_record(workspace: Workspace, record: ServerRecord) -> None:
    """Write down which server was started."""
    write_at_once(_record_file(workspace), orjson.dumps(asdict(record)), mode=0o600)


def _record_file(workspace: Workspace) -> Path:
    return workspace.state.server / "labelpilot-server.json"


def living(workspace: Workspace, record: ServerRecord | None) -> psutil.Process | None:
    """The process of `record` if it lives and is ours."""
    if record is None:
        return None
    try:
        process = psutil.Process(record.pid)
        ours = (
            process.uids().effective == os.geteuid()
            and record.began in (0, ticks_of(record.pid))
            and _is_ours(process, workspace)
        )
        return process if ours and lives(process) else None
    except (psutil.Error, OSError, ValueError):
        return None


def began_at(workspace: Workspace) -> float:
    """When the process of our server began, in seconds since 1970; 0 where none lives."""
    process = living(workspace, read_record(workspace))
    try:
        return process.create_time() if process is not None else 0.0
    except psutil.Error:
        return 0.0


def _is_ours(process: psutil.Process, workspace: Workspace) -> bool:
    command = process.cmdline()
    launched = any(Path(part).stem == LAUNCHER.name for part in command)
    if not launched or DATA_DIR not in command[:-1]:
        return False
    folder = command[command.index(DATA_DIR) + 1]
    if os.path.exists(folder):
        return os.path.samefile(folder, workspace.state.server)
    # The workspace was moved while it ran: the log that it writes moved along.
    logs = os.path.realpath(workspace.state.logs)
    return any(os.path.dirname(file.path) == logs for file in process.open_files())


def listens(workspace: Workspace, port: int) -> bool:
    """Whether it is our own server that listens on `port`."""
    process = living(workspace, read_record(workspace))
    return process is not None and port in ports_of(process)


def ticks_of(pid: int) -> int:
    """When a process began, in ticks since the system did, which no clock changes; 0 where the
    system does not tell."""
    try:
        told = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return 0
    # The name in brackets may hold anything; the time is the 20th field behind it.
    return int(told.rpartition(b")")[2].split()[19])


def ports_of(process: psutil.Process) -> set[int]:
    """The ports that a process listens on, at this machine's addresses of the fourth version, as
    our server does: the sixth's take as long again to look through."""
    try:
        connections = process.net_connections("tcp4")
    except psutil.Error:
        return set()
    return {one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN}


def free_port(preferred: int | None) -> int:
    """A port on which nothing answers: `preferred` if it can be, else the first from 8080 up."""
    ports = list(range(FIRST_PORT, FIRST_PORT + PORTS))
    for port in ports if preferred is None else [preferred, *ports]:
        if _is_free(port):
            return port
    raise LabelpilotError(
        f"No port between {ports[0]} and {ports[-1]} is free for Label Studio.",
        next_step="End a server that you do not need.",
    )


def _is_free(port: int) -> bool:
    with socket.socket() as caller, socket.socket() as listener:
        # Label Studio asks in the same way, and goes elsewhere if anything answers.
        if caller.connect_ex(("127.0.0.1", port)) == 0:
            return False
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
            listener.listen(1)
        except OSError:
            return False
    return True
