"""A text that is painted again only when it changes."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content
from textual.widgets import Static

from tui.text import lines


class LiveText(Static):
    """Lines of text. Showing the same again costs nothing: jobs do so ten times a second."""

    _shown: Content | None = None

    @property
    def plain(self) -> str:
        """What is shown, without its colours."""
        return "" if self._shown is None else self._shown.plain

    def show(self, parts: Iterable[Content | str]) -> None:
        """Show `parts` below each other."""
        text = lines(parts)
        if self._shown is None or not text.is_same(self._shown):
            self._shown = text
            height = self.styles.height
            # Where its height is set, no other text moves anything.
            self.update(text, layout=height is None or not height.is_cells)
