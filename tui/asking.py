"""Questions that are answered in a thread, and told of while the user still looks.

Who has gone on meanwhile, or has asked twice, is not given a window over another.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from textual.app import App

from tui.dialogs.dialog import Dialog, sentence
from tui.host import host_of

if TYPE_CHECKING:
    from textual.screen import Screen

    from core.workspace.settings import Workspace
    from tui.backend import Backend

Answer = TypeVar("Answer")


def ask(
    screen: Screen[Any],
    name: str,
    question: Callable[[], Answer],
    tell: Callable[[Answer], object],
    fail: Callable[[Exception], object],
) -> None:
    """Tell of the answer to `question`, or of what it raised, if `screen` is on top then.

    One of a `name` is asked at a time: a server that says nothing is not asked again and again.
    """
    app: App[Any] = screen.app
    if any(worker.group == name and not worker.is_finished for worker in app.workers):
        host_of(screen).say("That is being asked already; there is no answer yet.")
        return

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

    app.run_worker(answered, group=name, thread=True, exit_on_error=False)


def show_found(
    screen: Screen[Any], name: str, find: Callable[[Backend, Workspace], Dialog]
) -> None:
    """Show the window that `find` makes of the workspace, or say why there is none."""
    host = host_of(screen)
    workspace = host.state.workspace
    if workspace is not None:
        ask(
            screen,
            name,
            partial(find, host.backend, workspace),
            screen.app.push_screen,
            lambda error: host.say(sentence(error), "error"),
        )
