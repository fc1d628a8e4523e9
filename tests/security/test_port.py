"""A port that answers is not our server because it answers: whoever took it is sent no secret."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from core.errors import StudioUnreachable
from core.secrets.credentials import store_secret
from core.studio.account import can_sign_in
from core.studio.client import StudioClient
from core.studio.door import door, secret_client
from core.studio.process import LAUNCHER, ServerRecord, listens, living, ticks_of, write_record
from core.studio.project import connect
from core.studio.tokens import forget_token, make_token
from core.workspace.settings import Workspace, load_workspace
from tests.security.strangers import NOBODY, TOKEN, listener, needs_root, program, stranger


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """One whose server is a program with our server's command line; its secrets are known."""
    workspace = load_workspace(stranger(tmp_path / "repo", monkeypatch))
    workspace.state.make_server()
    monkeypatch.delenv("LABEL_STUDIO_API_KEY")
    store_secret(workspace, "token", TOKEN)
    store_secret(workspace, "password", "a-long-password")
    return workspace


@contextlib.contextmanager
def ours(workspace: Workspace) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Such a program, written down as the server that was started last."""
    launcher = workspace.root.parent / LAUNCHER.name
    with program(launcher, workspace.state.server) as (process, port):
        write_record(workspace, ServerRecord(process.pid, port, "", ticks_of(process.pid)))
        yield process, port


def opened(workspace: Workspace) -> StudioClient:
    """A client that has been of use: its connection is open."""
    client = connect(workspace)
    assert client.whoami().email == "a@b.c"
    return client


def test_our_own_server_is_sent_the_token(workspace: Workspace) -> None:
    with ours(workspace) as (process, port), contextlib.closing(opened(workspace)):
        assert process.stdout is not None
        assert TOKEN in process.stdout.readline()
        assert listens(workspace, port)


def test_who_takes_the_port_after_it_died_is_sent_nothing(workspace: Workspace) -> None:
    with ours(workspace) as (process, port):
        client = opened(workspace)
        process.kill()
        process.wait()
    with listener(port) as taker, contextlib.closing(client):
        assert httpx.get(f"http://127.0.0.1:{port}", trust_env=False).status_code == 200
        asked = len(taker.received)
        with pytest.raises(StudioUnreachable, match="No Label Studio answers") as caught:
            client.whoami()
        assert "is not labelpilot's own Label Studio, so nothing was sent" in caught.value.cause
        assert len(taker.received) == asked


def test_who_takes_the_port_while_it_starts_is_sent_nothing(workspace: Workspace) -> None:
    """Our process lives and is written down, and listens elsewhere, or not yet."""
    with ours(workspace) as (process, _), listener() as taker:
        write_record(workspace, ServerRecord(process.pid, taker.port, "", ticks_of(process.pid)))
        with pytest.raises(StudioUnreachable):
            connect(workspace).whoami()
        with pytest.raises(StudioUnreachable):
            make_token(workspace)
        assert not can_sign_in(workspace)
        assert "is not labelpilot's own" in forget_token(workspace).reason
        assert taker.received == []


@needs_root
def test_another_users_process_with_our_command_line_and_number_is_not_ours(
    workspace: Workspace,
) -> None:
    launcher = workspace.root.parent / LAUNCHER.name
    os.chmod(workspace.root.parent, 0o755)
    with program(launcher, workspace.state.server, str(NOBODY)) as (process, port):
        record = ServerRecord(process.pid, port, "")
        write_record(workspace, record)
        assert str(workspace.state.server) in _command_line(process.pid)
        assert living(workspace, record) is None
        with pytest.raises(StudioUnreachable, match="is not running"):
            door(workspace)


def _command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def test_a_process_that_began_at_another_time_is_not_ours(workspace: Workspace) -> None:
    with ours(workspace) as (process, port):
        began = ticks_of(process.pid)
        assert began
        assert living(workspace, ServerRecord(process.pid, port, "", began)) is not None
        assert living(workspace, ServerRecord(process.pid, port, "", began + 1)) is None


def test_it_is_looked_at_each_new_connection_and_at_no_other_request(workspace: Workspace) -> None:
    with ours(workspace) as (process, _), secret_client(workspace) as client:
        for _ in range(3):
            assert client.get("/").status_code == 200
        # What is looked at is gone, and the connection is the one that was looked at.
        (workspace.state.server / "labelpilot-server.json").unlink()
        assert client.get("/").status_code == 200
        process.kill()
        process.wait()
        with pytest.raises(httpx.HTTPError):
            client.get("/")
        with pytest.raises(httpx.ConnectError, match="is not labelpilot's own"):
            client.get("/")


def test_only_the_door_hands_out_a_client_that_may_send_a_secret() -> None:
    """Who else makes one either sends nothing secret, or was given what confirms a connection."""
    core = LAUNCHER.parents[1]
    makes = re.compile(r"\b(?:http_client|StudioClient|Transport|httpx\.\w*Client)\(")
    found = {
        f"{file.relative_to(core)}: {line.strip()}"
        for file in core.rglob("*.py")
        for line in file.read_text(encoding="utf-8").splitlines()
        if makes.search(line) and "class " not in line and "def " not in line
    }
    careless = {one for one in found if "confirm" not in one}
    assert careless == {
        "studio/http.py: return httpx.Client(",
        "studio/http.py: with http_client(url, ALIVE_SECONDS) as client:",
    }
    assert found - careless
