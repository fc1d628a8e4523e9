"""The images that a plan asks for: a table, and beside it their pictures where there is room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.coordinate import Coordinate
from textual.widgets import DataTable

from tui.screens.learning.pick import paths_of
from tui.text import cell, plain
from tui.widgets.drawing import can_show
from tui.widgets.filter import Filter
from tui.widgets.lists import KeyedTable
from tui.widgets.live_text import LiveText
from tui.widgets.picture import Picture, width_beside

if TYPE_CHECKING:
    from core.learning.rounds.ledger import Pick
    from core.learning.rounds.planning import RoundPlan

# Rows that are shown: a table of more is slow, and nobody reads them.
MOST_ROWS = 1000
NUMBER_WIDTH = 4
FIGURE_WIDTH = 8
# Pictures stand beside the table where there is room for both.
WIDE_SCREEN = 112
NARROW_SCREEN = 76
NAMES = ("image", "because of")
# A score counts as high above this share of the highest, and as low below that one.
HIGH, LOW = 2 / 3, 1 / 3


class PlanView(Vertical):
    """Shows a plan. The table posts Textual's `RowSelected`; `chosen` is what the cursor is on."""

    def __init__(self) -> None:
        super().__init__()
        self._plan: RoundPlan | None = None
        # The plan's rows that the table shows, in its order.
        self._rows: Sequence[int] = ()
        self._labeled: frozenset[int] = frozenset()
        # The width of the screen for which the table was made.
        self._made_for = 0

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield KeyedTable(cursor_type="row", zebra_stripes=False)
            with Vertical(id="beside"):
                yield LiveText(id="picked-name")
                yield Picture(id="picked")
                yield LiveText(id="train-name")
                yield Picture(id="train")
        yield Filter()

    @property
    def table(self) -> KeyedTable:
        return self.query_one(KeyedTable)

    @property
    def chosen(self) -> int | None:
        """The number in the plan (from 0) of the image under the cursor."""
        row = self.table.cursor_row
        if self._plan is None or not 0 <= row < len(self._rows):
            return None
        return self._rows[row]

    def show(self, plan: RoundPlan | None) -> None:
        """Show another plan; the same again costs nothing."""
        if plan is not self._plan:
            self._plan = plan
            self._make_table()
            if plan is not None:
                self.table.focus()

    def tick(self, labeled: frozenset[int]) -> None:
        """Tick the images whose task is labeled by now."""
        if labeled == self._labeled or self._plan is None:
            return
        changed, self._labeled = labeled ^ self._labeled, labeled
        for position, row in enumerate(self._rows[:MOST_ROWS]):
            if self._plan.picks[row].task_id in changed:
                self.table.update_cell_at(Coordinate(position, 0), self._number(row))

    def _number(self, row: int) -> Text:
        """What stands before an image: its number, or a tick once it is labeled."""
        if self._plan is not None and self._plan.picks[row].task_id in self._labeled:
            return cell("✓", "green", "right")
        return cell(f"{row + 1:,}", "dim", "right")

    def open_filter(self) -> None:
        self.query_one(Filter).open()

    def on_mount(self) -> None:
        self._make_table()

    def on_resize(self) -> None:
        if self._made_for != self.screen.size.width:
            self._make_table()
            self._show_pictures()

    def on_input_changed(self, event: Filter.Changed) -> None:
        event.stop()
        self._fill()

    def on_filter_closed(self) -> None:
        self.table.focus()

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self._show_pictures()

    def _show_pictures(self) -> None:
        """The image under the cursor above the one because of which it is asked for."""
        plan, chosen = self._plan, self.chosen
        if plan is None or chosen is None or not self._has_pictures:
            return
        pick = plan.picks[chosen]
        path, train_path = paths_of(plan, pick)
        score = f"score {_number(pick.score)}"
        self.query_one("#picked-name", LiveText).show(
            [plain(pick.tag, "bold"), plain(score, "$primary")]
        )
        train = self.query_one("#train-name", LiveText)
        train.display = pick.train_tag is not None
        said = ", ".join(plan.labels.get(pick.train_tag or "", ()))
        loss = f"loss {_number(pick.train_loss)}  " if pick.train_loss is not None else ""
        # As many lines as above the other, so that both pictures are of one size.
        train.show(
            [
                Content.assemble(("is like ", "$muted"), plain(pick.train_tag)),
                Content.assemble((loss, "$muted"), plain(said, "bold")),
            ]
        )
        self.query_one("#picked", Picture).show(path)
        self.query_one("#train", Picture).show(train_path)

    @property
    def _has_pictures(self) -> bool:
        return self.screen.size.width >= WIDE_SCREEN and can_show()

    @property
    def _is_narrow(self) -> bool:
        return self.screen.size.width < NARROW_SCREEN

    @property
    def _columns(self) -> tuple[str, ...]:
        every = ("image", "score", "because of", "its loss", "alike")
        if self._plan is not None and not any(pick.train_tag for pick in self._plan.picks):
            # In an order of this kind no train image asks for others.
            return every[:2]
        return every[:3] if self._is_narrow else every

    def _make_table(self) -> None:
        self._made_for = self.screen.size.width
        beside, taken = self.query_one("#beside"), width_beside(self._made_for)
        beside.display = self._has_pictures
        beside.styles.width = taken
        self.table.clear(columns=True)
        self.table.add_column("", width=NUMBER_WIDTH)
        # Each column has a cell of padding on both sides; the last cell is the scroll bar's.
        names = sum(name in NAMES for name in self._columns)
        figures = len(self._columns) - names
        fixed = (NUMBER_WIDTH + 2) + figures * (FIGURE_WIDTH + 2) + names * 2
        # On a small screen the panel has no frame.
        around = 3 if self._is_narrow else 7
        room = self._made_for - around - (taken + 2 if beside.display else 0)
        wide = max(8, (room - fixed) // names)
        for name in self._columns:
            if name in NAMES:
                self.table.add_column(cell(name), width=wide)
            else:
                self.table.add_column(cell(name, justify="right"), width=FIGURE_WIDTH)
        self._fill()

    def _fill(self) -> None:
        self.table.clear()
        plan = self._plan
        if plan is None:
            self._rows = ()
            return
        needle = self.query_one(Filter).needle
        self._rows = _rows_with(plan, needle) if needle else range(len(plan.picks))
        most = max((pick.score for pick in plan.picks), default=0.0)
        for row in self._rows[:MOST_ROWS]:
            cells = _cells(plan.picks[row], plan.order, most)
            self.table.add_row(self._number(row), *(cells[name] for name in self._columns))


def _cells(pick: Pick, order: str, most: float) -> dict[str, object]:
    return {
        "image": cell(pick.tag),
        "score": cell(_number(pick.score), _style(pick.score, most), "right"),
        "because of": cell(pick.train_tag or order),
        "its loss": cell(_number(pick.train_loss), justify="right"),
        "alike": cell(_number(pick.similarity), justify="right"),
    }


def _style(score: float, most: float) -> str:
    """The accent for a score near the highest of the plan, dim for one far from it."""
    if score >= HIGH * most:
        return "cyan"
    return "" if score >= LOW * most else "dim"


def _rows_with(plan: RoundPlan, needle: str) -> list[int]:
    """The rows whose image or train image holds `needle`."""
    return [
        row
        for row, pick in enumerate(plan.picks)
        if needle in pick.tag.lower() or needle in (pick.train_tag or "").lower()
    ]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
