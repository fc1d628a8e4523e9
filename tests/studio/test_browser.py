"""What a labeler sees: the label stream in a real browser."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from core.secrets.credentials import find_secret
from core.studio.server import EMAIL
from core.workspace.settings import load_workspace
from tests.needs import find, needs
from tests.studio import stock as stock_module
from tests.studio.conftest import Demo
from tests.studio.odd_names import NAMES, OddNames

PAGE_SECONDS = 120
pytestmark = needs("chromium", "chromedriver")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[WebDriver]:
    with chromium(tmp_path / "profile") as driver:
        yield driver


@contextlib.contextmanager
def chromium(profile: Path, *flags: str) -> Iterator[WebDriver]:
    """A browser without a screen, which writes down what it asks for on the network."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(find("chromium"))
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1400,1000",
        f"--user-data-dir={profile}",
        *flags,
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    driver = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(str(find("chromedriver")))
    )
    driver.set_page_load_timeout(PAGE_SECONDS)
    try:
        yield driver
    finally:
        driver.quit()


def sign_in(browser: WebDriver, url: str, email: str, password: str) -> None:
    browser.get(f"{url}/user/login/")
    browser.find_element(By.NAME, "email").send_keys(email)
    browser.find_element(By.NAME, "password").send_keys(password)
    browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
    WebDriverWait(browser, PAGE_SECONDS).until(lambda b: "/login" not in b.current_url)


def shown_images(browser: WebDriver) -> list[str]:
    """The addresses of the images that were fetched, once the browser has decoded one to show.

    Label Studio fetches an image and shows it from a blob.
    """
    script = """
        const shown = [...document.querySelectorAll("img")]
            .some(image => image.src.startsWith("blob:") && image.naturalWidth > 0);
        const fetched = performance.getEntriesByType("resource")
            .map(entry => entry.name).filter(name => name.includes("/data/local-files/"));
        return shown ? fetched : []"""
    return list(browser.execute_script(script))


def wait_for(browser: WebDriver, look: Callable[[WebDriver], object]) -> object:
    return WebDriverWait(browser, PAGE_SECONDS).until(look)


def test_the_view_url_opens_the_stream_at_the_image_of_the_highest_score(
    demo: Demo, browser: WebDriver
) -> None:
    password = find_secret(load_workspace(demo.folder), "password")
    assert password is not None
    sign_in(browser, demo.result["server_url"], EMAIL, password.value)
    url = demo.result["learning"]["view_url"]
    project_id, client = demo.result["project_id"], demo.client()
    client.update_project(project_id, {"model_version": "model_v1"})
    browser.get(url)
    images = wait_for(browser, shown_images)
    tab = int(parse_qs(urlsplit(url).query)["tab"][0])
    (first, _), *_ = client.view_tasks(project_id, tab, 1)
    task = next(task for task in client.tasks(project_id, "image") if task.id == first)
    assert isinstance(images, list)
    assert any(image.endswith(task.image) for image in images)


def test_every_image_with_a_difficult_name_is_shown(
    odd_names: OddNames, browser: WebDriver
) -> None:
    sign_in(browser, odd_names.client.url, stock_module.EMAIL, stock_module.PASSWORD)
    project_id = odd_names.setup.json["project_id"]
    tasks = list(odd_names.client.tasks(project_id, "image"))
    assert len(tasks) == len(NAMES)
    for task in tasks[:8]:
        browser.get(f"{odd_names.client.url}/projects/{project_id}/data?task={task.id}")
        deadline = time.monotonic() + PAGE_SECONDS
        while not any(image.endswith(task.image) for image in shown_images(browser)):
            assert time.monotonic() < deadline, task.image
