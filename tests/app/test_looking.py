"""What is not looked at yet: nothing is said of it, and a key that depends on it waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from core.setup.checklist import Report
from core.workspace.settings import Workspace
from tests.app.conftest import Walk
from tests.app.doubles import FakeBackend
from tui.app import LabelpilotApp


class Slow(FakeBackend):
    """Looks at the project, and for a token, only when it is told to."""

    seen: threading.Event
    asked: threading.Event

    def probe(self, workspace: Workspace) -> Iterator[Report]:
        for report in super().probe(workspace):
            if report.id == "project":
                assert self.seen.wait(60)
            yield report

    def token_source(self, workspace: Workspace) -> None:
        assert self.asked.wait(60)


@pytest.fixture
def slow(ready: FakeBackend) -> Slow:
    backend = Slow(ready.workspace)
    backend.everything()
    backend.seen, backend.asked = threading.Event(), threading.Event()
    return backend


async def test_what_is_not_looked_at_yet_is_neither_to_do_nor_missing_and_a_key_for_it_waits(
    slow: Slow,
) -> None:
    app = LabelpilotApp(slow.workspace.root, slow, poll_seconds=0)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        one = Walk(app, pilot)
        await one.until(lambda: "looks  Server" in one.text)
        assert "token …" in one.text
        assert "no token" not in one.text
        assert "to do" not in one.text
        slow.asked.set()
        await one.until(lambda: "looks  Project" in one.text)
        await one.strike("b")
        assert slow.calls == []
        assert one.toasts == ["Still looking …; this is done as soon as it can be."]
        slow.seen.set()
        await one.until(lambda: slow.calls == ["label_page"])
        await one.settled()
        assert "http://127.0.0.1:8080/projects/1/data?labeling=1" in one.text


async def test_after_the_look_a_key_that_waited_is_refused_with_its_reason(slow: Slow) -> None:
    slow.done.discard("project")
    app = LabelpilotApp(slow.workspace.root, slow, poll_seconds=0)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        one = Walk(app, pilot)
        slow.asked.set()
        await one.until(lambda: "looks  Project" in one.text)
        await one.strike("b")
        slow.seen.set()
        await one.settled()
        assert one.toasts[-1] == "There is no project to label in yet."
        assert slow.calls == []
