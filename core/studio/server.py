"""Our own Label Studio: start it, find it again, watch it, stop it.

The server is a process of its own in a session of its own: it goes on when the app closes, and the
next start of labelpilot finds it again. It listens on this machine only, and its data folder is
its owner's alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
import psutil

from core.errors import ConfigurationError, LabelpilotError, StudioUnreachable
from core.files import write_at_once
from core.masking import printable, redact
from core.processes import end, start
from core.progress import Progress, Work
from core.secrets.credentials import find_secret, store_secret
from core.studio.environment import document_root, make_secret_key, server_environment
from core.studio.http import answering_version, is_healthy
from core.studio.process import (
    Record,
    free_port,
    launch,
    living,
    ports_of,
    read_record,
    write_record,
)
from core.workspace.locks import Busy, only_one
from core.workspace.settings import Workspace

# A first start migrates an empty database: 17 to 43 s were seen on two cores, minutes on a loaded
# machine.
START_SECONDS = 300.0
# A busy server may be silent for seconds; one that is silent for longer hangs.
SILENT_SECONDS = 30.0
# Between a port's choice and its use lies a first start: another server may take it meanwhile.
START_ATTEMPTS = 3
# Until it has ended by itself, or by force.
STOP_SECONDS = 15.0
EMAIL = "labelpilot@localhost"
TAIL_LINES = 5


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known of the workspace's Label Studio.

    `pid`, `data_dir` and `log` are None for a server that is not ours. `settings_current` is False
    where our running server was started with other settings than the workspace asks for now.
    """

    running: bool
    url: str | None
    pid: int | None = None
    version: str | None = None
    data_dir: str | None = None
    log: str | None = None
    settings_current: bool = True

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot server status --json` prints."""
        shown = asdict(self)
        del shown["settings_current"]
        return shown


def log_file(workspace: Workspace) -> Path:
    """The file to which our server writes."""
    return workspace.state.logs / "label-studio.log"


def installed_version() -> str | None:
    """The version of Label Studio in labelpilot's own environment, or None.

    Read from the package's metadata: `label-studio --version` would start a server.
    """
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version("label-studio")
    return None


def server_status(workspace: Workspace) -> ServerStatus:
    """Look whether the workspace's Label Studio answers. Raises nothing for one that does not."""
    if not workspace.owns_server:
        version = answering_version(workspace.studio.url or "")
        return ServerStatus(version is not None, workspace.studio.url, version=version)
    record = read_record(workspace)
    process = living(workspace, record)
    data_dir, log = str(workspace.state.server), str(log_file(workspace))
    if record is None or process is None:
        return ServerStatus(False, None, None, installed_version(), data_dir, log)
    current = True
    with contextlib.suppress(ConfigurationError):
        current = record.settings == _fingerprint(workspace, record.port)
    return ServerStatus(
        record.port in ports_of(process) and is_healthy(record.url),
        record.url,
        process.pid,
        installed_version(),
        data_dir,
        log,
        current,
    )


def server_url(workspace: Workspace) -> str:
    """The URL of the workspace's Label Studio, without asking whether it answers.

    Raises StudioUnreachable where our own server does not run.
    """
    if workspace.studio.url is not None:
        return workspace.studio.url
    record = read_record(workspace)
    if record is None or living(workspace, record) is None:
        raise StudioUnreachable(
            "Label Studio is not running.",
            next_step="Start it: `labelpilot server start`, or the Server step of the checklist.",
        )
    return record.url


def start_server(workspace: Workspace) -> Work[ServerStatus]:
    """Start our own Label Studio, or find the one that runs, and wait until it answers.

    One that is starting is waited for; one that is silent, or whose settings are no longer the
    workspace's, is started anew. Progress counts seconds and carries the last line of the server's
    log. Raises ConfigurationError where Label Studio is not installed or its document root would
    be too wide, StudioUnreachable where it does not come up; a server that did not come up is
    ended.
    """
    if not workspace.owns_server:
        raise ConfigurationError(
            f"The server at {workspace.studio.url} is not labelpilot's to start.",
            next_step="Start it where it lives, or remove `url` under [studio] in labelpilot.toml.",
        )
    if importlib.util.find_spec("label_studio") is None:
        raise ConfigurationError(
            "Label Studio is not installed beside labelpilot.",
            next_step="Install it with `pip install 'labelpilot[studio]'`, or name your server's "
            "`url` under [studio] in labelpilot.toml.",
        )
    document_root(workspace)
    began, note = time.monotonic(), "another labelpilot is starting it"
    while True:
        try:
            with only_one(workspace, "server", wait=0.25):
                return (yield from _found_or_started(workspace))
        except Busy:
            if time.monotonic() - began > START_SECONDS:
                raise
        yield Progress("server", int(time.monotonic() - began), None, note)
        note = ""


def _found_or_started(workspace: Workspace) -> Work[ServerStatus]:
    status = server_status(workspace)
    if status.running and status.settings_current:
        return status
    record = read_record(workspace)
    process = living(workspace, record)
    if record is not None and process is not None:
        if status.settings_current:
            if ports_of(process):
                came = yield from _wait_for_answer(record)
            else:
                offset = _size(log_file(workspace))
                came = yield from _wait_until_up(workspace, process, record.port, offset)
            if came:
                return server_status(workspace)
        stop_server(workspace)
    return (yield from _start(workspace, record))


def _wait_for_answer(record: Record) -> Work[bool]:
    """Whether a server that listens, and may be busy, answers within a bearable time."""
    began, note = time.monotonic(), "Label Studio is silent; it may be busy"
    while time.monotonic() - began < SILENT_SECONDS:
        yield Progress("server", int(time.monotonic() - began), None, note)
        note = ""
        if is_healthy(record.url):
            return True
        time.sleep(0.25)
    return False


def _start(workspace: Workspace, former: Record | None) -> Work[ServerStatus]:
    for folder in (workspace.state.server, workspace.state.logs):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    make_secret_key(workspace.state.server)
    port = None if former is None else former.port
    for _ in range(START_ATTEMPTS):
        port = free_port(port)
        offset = _size(log_file(workspace))
        process = _launched(workspace, port)
        if (yield from _wait_until_up(workspace, process, port, offset)):
            return server_status(workspace)
    raise StudioUnreachable(
        "Label Studio found its port taken each time it was started.",
        next_step="Look at what else is being started on this machine, and try again.",
    )


def _launched(workspace: Workspace, port: int) -> psutil.Process:
    """Start the server's process, and write down which one it is."""
    environment = server_environment(workspace, port, os.environ, _first_account(workspace))
    address = ("--internal-host", "127.0.0.1", "--port", str(port))
    log = os.open(log_file(workspace), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = start(
            launch(workspace, "start", *address, "--no-browser"),
            cwd=workspace.state.server,
            environment=environment,
            stdout=log,
        )
    finally:
        os.close(log)
    try:
        write_record(workspace, Record(process.pid, port, _fingerprint(workspace, port)))
    except LabelpilotError:
        end(process, STOP_SECONDS / 2)
        raise
    return process


def _wait_until_up(
    workspace: Workspace, process: psutil.Process, port: int, offset: int
) -> Work[bool]:
    """Wait until the process answers on `port`; False, with the process ended, if it listens on
    another one, which Label Studio does without a word where a port is taken."""
    url, log = f"http://127.0.0.1:{port}", log_file(workspace)
    began, shown, up = time.monotonic(), "", False
    try:
        while True:
            ports = ports_of(process)
            if port in ports and is_healthy(url):
                up = True
                # It makes the account before it listens.
                write_at_once(account_marker(workspace), b"", mode=0o600)
                return True
            if ports and port not in ports:
                return False
            elapsed = time.monotonic() - began
            tail = log_tail(log, offset)
            if elapsed > START_SECONDS:
                raise _not_up(f"did not answer within {START_SECONDS:.0f} seconds", tail, log)
            line = tail[-1] if tail else ""
            yield Progress("server", int(elapsed), None, "" if line == shown else line)
            shown = line
            with contextlib.suppress(psutil.TimeoutExpired):
                code = process.wait(0.25)
                tail = log_tail(log, offset)
                raise _not_up(f"ended while it started (exit code {code})", tail, log)
    finally:
        if not up:
            end(process, STOP_SECONDS / 2)


def _not_up(what: str, tail: list[str], log: Path) -> StudioUnreachable:
    return StudioUnreachable(
        f"Label Studio {what}.",
        cause="\n".join(tail[-TAIL_LINES:]),
        next_step=f"Its whole story is in {log}; mend what it says, or try again.",
    )


def stop_server(workspace: Workspace) -> bool:
    """Stop our own Label Studio and all that it started; False if it did not run.

    Raises ConfigurationError for a server that is not ours, LabelpilotError if it does not end.
    """
    if not workspace.owns_server:
        raise ConfigurationError(
            f"The server at {workspace.studio.url} is not labelpilot's to stop.",
            next_step="Stop it where it lives.",
        )
    process = living(workspace, read_record(workspace))
    if process is None:
        return False
    if not end(process, STOP_SECONDS / 2):
        raise LabelpilotError(
            f"Label Studio (process {process.pid}) does not end.",
            next_step=f"End it with `kill -9 {process.pid}`.",
        )
    return True


def log_tail(log: Path, offset: int = 0, size: int = 8192) -> list[str]:
    """The last lines of `log`, at most `size` bytes, none before `offset`; [] if it is absent.

    Secrets in them are masked, and nothing in them steers a terminal.
    """
    try:
        with open(log, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(offset, end - size))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return [line.rstrip() for line in printable(redact(text)).split("\n") if line.strip()]


def account_marker(workspace: Workspace) -> Path:
    """A file that is there once our server has made its first account."""
    return workspace.state.server / "account-made"


def database(workspace: Workspace) -> Path:
    """Our server's database."""
    return workspace.state.server / "label_studio.sqlite3"


def _first_account(workspace: Workspace) -> tuple[str, str] | None:
    """The account that the server is to make, stored before it does; None once it has made it."""
    known = workspace.studio.database is None and database(workspace).exists()
    if known and account_marker(workspace).exists():
        return None
    password = find_secret(workspace, "password")
    value = secrets.token_urlsafe(18) if password is None else password.value
    if password is None:
        store_secret(workspace, "password", value)
    return EMAIL, value


def _fingerprint(workspace: Workspace, port: int) -> str:
    """A hash of the settings that our server is started with, to see when they change."""
    names = ("CODESPACE_NAME", "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN")
    codespace = {name: os.environ[name] for name in names if name in os.environ}
    settings = server_environment(workspace, port, codespace)
    return hashlib.sha256(orjson.dumps(settings, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0
