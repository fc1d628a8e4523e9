"""The dashboard: what is labeled, what is stale, and what comes next, once all is set up."""

from __future__ import annotations

import os
import threading
import time

from core.learning.rounds.following import RoundLabels
from tests.app.conftest import Walker
from tests.app.doubles import FakeBackend


async def test_once_all_is_set_up_it_tells_how_much_is_labeled_what_is_stale_and_what_comes_next(
    ready: FakeBackend, walk: Walker
) -> None:
    dataset = ready.workspace.annotations.dataset
    async with walk(ready) as app:
        assert "not written yet" in app.text
        done = {1: ("[b]anna@toys",), 2: ("[b]anna@toys",), 3: ("ben@toys",)}
        today = (("[b]anna@toys", 2), ("ben@toys", 1))
        app.app.watcher._polled(False, RoundLabels("model_v1", 0, 0, tasks=12))
        await app.settled()
        assert "No image is labeled yet." in app.text
        assert "3  Label here" in app.text and "Export the labels" not in app.text
        for labels in (7, 240):
            found = RoundLabels("model_v1", 3, labels, done, tasks=12, images=7, today=today)
            app.app.watcher._polled(False, found)
            await app.settled()
            assert "7 of 12 images labeled" in app.text
            assert "58 %" in app.text
            assert "today  [b]anna 2   ben 1" in app.text
            assert "round  3 of 3 labeled  model_v1" in app.text
            first = "3  Label here" if labels == 7 else "4  Export the labels"
            assert f"│ {first}" in app.text
        dataset.write_text("{}")
        folder = ready.workspace.annotations.path
        now = time.time()
        os.utime(dataset, (now - 130, now - 130))
        for path in (folder, *folder.iterdir()):
            os.utime(path, (now - 600, now - 600))
        await app.press("r")
        assert "written 2 min ago; nothing newer" in app.text
        assert "│ 5  See what to label next" in app.text
        os.utime(folder, (now - 60, now - 60))
        await app.press("r")
        assert "written 2 min ago; newer labels" in app.text


async def test_in_the_example_alone_a_key_labels_known_digits(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        await app.press("d")
        assert app.toasts == ["Only the example has classes that are known beforehand."]
        assert ready.calls == []
        ready.example, ready.hold = True, threading.Event()
        app.app.check()
        await app.until(lambda: "Label 100 known digits" in app.text)
        await app.strike("d")
        await app.until(lambda: "0 of 100" in app.text)
        await app.press("escape")
        assert (ready.calls, ready.closed) == (["annotate 100"], ["annotations"])
