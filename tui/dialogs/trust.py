"""The question whether a workspace may do what its user has not agreed to yet."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from core.errors import LabelpilotError
from tui.dialogs.dialog import Dialog, error_dialog
from tui.text import lines, plain

if TYPE_CHECKING:
    from textual.app import App

    from core.workspace.trust import Consent
    from tui.backend import Backend
    from tui.state import Watcher

STEP_SECONDS = 0.1


def trust_dialog(consent: Consent) -> Dialog:
    """Asks for one consent, in the same sentence as the command line."""
    text = lines(
        [
            plain(str(consent), "bold"),
            plain("Agree only if you know who wrote its labelpilot.toml, and what it names."),
        ]
    )
    return Dialog("Do you agree?", text, yes="agree", no="leave it")


def agrees(
    app: App[Any], backend: Backend, error: BaseException, stopping: threading.Event
) -> bool:
    """Whether work was refused for want of a consent that its user, asked now, gives.

    Called in the work's own thread, which waits; a work that is to stop gets a no.
    """
    from core.workspace.trust import NotTrusted

    if not isinstance(error, NotTrusted):
        return False
    answers: list[bool | None] = []
    app.call_from_thread(app.push_screen, trust_dialog(error.consent), answers.append)
    while not answers:
        if stopping.wait(STEP_SECONDS):
            return False
    if answers[0]:
        backend.agree(error.consent)
    return bool(answers[0])


class TrustQuestions:
    """Asks, once each, what the look at the workspace was refused."""

    def __init__(self, app: App[Any], backend: Backend) -> None:
        self._app = app
        self._backend = backend
        self._asked: set[Consent] = set()

    def ask(self, watcher: Watcher) -> None:
        """Ask if there is a new question, and look again if it is agreed to."""
        refused = watcher.state.refused
        if refused is None or refused.consent in self._asked:
            return
        self._asked.add(refused.consent)

        def answered(yes: bool | None) -> None:
            if yes:
                try:
                    self._backend.agree(refused.consent)
                except LabelpilotError as error:
                    self._app.push_screen(error_dialog(error))
                watcher.check()

        self._app.call_later(self._app.push_screen, trust_dialog(refused.consent), answered)
