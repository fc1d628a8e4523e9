"""A real browser without a screen, and how one signs in and looks at what it shows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

from tests.needs import find

PAGE_SECONDS = 120


@contextlib.contextmanager
def chromium(profile: Path, *flags: str, noting: bool = False) -> Iterator[WebDriver]:
    """A browser without a screen; `noting` writes down what it asks for on the network."""
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
    if noting:
        options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    driver = webdriver.Chrome(
        options=options, service=webdriver.ChromeService(str(find("chromedriver")))
    )
    driver.set_page_load_timeout(PAGE_SECONDS)
    try:
        yield driver
    finally:
        driver.quit()


def forget(browser: WebDriver) -> None:
    """Leave the page, and forget who is signed in and what pages kept."""
    browser.get("about:blank")
    browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
    everything = {"origin": "*", "storageTypes": "all"}
    browser.execute_cdp_cmd("Storage.clearDataForOrigin", everything)


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
