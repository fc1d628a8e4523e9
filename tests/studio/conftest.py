"""Real Label Studios: one of labelpilot's own with the example, one that it did not start.

Each is started once a test session, when the first test asks for it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from core.progress import finish
from core.setup import demo as example
from core.studio.client import StudioClient
from core.studio.project import connect
from core.studio.server import stop_server
from core.workspace.settings import load_workspace
from tests.studio.browsers import chromium, forget
from tests.studio.command import Ran, run
from tests.studio.first_start import prepare
from tests.studio.odd_names import OddNames
from tests.studio.places import Place
from tests.studio.quick_hooks import make_quick
from tests.studio.stock import Stock, stock_server

# A third of the example's; the wheel's walk has all.
IMAGES = 599


@dataclass(frozen=True)
class Demo:
    """The example, with fewer images and quick hooks, after `labelpilot demo --auto --json`, its
    server running."""

    folder: Path
    result: dict[str, Any]

    def run(self, *arguments: str, **variables: str) -> Ran:
        return run(*arguments, "--workspace", str(self.folder), **variables)

    def client(self) -> StudioClient:
        return connect(load_workspace(self.folder))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("example") / "demo"
    pixels, classes = example._digits()
    with mock.patch.object(example, "_digits", lambda: (pixels[:IMAGES], classes[:IMAGES])):
        workspace = finish(example.make_demo(folder))
    make_quick(workspace.learning.hooks)
    prepare(workspace, migrated)
    done = run("demo", "--auto", "--json", "--dir", str(folder))
    try:
        assert done.code == 0, done.err
        yield Demo(folder, done.json)
    finally:
        stop_server(load_workspace(folder))


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Stock]:
    folder = tmp_path_factory.mktemp("stock")
    root = folder / "files"
    root.mkdir()
    with stock_server(folder / "server", root, migrated) as server:
        yield server


@pytest.fixture(scope="session")
def one_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def browser(one_browser: WebDriver) -> WebDriver:
    """A browser that remembers nothing but the files of pages."""
    forget(one_browser)
    return one_browser


@pytest.fixture(scope="session")
def odd_names(stock: Stock) -> OddNames:
    return OddNames(stock, "personal", stock.personal_token)


@pytest.fixture
def place(
    stock: Stock, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """A workspace on the stock server that nothing was done with."""
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", stock.legacy_token)
    root = stock.root / tmp_path_factory.mktemp("place").name
    yield Place(root, stock.url, stock.legacy_token, title=root.name).make()
    shutil.rmtree(root, ignore_errors=True)
