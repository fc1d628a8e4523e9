"""Our own Label Studio: who can reach it, what it gives away, and which process it is."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from unittest import mock

import httpx
import psutil
import pytest

from core.errors import ConfigurationError, StudioUnreachable
from core.progress import finish
from core.secrets.credentials import credentials_file, find_secret
from core.studio import server as server_module
from core.studio import starting
from core.studio.account import sign_in_with
from core.studio.process import FIRST_PORT, LAUNCHER, Record, free_port, write_record
from core.studio.project import connect
from core.studio.server import log_file, log_tail, server_status, server_url, stop_server
from core.studio.starting import start_server
from core.workspace.settings import Studio, Workspace
from tests.security.conftest import CODESPACE, POISON, Served


def login(served: Served, client: httpx.Client, **form: str) -> httpx.Response:
    """Send the login page's form, as a browser does."""
    account = sign_in_with(served.workspace)
    assert account is not None
    page = client.get("/user/login/").raise_for_status()
    assert "csrfmiddlewaretoken" in page.text
    fields = {"email": account[0], "password": account[1]} | form
    token = client.cookies["csrftoken"]
    return client.post("/user/login/", data=fields | {"csrfmiddlewaretoken": token})


# Starting


def test_two_starts_at_once_give_one_server_and_a_killed_starters_server_is_waited_for(
    served: Served,
) -> None:
    assert [one["pid"] for one in served.started] == [served.first] * 2
    assert len({one["url"] for one in served.started}) == 1
    assert served.running == [served.first]


def test_its_start_calls_nobody(served: Served) -> None:
    # At its end the server is asked again, for all that it did meanwhile.
    assert served.calls.read_text()
    assert served.outside_calls == []


def test_it_goes_on_when_labelpilot_has_ended(served: Served) -> None:
    assert server_status(served.workspace).running
    assert os.getsid(served.process.pid) == served.process.pid


def test_a_poisoned_environment_does_not_reach_it(served: Served) -> None:
    environment = served.process.environ()
    assert environment["LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT"] == str(served.root / "data")
    assert not set(POISON.values()) & set(environment.values()) - {"true", "false"}
    assert not {"HOST", "PASSWORD", "SECRET_KEY", "DEBUG", "LABEL_STUDIO_HOST"} & set(environment)
    with served.client() as client:
        assert login(served, client, email=POISON["USERNAME"], password="x").status_code == 200
        missing = client.get("/no-such-page")
    assert missing.status_code == 404
    assert "DEBUG = True" not in missing.text


# Who can reach it


def test_it_listens_on_this_machine_only(served: Served) -> None:
    listening = [c for c in served.process.net_connections("inet") if c.status == "LISTEN"]
    assert {one.laddr.ip for one in listening} == {"127.0.0.1"}
    others = [
        address.address
        for addresses in psutil.net_if_addrs().values()
        for address in addresses
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    ]
    for address in others:
        with socket.socket() as caller:
            assert caller.connect_ex((address, served.port)) != 0


def test_nobody_can_sign_up(served: Served) -> None:
    with served.client() as client:
        client.get("/user/signup/")
        form = {"email": "eve@evil.example", "password": "long enough", "how_find_us": "x"}
        form["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
        assert client.post("/user/signup/", data=form).status_code == 403
        again = login(served, client, email=form["email"], password=form["password"])
    assert again.status_code == 200  # the form again, not the way in


def test_another_host_name_is_refused(served: Served) -> None:
    with served.client(host="evil.example") as client:
        assert client.get("/user/login/").status_code == 400


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("{name}-{port}.app.github.dev", "https://{name}-{port}.app.github.dev"),
        ("localhost:{port}", "https://{name}-{port}.app.github.dev"),
        ("localhost:{port}", "https://localhost:{port}"),
        ("localhost:{port}", "http://localhost:{port}"),
        ("127.0.0.1:{port}", "http://127.0.0.1:{port}"),
    ],
)
def test_people_sign_in_through_a_forwarded_port(served: Served, host: str, origin: str) -> None:
    values = {"name": CODESPACE, "port": str(served.port)}
    headers = {"host": host.format(**values), "origin": origin.format(**values)}
    with served.client(**headers, **{"x-forwarded-proto": "https"}) as client:
        answer = login(served, client)
    assert answer.status_code == 302, answer.text[:300]
    # LABEL_STUDIO_HOST is not set: links work from wherever the page was opened.
    assert answer.headers["location"].startswith("/")


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "https://other-8080.app.github.dev", "https://localhost:1", "null"],
)
def test_a_sign_in_from_another_origin_is_refused(served: Served, origin: str) -> None:
    with served.client(origin=origin, host=f"localhost:{served.port}") as client:
        assert login(served, client).status_code == 403


def test_another_origin_may_not_read_its_answers(served: Served) -> None:
    with served.client(origin="https://evil.example") as client:
        assert "access-control-allow-origin" not in client.get("/api/version").headers


# What lies on the disk


def test_it_reads_its_key_and_draws_none(served: Served) -> None:
    assert "SECRET_KEY not found" not in log_file(served.workspace).read_text()
    assert (served.workspace.state.server / ".env").read_text().count("SECRET_KEY=") == 1


def test_nothing_of_it_can_be_read_by_others(served: Served) -> None:
    folder = served.workspace.state.folder
    files = [folder, *folder.rglob("*")]
    assert {"label_studio.sqlite3", ".env", "label-studio.log"} <= {path.name for path in files}
    private = [folder, served.workspace.state.server, served.workspace.state.logs]
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o700 for path in private)
    secret = [path for path in files if path.is_relative_to(served.workspace.state.server)]
    assert [path for path in secret if _mode(path) & 0o077] == []
    assert stat.S_IMODE(log_file(served.workspace).stat().st_mode) == 0o600
    assert stat.S_IMODE(credentials_file(served.workspace).stat().st_mode) == 0o600


def _mode(path: Path) -> int:
    """A file's mode; 0 for one that is gone, as SQLite's own files come and go."""
    with contextlib.suppress(FileNotFoundError):
        return stat.S_IMODE(path.stat().st_mode)
    return 0


def test_images_are_served_by_a_relative_url_and_only_to_who_is_signed_in(served: Served) -> None:
    done = served.run("setup")
    with contextlib.closing(connect(served.workspace)) as studio:
        images = [task.image for task in studio.tasks(done["project_id"], "image")]
    assert len(images) == 3
    with served.client() as client:
        for image in images:
            assert image.startswith("/data/local-files/?d=images/")
            assert client.get(image).status_code in (302, 401, 403)
        login(served, client)
        assert client.get(images[0]).content == b"an image"
        for outside in ("../config.xml", "images/../../config.xml", "%2e%2e/config.xml"):
            refused = client.get(f"/data/local-files/?d={outside}")
            assert refused.status_code >= 400
            assert "Choices" not in refused.text


# Which process it is


def test_a_record_of_a_process_that_is_another_now_is_not_ours(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.state.server.mkdir(parents=True)
    with subprocess.Popen(["sleep", "60"], cwd=workspace.state.server) as other:
        try:
            write_record(workspace, Record(other.pid, FIRST_PORT, ""))
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
    launcher = tmp_path / "launcher.py"
    launcher.write_text(STUBBORN)
    process = subprocess.Popen(
        [sys.executable, str(launcher), "start", "--data-dir", str(workspace.state.server)],
        cwd=workspace.state.server,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    write_record(workspace, Record(process.pid, FIRST_PORT, ""))
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
    assert status.url != f"http://127.0.0.1:{started_again}"
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


def test_the_servers_process_reads_nothing_of_labelpilots_but_the_launcher(served: Served) -> None:
    # Its own package `core` is imported by the name that ours has.
    assert set(served.read.read_text().split()) == {str(LAUNCHER)}
