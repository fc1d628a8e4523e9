"""Our own Label Studio as a process: which one it is, where it listens, how its start can fail."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from unittest import mock

import psutil
import pytest

from core.errors import ConfigurationError, StudioUnreachable
from core.progress import finish
from core.secrets.credentials import find_secret
from core.studio import server as server_module
from core.studio import starting
from core.studio.process import FIRST_PORT, LAUNCHER, ServerRecord, free_port, write_record
from core.studio.project import connect
from core.studio.server import log_file, log_tail, server_status, server_url, stop_server
from core.studio.starting import start_server
from core.studio.tokens import make_token
from core.workspace.settings import Studio, Workspace
from tests.security.conftest import CODESPACE, Served

# Which process it is


def test_a_record_of_a_process_that_is_another_now_is_not_ours(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.state.server.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"], cwd=workspace.state.server) as other:
        try:
            write_record(workspace, ServerRecord(other.pid, FIRST_PORT, ""))
            assert server_status(workspace).running is False
            assert server_status(workspace).pid is None
            assert stop_server(workspace) is False
            with pytest.raises(StudioUnreachable, match="is not running"):
                server_url(workspace)
            assert other.poll() is None
        finally:
            other.kill()


@pytest.mark.parametrize("content", [b"", b"[]", b'{"pid": "x"}', b'{"pid": -1, "port": 1}'])
def test_a_broken_record_is_no_server(tmp_path: Path, content: bytes) -> None:
    workspace = Workspace(tmp_path)
    workspace.state.server.mkdir(parents=True)
    (workspace.state.server / "labelpilot-server.json").write_bytes(content)
    assert server_status(workspace).running is False


STUBBORN = """
import os, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import signal, sys; "
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); sys.stdin.read()"],
    stdin=subprocess.PIPE)
child.wait()
"""


def test_stop_ends_what_it_started_too_even_if_that_does_not_listen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "STOP_SECONDS", 1.0)
    workspace = Workspace(tmp_path)
    workspace.state.server.mkdir(parents=True)
    launcher = tmp_path / LAUNCHER.name
    launcher.write_text(STUBBORN)
    process = subprocess.Popen(
        [sys.executable, str(launcher), "start", "--data-dir", str(workspace.state.server)],
        cwd=workspace.state.server,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    write_record(workspace, ServerRecord(process.pid, FIRST_PORT, ""))
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
    assert len(family) == 2
    assert stop_server(workspace) is True
    assert not any(_lives(member) for member in family)


def _lives(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        # An ended one stays in the list until its parent has asked for it.
        return process.status() != psutil.STATUS_ZOMBIE
    return False


# Ports


class _Answering(BaseHTTPRequestHandler):
    """Answers like a Label Studio that is up."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "UP", "release": "0.0.0"}')

    def log_message(self, *arguments: object) -> None:
        pass


@contextlib.contextmanager
def another_server(port: int) -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", port), _Answering)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_port_on_which_something_answers_is_not_free() -> None:
    with another_server(0) as taken:
        assert free_port(taken) != taken
    assert free_port(taken) == taken


@pytest.fixture(scope="module", autouse=True)
def in_the_codespace() -> Iterator[None]:
    """Where the server was started first: what a test starts has the same settings."""
    with mock.patch.dict(os.environ, {"CODESPACE_NAME": CODESPACE}):
        yield


@pytest.fixture(scope="module")
def started_again(served: Served) -> Iterator[int]:
    """Its second start, on a port that another server takes after it was chosen; that port."""
    assert stop_server(served.workspace)
    chosen: list[int | None] = []

    def free_once(preferred: int | None) -> int:
        # As if the port had been free when it was chosen.
        chosen.append(preferred)
        return taken if len(chosen) == 1 else free_port(preferred)

    with another_server(0) as taken:
        with mock.patch.object(starting, "free_port", free_once):
            finish(start_server(served.workspace))
        assert len(chosen) == 2
        yield taken


def test_a_port_taken_while_it_starts_leads_to_another_and_to_the_right_server(
    served: Served, started_again: int
) -> None:
    status = server_status(served.workspace)
    assert status.running
    assert status.url is not None
    assert status.url != f"http://127.0.0.1:{started_again}"
    make_token(served.workspace)
    with contextlib.closing(connect(served.workspace)) as client:
        assert client.url == status.url
        assert client.whoami().email == "labelpilot@localhost"


def test_one_that_is_busy_is_waited_for_and_not_started_anew(served: Served) -> None:
    process, url = served.process, served.url
    process.suspend()
    try:
        # Its first answer takes its time; the rest of the start waits for it.
        work = start_server(served.workspace)
        assert next(work).note == "Label Studio is silent; it may be busy"
    finally:
        process.resume()
    status = finish(work)
    assert (status.running, status.pid, status.url) == (True, process.pid, url)


def test_the_password_is_in_its_environment_at_the_first_start_only(
    served: Served, started_again: int
) -> None:
    assert served.process.pid != served.first
    environment = served.process.environ()
    assert "LABEL_STUDIO_PASSWORD" not in environment
    password = find_secret(served.workspace, "password")
    assert password is not None
    assert password.value not in environment.values()


# Its log


def test_its_log_is_shown_without_secrets_and_control_codes(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"first\r\n\x1b[31mred\x1b[0m password=hunter2hunter2\n\n\xff\xe2\x80\xae\n")
    assert log_tail(log) == ["first", "\ufffd[31mred\ufffd[0m password=•••", "\ufffd\ufffd"]
    assert log_tail(log, offset=7)[0].endswith("•••")
    assert log_tail(tmp_path / "none") == []


# Starts that fail


def test_one_that_ends_while_it_starts_is_a_sentence_with_its_last_words(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.state.server.mkdir(parents=True)
    (workspace.state.server / "label_studio.sqlite3").write_bytes(b"no database" * 1000)
    with pytest.raises(StudioUnreachable, match="ended while it started") as raised:
        finish(start_server(workspace))
    assert "file is not a database" in raised.value.cause
    assert str(log_file(workspace)) in raised.value.next_step
    assert not server_status(workspace).running


def test_one_whose_start_is_cancelled_is_ended(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    work = start_server(workspace)
    next(work)
    pid = server_status(workspace).pid
    assert pid is not None
    work.close()
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("url", ["https://studio.example", "http://127.0.0.1:1"])
def test_anothers_server_is_neither_started_nor_stopped(tmp_path: Path, url: str) -> None:
    workspace = Workspace(tmp_path, Studio(url))
    with pytest.raises(ConfigurationError, match="is not labelpilot's to start"):
        finish(start_server(workspace))
    with pytest.raises(ConfigurationError, match="is not labelpilot's to stop"):
        stop_server(workspace)
