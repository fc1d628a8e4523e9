"""The invitation: the link with which a colleague makes an account, shown on purpose."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.content import Content

from tui.asking import ask
from tui.dialogs.dialog import Dialog, sentence
from tui.host import host_of
from tui.links import link_from_here, reach
from tui.text import lines, plain

if TYPE_CHECKING:
    from textual.screen import Screen

    from core.workspace.settings import Workspace
    from tui.backend import Backend


def show_invitation(screen: Screen[Any]) -> None:
    """Ask Label Studio for the link, and show it."""
    host = host_of(screen)
    workspace = host.state.workspace
    if workspace is not None:
        ask(
            screen,
            "invitation",
            partial(_invitation, host.backend, workspace),
            screen.app.push_screen,
            lambda error: host.say(sentence(error), "error"),
        )


def _invitation(backend: Backend, workspace: Workspace) -> Dialog:
    from core.progress import finish

    url = finish(backend.invite(workspace))
    shown, advice = link_from_here(url, os.environ), reach(url, os.environ)
    parts: list[Content | str] = ["Whoever has this link can make an account, and label:", ""]
    parts += [plain(shown, "bold $primary"), ""]
    parts += [advice, ""] if advice else []
    parts.append(plain("same as: labelpilot people invite; --revoke takes it back", "$muted"))
    return Dialog("Invite a colleague", lines(parts), copied=shown)
