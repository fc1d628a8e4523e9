"""A text that is painted again only when it says something else."""

from __future__ import annotations

from collections.abc import Iterable

from textual.content import Content
from textual.widgets import Static

from tui.text import lines


class Said(Static):
    """Lines of text. Saying the same again costs nothing: jobs say it ten times a second."""

    _now: Content | None = None

    def say(self, parts: Iterable[Content | str]) -> None:
        """Show `parts` below each other."""
        text = lines(parts)
        if self._now is None or not text.is_same(self._now):
            self._now = text
            self.update(text)
