"""Questions that are answered in a thread, and told of while the user still looks.

Who has gone on meanwhile, or has asked twice, is not given a window over another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from textual.app import App

if TYPE_CHECKING:
    from textual.screen import Screen

Answer = TypeVar("Answer")


def ask(
    screen: Screen[Any],
    question: Callable[[], Answer],
    tell: Callable[[Answer], object],
    fail: Callable[[Exception], object],
) -> None:
    """Tell of the answer to `question`, or of what it raised, if `screen` is on top then."""
    app: App[Any] = screen.app

    def told(tell: Callable[[Any], object], news: object) -> None:
        if screen.is_active:
            tell(news)

    def answered() -> None:
        try:
            answer = question()
        except Exception as error:
            app.call_from_thread(told, fail, error)
        else:
            app.call_from_thread(told, tell, answer)

    app.run_worker(answered, thread=True, exit_on_error=False)
