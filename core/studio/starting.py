"""Starts our own Label Studio, or finds the one that runs, and waits until it answers.

It listens on this machine only, and its data folder is its owner's alone.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import secrets
import time
from pathlib import Path

import psutil

from core.errors import ConfigurationError, LabelpilotError, StudioUnreachable
from core.extras import install_extra
from core.files import write_at_once
from core.own_files import make_own, open_own
from core.processes import end, start
from core.progress import Progress, Work
from core.secrets.credentials import find_secret, store_secret
from core.studio.environment import document_root, prepare_data, server_environment
from core.studio.http import is_healthy
from core.studio.process import (
    ServerRecord,
    free_port,
    launch,
    living,
    ports_of,
    read_record,
    ticks_of,
    write_record,
)
from core.studio.server import (
    EMAIL,
    STOP_SECONDS,
    ServerStatus,
    account_marker,
    database,
    log_file,
    log_tail,
    server_status,
    settings_fingerprint,
    stop_server,
)
from core.workspace.locks import Busy, only_one
from core.workspace.settings import Workspace

# A first start migrates an empty database: 17 to 43 s were seen on two cores, minutes on a machine
# that is busy otherwise.
START_SECONDS = 900.0
# A busy server may be silent for seconds; one that is silent for longer hangs.
SILENT_SECONDS = 30.0
# Between a port's choice and its use lies a first start: another server may take it meanwhile.
START_ATTEMPTS = 3
TAIL_LINES = 5


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
            next_step=f"Install it with `{install_extra('studio')}`, or name your server's "
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


def _wait_for_answer(record: ServerRecord) -> Work[bool]:
    """Whether a server that listens, and may be busy, answers within a bearable time."""
    began, note = time.monotonic(), "Label Studio is silent; it may be busy"
    while time.monotonic() - began < SILENT_SECONDS:
        yield Progress("server", int(time.monotonic() - began), None, note)
        note = ""
        if is_healthy(record.url):
            return True
        time.sleep(0.25)
    return False


def _start(workspace: Workspace, former: ServerRecord | None) -> Work[ServerStatus]:
    prepare_data(workspace)
    make_own(workspace.state.logs).chmod(0o700)
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
    with open_own(log_file(workspace), "ab") as log:
        process = start(
            launch(workspace, "start", *address, "--no-browser"),
            cwd=workspace.state.server,
            environment=environment,
            stdout=log,
        )
    try:
        settings = settings_fingerprint(workspace, port)
        write_record(workspace, ServerRecord(process.pid, port, settings, ticks_of(process.pid)))
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
        next_step=f"The full log is in {log}; fix what it says, or try again.",
    )


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


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0
