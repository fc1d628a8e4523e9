"""Places where Textual 8.2.8 fails on a row, a widget or a place that is no more.

A list whose window has no width has no rows to page through, and a text no room; a click can meet a
widget that was taken away since, or a place that a smaller window no longer has; a key pressed
twice closes a window twice, and the second time whatever is below it. Textual then ends the whole
app. Here what was asked for is not done, as there is nothing to do it to.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from textual.await_complete import AwaitComplete
from textual.command import CommandPalette
from textual.content import Content
from textual.dom import NoScreen
from textual.errors import NoWidget
from textual.screen import Screen
from textual.widgets import OptionList

# Class, method, and what it raises there.
_PLACES: tuple[tuple[type[Any], str, tuple[type[Exception], ...]], ...] = (
    (OptionList, "_move_page", (KeyError, IndexError)),
    (CommandPalette, "_on_click", (NoWidget,)),
    (Screen, "_forward_event", (AttributeError, NoScreen, NoWidget)),
)


def pass_over_faults() -> None:
    """Let each of the places do nothing where it would fail. Doing so again changes nothing."""
    for owner, name, errors in _PLACES:
        method = getattr(owner, name, None)
        if method is not None and not hasattr(method, "__wrapped__"):
            setattr(owner, name, _forgiving(method, errors))
    if not hasattr(Screen.dismiss, "__wrapped__"):
        Screen.dismiss = _once(Screen.dismiss)  # type: ignore[method-assign]

    if not hasattr(Content._wrap_and_format, "__wrapped__"):
        Content._wrap_and_format = _with_room(Content._wrap_and_format)  # type: ignore[method-assign]


def _forgiving(
    method: Callable[..., Any], errors: tuple[type[Exception], ...]
) -> Callable[..., Any]:
    @functools.wraps(method)
    def forgiving(*arguments: Any) -> Any:
        try:
            return method(*arguments)
        except errors:
            return None

    return forgiving


def _once(dismiss: Callable[..., AwaitComplete]) -> Callable[..., AwaitComplete]:
    """`dismiss`, for a screen that is on top: Textual closes the one on top, whichever it is."""

    @functools.wraps(dismiss)
    def once(screen: Screen[Any], *result: Any, **named: Any) -> AwaitComplete:
        if screen.is_active:
            return dismiss(screen, *result, **named)
        nothing: AwaitComplete = AwaitComplete.nothing()  # type: ignore[no-untyped-call]
        return nothing

    return once


def _with_room(wrap: Callable[..., Any]) -> Callable[..., Any]:
    """`wrap`, for a line of at least one cell: less cannot be divided."""

    @functools.wraps(wrap)
    def with_room(content: Content, width: int, *arguments: Any, **named: Any) -> Any:
        least = 1 + 2 * int(named.get("line_pad", 0))
        return wrap(content, max(width, least), *arguments, **named)

    return with_room
