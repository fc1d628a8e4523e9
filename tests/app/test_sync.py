"""The sync: seen as it goes, stopped at a key, gone on with, and proved at the end."""

from __future__ import annotations

import threading

from tests.app.conftest import Walker
from tests.app.doubles import FakeBackend, refusal
from tests.app.toys import IMAGES, WEIRD


async def test_a_sync_ends_with_its_proof(ready: FakeBackend, walk: Walker) -> None:
    ready.tasks = 5
    async with walk(ready) as app:
        await app.press("2")
        assert f"5 of {len(IMAGES)} images are tasks" in app.text
        await app.press("enter")
        assert "12 of 12 images are tasks, 0 duplicates, 1 retry, 3 s." in app.text
        assert f"12 images found; {WEIRD}" in app.text


async def test_a_running_sync_shows_how_far_it_is_and_goes_on_while_one_looks_elsewhere(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.hold = threading.Event()
    async with walk(ready) as app:
        await app.strike("2", "enter")
        await app.until(lambda: "0 of 12" in app.text)
        assert "0 %" in app.text
        await app.strike("1")
        assert "images to tasks 0 %" in app.text.splitlines()[0]
        await app.until(lambda: "Images to tasks" in app.text)
        ready.hold.set()
        await app.settled()
        assert "✓ All is set up." in app.text
        await app.press("2")
        assert "12 of 12 images are tasks" in app.text


async def test_escape_stops_waiting_and_r_goes_on(ready: FakeBackend, walk: Walker) -> None:
    ready.tasks, ready.hold = 0, threading.Event()
    async with walk(ready) as app:
        await app.strike("2", "enter")
        await app.until(lambda: "0 of 12" in app.text)
        assert "esc stop waiting" in app.footer
        await app.press("escape")
        assert ready.closed == ["import"]
        assert "Stopped after" in app.text
        ready.hold.set()
        await app.press("r")
        assert "12 of 12 images are tasks" in app.text


async def test_a_failed_sync_says_why_and_r_tries_again(ready: FakeBackend, walk: Walker) -> None:
    ready.fail["sync"] = refusal()
    async with walk(ready) as app:
        await app.press("2", "enter")
        assert "Label Studio [said] no to [/b]." in app.text
        assert "detail: [red]bad[/red]" in app.text
        assert "r goes on from where it stopped" in app.text
        await app.press("enter")
        assert "What to do" in app.text
        await app.press("escape", "enter", "enter")
        ready.fail.clear()
        await app.press("r")
        assert "12 of 12 images are tasks" in app.text


async def test_a_sync_that_fails_unseen_is_told_by_a_toast(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.hold = threading.Event()
    async with walk(ready) as app:
        await app.strike("2", "enter")
        await app.until(lambda: "0 of 12" in app.text)
        await app.strike("4")
        ready.hold = None
        await app.settled()
        assert app.toasts == ["12 of 12 images are tasks, 0 duplicates, 1 retry, 3 s."]


async def test_f_syncs_with_every_image_listed_anew(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("2", "f")
        assert "12 of 12 images are tasks" in app.text
        assert "same as: labelpilot sync --full" in app.text


async def test_two_syncs_never_run_at_once(ready: FakeBackend, walk: Walker) -> None:
    ready.hold = threading.Event()
    async with walk(ready) as app:
        await app.strike("2", "enter")
        await app.until(lambda: "0 of 12" in app.text)
        await app.strike("enter")
        assert ready.calls.count("sync") == 1
        assert app.toasts == ["Images to tasks is running."]


async def test_without_a_project_a_sync_says_what_comes_first(
    backend: FakeBackend, walk: Walker
) -> None:
    async with walk(backend) as app:
        await app.press("2", "enter")
        assert "Setup comes first: press 1, then a." in app.text
        assert backend.calls == []


async def test_doubled_images_are_said_and_d_shows_asks_and_mends(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.doubled = 4
    async with walk(ready) as app:
        await app.press("2")
        assert "12 of 12 images are tasks, 4 duplicates" in app.text
        assert "d doubled" in app.footer
        await app.press("enter")
        assert "d shows which can go, and asks." in app.text
        await app.press("d")
        assert "Remove the extra tasks?" in app.text
        assert f"4 images are several tasks ({WEIRD})" in " ".join(app.text.split())
        await app.press("escape")
        assert ready.doubled == 4
        await app.press("d", "y")
        assert "4 tasks removed, 12 left; 0 duplicates, 7 annotations (7 before)." in app.text
        assert "d doubled" not in app.footer
        assert ready.calls == ["sync", "plan_repair", "plan_repair", "repair"]
        await app.press("d")
        assert app.toasts == ["No image is known to be several tasks; a sync (enter) counts them."]


async def test_images_that_are_gone_are_said_and_t_shows_asks_and_removes(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.gone = 4
    async with walk(ready) as app:
        assert "4 tasks without their image" in app.text, "on top of every section"
        await app.press("2")
        assert "t gone" in app.footer
        await app.press("t")
        assert "Remove tasks whose image is gone?" in app.text
        assert f"The image of 4 tasks is gone ({WEIRD})" in " ".join(app.text.split())
        await app.press("escape")
        assert ready.gone == 4
        await app.press("t", "y")
        assert "3 tasks without their image removed, 9 left;" in " ".join(app.text.split())
        assert "t gone" not in app.footer
        assert ready.calls == ["plan_tidy", "plan_tidy", "tidy"]


async def test_a_repair_that_fails_says_why_and_r_looks_again(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.doubled, ready.fail["repair"] = 4, refusal()
    async with walk(ready) as app:
        await app.press("2", "d", "y")
        assert "Label Studio [said] no to [/b]." in app.text
        ready.fail.clear()
        await app.press("r", "y")
        assert "4 tasks removed" in app.text


async def test_what_is_tried_again_is_counted_and_told_while_the_sync_runs(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.trouble, ready.hold = "Label Studio does not [answer].", threading.Event()
    async with walk(ready) as app:
        await app.strike("2", "enter")
        await app.until(lambda: "Label Studio does not [answer]." in app.text)
        await app.until(lambda: "2 retries" in app.text)
        ready.hold.set()
        await app.settled()


async def test_while_the_set_up_runs_the_sync_says_so(backend: FakeBackend, walk: Walker) -> None:
    backend.hold = threading.Event()
    async with walk(backend) as app:
        await app.strike("a", "2")
        await app.until(lambda: "The set-up is running; it makes the tasks as well." in app.text)
        assert "press 1, then a" not in app.text
        backend.hold.set()
        await app.settled()
        assert "12 of 12 images are tasks" in app.text
