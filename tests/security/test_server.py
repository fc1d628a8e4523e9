"""Our own Label Studio: who can reach it, and what it gives away."""

from __future__ import annotations

import contextlib
import os
import socket
import stat
from pathlib import Path

import httpx
import psutil
import pytest

from core.secrets.credentials import credentials_file
from core.studio.account import sign_in_with
from core.studio.process import LAUNCHER
from core.studio.project import connect
from core.studio.server import log_file, server_status
from tests.security.conftest import CODESPACE, IMAGE, POISON, Served


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
        assert client.get(images[0]).content == IMAGE
        for outside in ("../config.xml", "images/../../config.xml", "%2e%2e/config.xml"):
            refused = client.get(f"/data/local-files/?d={outside}")
            assert refused.status_code >= 400
            assert "Choices" not in refused.text


def test_the_servers_process_reads_nothing_of_labelpilots_but_the_launcher(served: Served) -> None:
    # Its own package `core` is imported by the name that ours has.
    read = {Path(file) for file in served.read.read_text().splitlines()}
    assert read
    assert [file for file in read if not file.is_relative_to(LAUNCHER)] == []
