"""The invitation: the link with which a colleague makes an account, shown on purpose."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from textual.content import Content

from tui.asking import show_found
from tui.dialogs.dialog import Dialog
from tui.links import link_from_here, reach
from tui.text import lines, plain

if TYPE_CHECKING:
    from textual.screen import Screen

    from core.workspace.settings import Workspace
    from tui.backend import Backend


def show_invitation(screen: Screen[Any]) -> None:
    """Ask Label Studio for the link, and show it."""
    show_found(screen, "invitation", _invitation)


def _invitation(backend: Backend, workspace: Workspace) -> Dialog:
    from core.progress import finish

    url = finish(backend.invite(workspace))
    shown, advice = link_from_here(url, os.environ), reach(url, os.environ)
    parts: list[Content | str] = ["Whoever has this link can make an account, and label:", ""]
    parts += [plain(shown, "bold $primary"), ""]
    parts += [advice, ""] if advice else []
    parts.append(plain("same as: labelpilot people invite; --revoke takes it back", "$muted"))
    return Dialog("Invite a colleague", lines(parts), copied=shown)
