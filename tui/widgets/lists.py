"""Lists, tables and texts that move with j, k, g and G as well as with the arrows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Log, OptionList

from tui.text import wrapped

_SCROLL: list[BindingType] = [
    Binding("j,down", "scroll_down", show=False),
    Binding("k,up", "scroll_up", show=False),
    Binding("g,home", "scroll_home", show=False),
    Binding("G,end", "scroll_end", show=False),
]


class KeyedList(OptionList):
    """A list whose rows are never parsed as markup."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "first", show=False),
        Binding("G", "last", show=False),
    ]

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)


class KeyedTable(DataTable[object]):
    """A table with a row cursor. Cells are given as Text (`tui.text.cell`)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "scroll_top", show=False),
        Binding("G", "scroll_bottom", show=False),
    ]


class KeyedLog(Log):
    """Lines of plain text, wrapped, that follow their end until one scrolls up."""

    BINDINGS: ClassVar[list[BindingType]] = _SCROLL
    # Of a window that is narrower than this, lines are cut.
    LEAST_WIDTH = 20

    def __init__(self, max_lines: int) -> None:
        super().__init__(max_lines=max_lines)
        self._whole: deque[str] = deque(maxlen=max_lines)
        self._wrapped_at = 0

    def add(self, lines: Sequence[str]) -> None:
        """Write `lines` below the others."""
        self._whole.extend(lines)
        # As long as the width is not known, they wait.
        if self._wrapped_at:
            self._write(lines)

    def empty(self) -> None:
        """Begin a new page."""
        self._whole.clear()
        self.clear()

    def on_resize(self) -> None:
        # A cell is left for the scroll bar.
        width = max(self.LEAST_WIDTH, self.content_region.width - 1)
        if width != self._wrapped_at:
            self._wrapped_at = width
            self.clear()
            self._write(self._whole)

    def _write(self, lines: Iterable[str]) -> None:
        self.write_lines([row for line in lines for row in wrapped(line, self._wrapped_at)])


class KeyedText(VerticalScroll):
    """A text that can be scrolled."""

    BINDINGS: ClassVar[list[BindingType]] = _SCROLL
