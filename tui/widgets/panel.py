"""A part of a screen with its title in its frame; on a small screen the frame is a line above."""

from __future__ import annotations

from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget


class Panel(Vertical):
    """Holds `children` below its title."""

    def __init__(self, title: str, *children: Widget, id: str | None = None) -> None:
        super().__init__(*children, id=id)
        self._called: str | None = None
        self.call_it(title)

    def call_it(self, title: str) -> None:
        """Give it another title, which is never parsed as markup; the same again costs nothing."""
        if title != self._called:
            self._called = title
            self.border_title = Content(title).markup
