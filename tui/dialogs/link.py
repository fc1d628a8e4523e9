"""The link to a page of Label Studio: found in a thread, opened where it can be, and shown."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.content import Content
from textual.widgets import Static

from tui.actions import Action
from tui.asking import show_found
from tui.dialogs.dialog import Dialog
from tui.keys import key_of
from tui.links import link_from_here, open_link
from tui.text import lines, plain
from tui.widgets.key_bar import KeyBar
from tui.widgets.lists import KeyedText

if TYPE_CHECKING:
    from textual.screen import Screen

    from core.labeling.stream import LabelPage
    from core.learning.measuring.suspects import Suspect
    from core.progress import Work
    from core.workspace.settings import Workspace
    from tui.backend import Backend


class LinkDialog(Dialog):
    """A link, and what to sign in there with, where we know it.

    The password is shown when it is asked for, and never copied to a file.
    """

    def __init__(
        self,
        url: str,
        opened: bool,
        account: tuple[str, str] | None,
        notes: Sequence[str] = (),
    ) -> None:
        how = (
            "It was opened in your browser. If nothing came up, this is the link:"
            if opened
            else "Open this link in your browser (in most terminals: ctrl or cmd and a click):"
        )
        said = [part for note in notes for part in (plain(note, "$text-warning"), Content(""))]
        self._link = [*said, plain(how), Content(""), plain(url, "bold $primary")]
        self._account = account
        self._reveals = False
        super().__init__("Label in the browser", self._content(), copied=url)

    def _content(self) -> Content:
        if self._account is None:
            return lines(self._link)
        email, password = self._account
        hidden = plain(f"{key_of('dialog', 'reveal')} shows it", "$muted")
        account = [
            Content(""),
            plain("If it asks who you are:", "$muted"),
            plain(f"  e-mail    {email}"),
            Content.assemble("  password  ", plain(password, "bold") if self._reveals else hidden),
        ]
        return lines([*self._link, *account])

    def actions(self) -> dict[str, Action]:
        actions = super().actions()
        if self._account is not None:
            word = "hide password" if self._reveals else "show password"
            actions["reveal"] = Action(self._reveal, word=word)
        return actions

    def _reveal(self) -> None:
        self._reveals = not self._reveals
        self.query_one(KeyedText).query_one(Static).update(self._content())
        self.query_one(KeyBar).refresh()


def show_link(screen: Screen[Any]) -> None:
    """Open the page for labeling in the user's browser, or show its link."""
    show_found(screen, "link", lambda backend, own: _found(backend, own, backend.label_page(own)))


def show_task_link(screen: Screen[Any], task_id: int) -> None:
    """Open the page with one task, or show its link."""
    show_found(
        screen, "task", lambda backend, own: _found(backend, own, backend.task_page(own, task_id))
    )


def show_conflicts_link(screen: Screen[Any]) -> None:
    """Make a tab of what people differ on, and open its page or show its link."""
    show_found(
        screen, "tab", lambda backend, own: _found(backend, own, backend.conflicts_page(own))
    )


def show_suspects_link(screen: Screen[Any], found: Sequence[Suspect]) -> None:
    """Make a tab of labels that are likely wrong, and open its page or show its link."""
    show_found(
        screen,
        "tab",
        lambda backend, own: _found(backend, own, backend.suspects_page(own, found)),
    )


def _found(backend: Backend, workspace: Workspace, finding: Work[LabelPage]) -> LinkDialog:
    from core.progress import finish

    page = finish(finding)
    url = link_from_here(page.url, os.environ)
    account = backend.sign_in(workspace)
    return LinkDialog(url, open_link(url), account, page.notes)
