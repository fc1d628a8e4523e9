"""What the label stream's page shows in a real browser, for each thing that a browser remembers.

uv run python tests/studio/stream_pages.py    a table: our server beside a stock one, before a
                                              round and in one, for one person and for two
"""

from __future__ import annotations

import contextlib
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from selenium.webdriver.remote.webdriver import WebDriver

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.labeling.stream import stream_page
from core.progress import finish
from core.setup.demo import make_demo
from core.studio.client import StudioClient
from core.studio.project import OpenProject, connect
from core.studio.server import stop_server
from core.workspace.settings import Workspace
from tests.studio.browsers import chromium, wait_for
from tests.studio.command import run
from tests.studio.labelers import REMEMBERED, Labeler, Project, make_project
from tests.studio.stock import stock_server


def shown_task(
    browser: WebDriver, person: Labeler, project: Project, tab: int | None, remembered: str | None
) -> int:
    """The task whose picture somebody sees who opens our link in a browser that remembers this."""
    # Before a page is asked for: what its icon is answered could come later, and bring a session of
    # nobody's.
    browser.get("about:blank")
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    for name, value in person.http.cookies.items():
        cookie = {"name": name, "value": value, "url": project.client.url}
        browser.execute_cdp_cmd("Network.setCookie", cookie)
    remembers = "localStorage.clear();"
    if remembered is not None:
        remembers += f'localStorage["dm:labelstream:mode"] = "{remembered}"'
    added = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": remembers})
    remote = project.client.project(project.id)
    browser.get(stream_page(OpenProject(Workspace(Path()), project.client, remote), tab))
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)
    return project.tasks[int(str(wait_for(browser, _number)))]


def _number(browser: WebDriver) -> str:
    """The number of the picture that the browser has decoded to show; empty until it has."""
    script = """
        const shown = [...document.querySelectorAll("img")]
            .some(image => image.src.startsWith("blob:") && image.naturalWidth > 0);
        return shown ? performance.getEntriesByType("resource").map(entry => entry.name) : []"""
    found = re.findall(r"\?n=(\d+)", " ".join(browser.execute_script(script)))
    return found[-1] if found else ""


def rows(client: StudioClient, browser: WebDriver) -> Iterator[tuple[str, str, str, str]]:
    """When, what is remembered, whose page, and what it shows."""
    anna, ben = Labeler(client, "anna"), Labeler(client, "ben")
    for remembered in REMEMBERED:
        for in_a_round in (False, True):
            project = make_project(client, 40)
            order = project.tasks[::-1]
            tab = project.publish(order) if in_a_round else None
            wanted = list(order) if in_a_round else []
            for person, name in ((anna, "Anna"), (ben, "Ben, at the same time")):
                task = shown_task(browser, person, project, tab, remembered)
                place = project.tasks.index(task) + 1
                shown = f"image {place} of 40"
                if wanted:
                    shown += f", {order.index(task) + 1}. of the order"
                when = "in a round" if in_a_round else "before a round"
                yield when, remembered or "nothing", name, shown


@contextlib.contextmanager
def _ours(folder: Path) -> Iterator[StudioClient]:
    workspace = finish(make_demo(folder))
    try:
        done = run("setup", "--workspace", str(folder), LABELPILOT_TRUST=str(folder))
        assert done.code == 0, done.err
        yield connect(workspace)
    finally:
        stop_server(workspace)


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "files").mkdir()
        with (
            _ours(folder / "demo") as ours,
            stock_server(folder / "stock", folder / "files") as stock,
            chromium(folder / "profile") as browser,
        ):
            theirs = StudioClient(stock.url, stock.personal_token)
            print("| when | the browser remembers | whose page | ours shows | stock shows |")
            print("|---|---|---|---|---|")
            for mine, other in zip(rows(ours, browser), rows(theirs, browser), strict=True):
                print("|", " | ".join([*mine, other[-1]]), "|", flush=True)


if __name__ == "__main__":
    main()
