"""The invitation: the link with which a colleague makes an account, shown on purpose."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from tui.dialogs.dialog import Dialog, sentence
from tui.host import host_of
from tui.links import link_from_here, reach
from tui.text import lines, plain

if TYPE_CHECKING:
    from textual.screen import Screen

    from core.workspace.settings import Workspace


def show_invitation(screen: Screen[Any]) -> None:
    """Ask Label Studio for the link, and show it."""
    workspace = host_of(screen).state.workspace
    if workspace is not None:
        find = partial(_find_invitation, screen, workspace)
        screen.app.run_worker(find, thread=True, exit_on_error=False)


def _find_invitation(screen: Screen[Any], workspace: Workspace) -> None:
    from core.progress import finish

    app, host = screen.app, host_of(screen)
    try:
        url = finish(host.backend.invite(workspace))
    except Exception as error:
        app.call_from_thread(host.say, sentence(error), "error")
        return
    shown = link_from_here(url, os.environ)
    parts = ["Whoever has this link can make an account, and label:", ""]
    text = lines(
        [
            *parts,
            plain(shown, "bold $primary"),
            "",
            *([reach(url, os.environ), ""] if reach(url, os.environ) else []),
            plain("same as: labelpilot people invite; --revoke takes it back", "$muted"),
        ]
    )
    app.call_from_thread(app.push_screen, Dialog("Invite a colleague", text, copied=shown))
