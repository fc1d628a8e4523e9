"""Lists, tables and texts that move with j, k, g and G as well as with the arrows."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import DataTable, Log, OptionList

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
    """A table with a row cursor. Cells are given as Text (`tui.words.cell`)."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "scroll_top", show=False),
        Binding("G", "scroll_bottom", show=False),
    ]


class KeyedLog(Log):
    """Lines of plain text that follow their end until one scrolls up."""

    BINDINGS: ClassVar[list[BindingType]] = _SCROLL


class KeyedText(VerticalScroll):
    """A text that can be scrolled."""

    BINDINGS: ClassVar[list[BindingType]] = _SCROLL
