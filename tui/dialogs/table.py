"""A table in a window: a cursor, and beside it what there is to say of its row, with a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.coordinate import Coordinate
from textual.widgets import DataTable, Static

from tui.dialogs.dialog import Dialog
from tui.text import cell, plain
from tui.widgets.drawing import can_show
from tui.widgets.key_bar import KeyBar
from tui.widgets.lists import KeyedTable
from tui.widgets.live_text import LiveText
from tui.widgets.picture import Picture, width_beside

# A table of more rows is slow, and nobody reads them.
MOST_ROWS = 500
# What is told of a row stands beside the table where there is room for both, or below it.
WIDE_SCREEN = 100
# Where there is less room, columns that have a width of their own but the first are left out.
NARROW_SCREEN = 76

Row: TypeAlias = Sequence[str]


@dataclass(frozen=True, slots=True)
class Column:
    """A column; those without a `width` share what is left. `right`: figures."""

    name: str
    width: int = 0
    right: bool = False


class TableDialog(Dialog):
    """Rows under `columns`; `about` says more of a row, `picture` is the file of its image."""

    AUTO_FOCUS = "KeyedTable"

    def __init__(
        self,
        title: str,
        words: str,
        columns: Sequence[Column],
        rows: Sequence[Row],
        about: Callable[[int], Sequence[Content | str]],
        picture: Callable[[int], Path | None] | None = None,
        copied: str = "",
    ) -> None:
        super().__init__(title, plain(words), copied=copied)
        self._columns = columns
        self._rows = list(rows[:MOST_ROWS])
        self._about = about
        self._picture = picture if can_show() else None

    def compose(self) -> ComposeResult:
        with Vertical(classes="window large table"):
            yield Static(plain(self._title), classes="title")
            yield Static(self._text, classes="words")
            with Horizontal():
                yield KeyedTable(cursor_type="row", zebra_stripes=False)
                with Vertical(id="beside"):
                    if self._picture is not None:
                        yield Picture()
                    yield LiveText(id="about")
            yield KeyBar(self.PLACE, more=False)

    def on_mount(self) -> None:
        self._make_table()

    def on_resize(self) -> None:
        self._make_table()

    def _make_table(self) -> None:
        wide = self.size.width >= WIDE_SCREEN
        self.query_one(".window").set_class(wide, "beside")
        taken = width_beside(self.size.width)
        self.query_one("#beside").styles.width = taken if wide else "100%"
        for picture in self.query(Picture):
            picture.display = wide
        table = self.query_one(KeyedTable)
        cursor = table.cursor_row
        table.clear(columns=True)
        columns = self._shown
        # The window's frame, the scroll bar, and a cell on both sides of each column.
        room = int(self.size.width * 0.96) - 7 - 2 * len(columns) - (taken + 2 if wide else 0)
        room -= sum(one.width for one in columns)
        sharing = sum(not one.width for one in columns)
        for one in columns:
            justify = "right" if one.right else "left"
            width = one.width or max(6, room // max(1, sharing))
            table.add_column(cell(one.name, justify=justify), width=width)
        for row in self._rows:
            table.add_row(*self._cells(row))
        table.move_cursor(row=cursor)

    @property
    def _shown(self) -> list[Column]:
        """The columns that there is room for."""
        narrow = self.size.width < NARROW_SCREEN
        return [one for n, one in enumerate(self._columns) if not (narrow and n and one.width)]

    def _cells(self, row: Row) -> list[Text]:
        shown = self._shown
        return [
            cell(text, justify="right" if one.right else "left")
            for one, text in zip(self._columns, row, strict=True)
            if one in shown
        ]

    @property
    def chosen(self) -> int | None:
        """The row under the cursor."""
        row = self.query_one(KeyedTable).cursor_row
        return row if 0 <= row < len(self._rows) else None

    def change(self, number: int, row: Row) -> None:
        """Have a row say something else."""
        self._rows[number] = row
        for place, content in enumerate(self._cells(row)):
            self.query_one(KeyedTable).update_cell_at(Coordinate(number, place), content)

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self.show_row()

    def show_row(self) -> None:
        """Tell of the row under the cursor."""
        if (row := self.chosen) is None:
            return
        self.query_one("#about", LiveText).show(self._about(row))
        for picture in self.query(Picture):
            if self._picture is not None and (path := self._picture(row)) is not None:
                picture.show(path)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_act("accept")


def more_words(total: int) -> str:
    """What is said of rows that are too many to be shown; empty where all are."""
    return f" The first {MOST_ROWS:,} are shown." if total > MOST_ROWS else ""
