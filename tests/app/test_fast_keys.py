"""Keys faster than windows open, windows too small for what is in them, and paths that are none."""

from __future__ import annotations

import threading

import pytest
from textual import events
from textual.command import CommandPalette

from tests.app.conftest import Walk, Walker
from tests.app.doubles import FakeBackend, refusal
from tui.dialogs.dialog import Dialog
from tui.dialogs.link import LinkDialog


def click(app: Walk, column: int, line: int) -> None:
    """A click as the terminal reports it."""
    for kind in (events.MouseDown, events.MouseUp):
        app.app.post_message(kind(None, column, line, 0, 0, 1, False, False, False, column, line))


@pytest.mark.parametrize("size", [(3, 10), (1, 1), (80, 6)])
async def test_a_list_without_room_can_be_paged(
    ready: FakeBackend, walk: Walker, size: tuple[int, int]
) -> None:
    async with walk(ready, size=size) as app:
        await app.strike("pageup", "pagedown", "pagedown", "colon", "pagedown", "pageup")
        assert isinstance(app.app.screen, CommandPalette)


async def test_a_click_beside_a_shrunk_palette_does_no_harm(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        await app.strike("colon")
        await app.pilot.resize_terminal(30, 8)
        click(app, 70, 20)
        await app.taken_in()
        click(app, 0, 7)
        click(app, 0, 7)
        await app.until(lambda: len(app.app.screen_stack) == 1)


async def test_a_key_that_is_pressed_again_before_its_window_is_there_opens_one(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.fail["sync"] = refusal()
    async with walk(ready) as app:
        for _ in range(5):
            app.app.post_message(events.Key("b", "b"))
        await app.until(lambda: isinstance(app.app.screen, LinkDialog))
        await app.settled()
        await app.press("enter")
        assert len(app.app.screen_stack) == 1
        await app.press("2", "enter")
        for _ in range(5):
            app.app.post_message(events.Key("enter", "\r"))
        await app.settled()
        assert len(app.app.screen_stack) <= 2


async def test_a_key_that_is_pressed_twice_closes_one_window(
    ready: FakeBackend, walk: Walker
) -> None:
    async with walk(ready) as app:
        for key in ("e", "1", "question_mark", "b"):
            await app.press(key)
            for _ in range(3):
                app.app.post_message(events.Key("escape", None))
            await app.settled()
            assert not isinstance(app.app.screen, Dialog)
            assert len(app.app.screen_stack) == 1


@pytest.mark.parametrize("path", ["x" * 5000, "~nobody-of-this-name/x", "\x7f/\udc80", "a/../" * 9])
async def test_a_path_that_can_be_none_is_refused_in_the_form(
    backend: FakeBackend, walk: Walker, path: str
) -> None:
    (backend.workspace.root / "labelpilot.toml").unlink()
    async with walk(backend) as app:
        form = app.app.screen
        field = form.query_one("#path")
        field.value = path  # type: ignore[attr-defined]
        field.focus()
        await app.press("enter", "enter")
        assert app.app.screen is form


async def test_no_key_leaves_while_something_runs_without_a_question(
    ready: FakeBackend, walk: Walker
) -> None:
    ready.hold = threading.Event()
    async with walk(ready) as app:
        await app.strike("2", "enter")
        await app.until(lambda: "0 of 12" in app.text)
        for key in ("q", "ctrl+c", "ctrl+q"):
            await app.strike(key)
            await app.until(lambda: "1 job running" in app.text)
            await app.strike("escape")
            await app.until(lambda: "1 job running" not in app.text)
        ready.hold.set()
