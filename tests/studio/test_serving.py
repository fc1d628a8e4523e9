"""What our Label Studio serves from the disk, and whose requests it obeys.

Its inside is patched for this: where Label Studio changes under a patch, these fail.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import psutil
import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver

from core.secrets.credentials import find_secret
from core.studio.account import sign_in
from core.studio.server import EMAIL, database, server_status
from core.workspace.settings import Workspace, load_workspace
from tests.needs import needs
from tests.studio import browsers
from tests.studio.conftest import Demo

SECONDS = 60
OWNED = "document.documentElement.setAttribute('owned', '1')"
PAGE = f"<!DOCTYPE html><html><body>a page<script>{OWNED}</script></body></html>"
DRAWING = (
    f'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><script>{OWNED}</script></svg>'
)
# Posted by a page: every task of the project, without a header that a form cannot send.
FORM = """<form method="post" enctype="text/plain"
action="{url}/api/dm/actions/?id=delete_tasks&project={project}"><input name="a" value="b"></form>
<script>document.forms[0].submit()</script>"""


@pytest.fixture(scope="module")
def workspace(demo: Demo) -> Workspace:
    return load_workspace(demo.folder)


@pytest.fixture(scope="module")
def password(workspace: Workspace) -> str:
    secret = find_secret(workspace, "password")
    assert secret is not None
    return secret.value


@pytest.fixture(scope="module")
def person(demo: Demo, password: str) -> Iterator[httpx.Client]:
    """Somebody who is signed in, in a browser that says nothing of where a request comes from."""
    with httpx.Client(base_url=demo.result["server_url"], trust_env=False, timeout=SECONDS) as one:
        sign_in(one, password)
        del one.headers["Origin"]
        yield one


@pytest.mark.parametrize(
    "path",
    [
        "/api/projects/{project}?include=id,title",
        "/api/tasks?project={project}&page_size=2",
        "/api/dm/project?project={project}",
        "/api/no-such-page",
        "/projects/{project}/data",
        "/user/login",
    ],
)
def test_an_address_without_its_slash_is_answered_as_the_one_with_it(
    demo: Demo, person: httpx.Client, path: str
) -> None:
    asked, mark, query = path.format(project=demo.result["project_id"]).partition("?")
    without, complete = (person.get(one + mark + query) for one in (asked, f"{asked}/"))
    assert (without.status_code, without.url.path) == (complete.status_code, asked)
    if without.headers["content-type"] == "application/json":
        assert without.json() == complete.json()


def test_the_database_is_kept_open_for_whoever_is_connected_and_not_for_who_has_left(
    demo: Demo, workspace: Workspace
) -> None:
    process, file = psutil.Process(server_status(workspace).pid), str(database(workspace))

    def opened() -> int:
        return sum(one.path == file for one in process.open_files())

    before, people = opened(), 5
    for _ in range(3):
        with contextlib.ExitStack() as connected:
            for _ in range(people):
                one = connected.enter_context(httpx.Client(base_url=demo.result["server_url"]))
                one.get("/api/version").raise_for_status()
            assert opened() >= people
    # SQLite may keep a file for the next who comes as long as anybody is there.
    deadline = time.monotonic() + SECONDS
    while opened() > before + people:
        assert time.monotonic() < deadline, "it stays open"
        time.sleep(0.02)


@pytest.fixture
def project(demo: Demo) -> Iterator[int]:
    """A project with three tasks."""
    client = demo.client()
    made = client.create_project("served to nobody else")
    client.import_tasks(made.id, [{"image": f"/{n}.png"} for n in range(3)], SECONDS)
    yield made.id
    client.transport.send("DELETE", f"api/projects/{made.id}/")


@pytest.fixture
def brought(workspace: Workspace, tmp_path: Path) -> Iterator[Path]:
    """What a data set brings into the image folder; gone again at the end."""
    folder = workspace.images.path / "brought"
    folder.mkdir()
    image = next(workspace.images.path.glob("*.png")).read_bytes()
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "private.png").write_bytes(image)
    for name in ("page.html", "page.png"):
        (folder / name).write_text(PAGE)
    (folder / "notes.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "link.png").symlink_to(tmp_path / "private.png")
    (folder / "elsewhere").symlink_to(tmp_path)
    (folder / "ours").symlink_to(workspace.state.folder)
    os.mkfifo(folder / "pipe.png")
    (folder / "plain.png").write_bytes(image)
    (folder / "alias.html").symlink_to("plain.png")
    (folder / "drawing.svg").write_text(DRAWING)
    try:
        yield folder
    finally:
        for entry in folder.iterdir():
            entry.unlink()
        folder.rmdir()


@pytest.mark.parametrize(
    "name",
    [
        "page.html",
        "page.png",
        "notes.txt",
        "link.png",
        "elsewhere/private.png",
        "ours/server/.env",
        "pipe.png",
    ],
)
def test_what_is_no_image_or_lies_elsewhere_is_not_served(
    person: httpx.Client, brought: Path, name: str
) -> None:
    answer = person.get("/data/local-files/", params={"d": f"images/{brought.name}/{name}"})
    assert answer.status_code == 404
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("plain.png", "image/png"),
        ("alias.html", "image/png"),
        ("drawing.svg", "image/svg+xml"),
    ],
)
def test_an_image_is_served_as_one_whatever_its_name(
    person: httpx.Client, brought: Path, name: str, kind: str
) -> None:
    answer = person.get("/data/local-files/", params={"d": f"images/{brought.name}/{name}"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.content == (brought / name).read_bytes()
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_a_storage_reads_no_tasks_from_what_is_not_served(
    demo: Demo, workspace: Workspace, project: int, brought: Path
) -> None:
    client = demo.client()
    (brought / "tasks.json").symlink_to(workspace.state.server / "labelpilot-server.json")
    fields = {"path": str(brought), "regex_filter": ".*json", "use_blob_urls": False}
    storage = client.sync_storage(client.create_source_storage(project, fields))
    assert storage.status != "completed"
    assert client.task_count(project) == 3


OTHER = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": OTHER},
        {"Origin": "null"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
        {"Origin": OTHER, "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=repr,
)
def test_a_change_that_another_page_asks_for_is_refused(
    demo: Demo, person: httpx.Client, project: int, headers: dict[str, str]
) -> None:
    params = {"id": "delete_tasks", "project": project}
    for address in ("/api/dm/actions/", "/api/dm/actions"):
        answer = person.post(address, params=params, content="a=b", headers=headers)
        assert answer.status_code == 403
        assert "own pages" in answer.json()["detail"]
    assert demo.client().task_count(project) == 3


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Origin": "https://forwarded.example"},
        {"Origin": "http://localhost:{port}", "Host": "localhost:{port}"},
        {"Origin": "http://127.0.0.1:{port}"},
    ],
    ids=["through a proxy", "by another name", "by its address"],
)
def test_a_change_that_its_own_page_asks_for_is_made(
    demo: Demo, person: httpx.Client, project: int, headers: dict[str, str]
) -> None:
    filled = {name: value.format(port=person.base_url.port) for name, value in headers.items()}
    task = next(demo.client().tasks(project, "image")).id
    made = person.post(f"/api/tasks/{task}/annotations/", json={"result": []}, headers=filled)
    assert made.status_code == 201, made.text


def test_a_script_with_a_token_is_never_asked_where_it_comes_from(
    demo: Demo, workspace: Workspace, project: int
) -> None:
    token = find_secret(workspace, "token")
    assert token is not None
    with httpx.Client(base_url=demo.result["server_url"], trust_env=False) as script:
        for _ in range(2):
            # Label Studio's own client keeps the session that comes with each answer.
            access = script.post("/api/token/refresh/", json={"refresh": token.value}).json()
            headers = {"Authorization": f"Bearer {access['access']}"}
            change = {"description": "changed"}
            script.patch(
                f"/api/projects/{project}/", json=change, headers=headers
            ).raise_for_status()
            assert script.cookies


@pytest.fixture
def other_page(demo: Demo, project: int) -> Iterator[str]:
    """The address of another server on this machine, whose page asks ours to delete tasks."""
    content = FORM.format(url=demo.result["server_url"], project=project).encode()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with contextlib.closing(server.socket):
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.long  # the requests that a browser sends there, and what it gets, are tried above
@needs("chromium", "chromedriver")
def test_in_a_browser_no_other_page_and_no_file_gets_at_label_studio(
    demo: Demo, password: str, project: int, other_page: str, brought: Path, browser: WebDriver
) -> None:
    url = demo.result["server_url"]
    browsers.sign_in(browser, url, EMAIL, password)
    browser.get(other_page)
    browsers.wait_for(browser, lambda b: "own pages" in b.page_source)
    assert demo.client().task_count(project) == 3
    for name in ("page.html", "drawing.svg"):
        browser.get(f"{url}/data/local-files/?d=images/{brought.name}/{name}")
        root = browser.find_element(By.XPATH, "/*")
        assert root.get_attribute("owned") is None


def test_a_label_that_is_submitted_while_tasks_are_deleted_keeps_its_task(
    demo: Demo, workspace: Workspace, project: int
) -> None:
    client = demo.client()
    labeled, *others = [task.id for task in client.tasks(project, "image")]
    deleting = threading.Thread(
        target=demo.client().delete_untouched, args=(project, [labeled, *others])
    )
    with contextlib.closing(sqlite3.connect(database(workspace), isolation_level=None)) as base:
        base.row_factory = sqlite3.Row
        row = dict(base.execute("SELECT * FROM task_completion LIMIT 1").fetchone())
        row |= {"unique_id": uuid.uuid4().hex, "task_id": labeled, "project_id": project}
        del row["id"]
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        base.execute("BEGIN IMMEDIATE")
        base.execute(f"INSERT INTO task_completion ({names}) VALUES ({marks})", [*row.values()])
        deleting.start()
        # Long enough for a look that does not wait for what is being written here.
        deleting.join(1)
        assert deleting.is_alive()
        base.execute("COMMIT")
    deleting.join(SECONDS)
    assert [task.id for task in client.tasks(project, "image")] == [labeled]
