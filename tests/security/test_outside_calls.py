"""Our own Label Studio calls nobody, and neither do its pages: they work with every other host out
of reach."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from core.studio.account import sign_in_with
from tests.needs import needs
from tests.security.conftest import Served
from tests.studio.browsers import chromium, sign_in, wait_for

pytestmark = needs("chromium", "chromedriver")

ALONE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
# Page -> words that it shows once it works: those that everybody meets, and more.
MET = {"/": "Recent Projects", "/projects/{project}/data?labeling=1": "Submit"}
MORE = {
    "/projects": "Create",
    "/projects/{project}/data": "Submitted annotations",
    "/projects/{project}/settings/labeling": "Labeling Interface",
    "/projects/{project}/settings/storage": "Cloud Storage",
    "/organization": "labelpilot@localhost",
    "/user/account": "Personal Info",
    "/docs/api/": "",
}
# The reference of Label Studio's API is drawn by a script from elsewhere, and there is no setting
# for it: its page stays empty.
EXCEPT = {"/docs/api/": {"cdn.jsdelivr.net", "fonts.googleapis.com"}}


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[WebDriver]:
    """A browser that reaches no host but this one."""
    with chromium(tmp_path / "profile", ALONE, noting=True) as driver:
        yield driver


def other_hosts(browser: WebDriver) -> set[str]:
    """The hosts other than this one that were asked for since the last time."""
    hosts: set[str] = set()
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        said = message["params"]
        if message["method"] == "Network.requestWillBeSent":
            url = urlsplit(said["request"]["url"])
        elif message["method"] == "Network.webSocketCreated":
            url = urlsplit(said["url"])
        else:
            continue
        if url.scheme not in ("data", "blob", "chrome"):
            hosts.add(url.hostname or url.geturl())
    return hosts - {"127.0.0.1"}


@pytest.mark.parametrize(
    "pages", [MET, pytest.param(MET | MORE, marks=pytest.mark.long)], ids=["met", "all"]
)
def test_its_pages_work_with_every_other_host_out_of_reach(
    served: Served, alone: WebDriver, pages: dict[str, str]
) -> None:
    account = sign_in_with(served.workspace)
    assert account is not None
    project = served.run("setup")["project_id"]
    sign_in(alone, served.url, *account)
    assert other_hosts(alone) == set()
    for page, words in pages.items():
        alone.get(served.url + page.format(project=project))
        wait_for(alone, lambda browser, words=words: words in browser.page_source)
        assert other_hosts(alone) == EXCEPT.get(page, set()), page
    # Its home page had it look for tips; nowhere but here.
    assert served.outside_calls == []
    with served.client(cookie=cookies(alone)) as client:
        assert client.get("/heidi-tips/").status_code == 404
    assert "('127.0.0.1', 9)" in served.calls.read_text()


def cookies(browser: WebDriver) -> str:
    return "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in browser.get_cookies())
