"""What a labeler sees: the label stream in a real browser."""

from __future__ import annotations

import contextlib
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from selenium.webdriver.remote.webdriver import WebDriver

from core.secrets.credentials import find_secret
from core.studio.client import StudioClient
from core.studio.server import EMAIL
from core.workspace.settings import load_workspace
from tests.needs import needs
from tests.studio import stock as stock_module
from tests.studio.browsers import PAGE_SECONDS, shown_images, sign_in, wait_for
from tests.studio.conftest import Demo
from tests.studio.labelers import Labeler, make_project
from tests.studio.odd_names import NAMES, OddNames
from tests.studio.stock import Stock
from tests.studio.stream_pages import shown_task

pytestmark = needs("chromium", "chromedriver")


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


@pytest.mark.long  # test_other_server gets each image where its task says it is
def test_an_image_with_a_difficult_name_is_shown(odd_names: OddNames, browser: WebDriver) -> None:
    sign_in(browser, odd_names.client.url, stock_module.EMAIL, stock_module.PASSWORD)
    project_id = odd_names.setup.json["project_id"]
    tasks = list(odd_names.client.tasks(project_id, "image"))
    assert len(tasks) == len(NAMES)
    # The one with all that Label Studio and an address read otherwise.
    (task,) = [task for task in tasks if "%231%20%2520" in task.image]
    browser.get(f"{odd_names.client.url}/projects/{project_id}/data?task={task.id}")
    deadline = time.monotonic() + PAGE_SECONDS
    while not any(image.endswith(task.image) for image in shown_images(browser)):
        assert time.monotonic() < deadline, task.image


# The first page above is of one that remembers nothing; one with "filtered" asks as that does.
@pytest.mark.parametrize("each", [("all",), pytest.param((None, "all"), marks=pytest.mark.long)])
def test_whatever_a_browser_remembers_our_link_shows_the_next_image_of_the_round(
    demo: Demo, browser: WebDriver, each: tuple[str | None, ...]
) -> None:
    with contextlib.closing(demo.client()) as client:
        project = make_project(client, 6)
        order = project.tasks[::-1]
        tab = project.publish(order)
        # Each has theirs open while the next one comes.
        for place, remembered in enumerate(each):
            person = Labeler(client, "anna")
            assert shown_task(browser, person, project, tab, remembered) == order[place]


@pytest.mark.long  # test_label_stream sends these pages' requests to our server without our patches
def test_on_a_stock_server_the_order_is_lost_only_where_the_link_says_so(
    stock: Stock, browser: WebDriver
) -> None:
    with contextlib.closing(StudioClient(stock.url, stock.personal_token)) as client:
        anna = Labeler(client, "anna")
        project = make_project(client, 6, "Sequential sampling")
        tab = project.publish(project.tasks[::-1])
        shown = [shown_task(browser, anna, project, tab, one) for one in ("all", None)]
        assert shown == [project.tasks[0], project.tasks[-1]]
