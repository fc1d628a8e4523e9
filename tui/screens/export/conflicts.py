"""The images on which people differ: each answer a row, the picture beside it, and a key that
settles one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.coordinate import Coordinate
from textual.screen import ModalScreen
from textual.widgets import DataTable, Static

from core.progress import finish
from tui.actions import Action, act
from tui.asking import ask
from tui.dialogs.dialog import sentence
from tui.dialogs.link import show_conflicts_link
from tui.host import host_of
from tui.keys import Place, bindings
from tui.text import cell, count, plain
from tui.widgets.drawing import can_show
from tui.widgets.key_bar import KeyBar
from tui.widgets.lists import KeyedTable
from tui.widgets.picture import Picture, width_beside

if TYPE_CHECKING:
    from core.dataset.conflicts import Answer, Conflict

# More rows than this are slow, and are settled before the others are looked at.
MOST_ROWS = 1000
# The picture stands beside the table where there is room for both.
WIDE_SCREEN = 100
RIGHT = "right"
# Columns that are as wide as what is in them; the others share the rest.
STATE_WIDTH = len(RIGHT)


class ConflictsScreen(ModalScreen[bool]):
    """Shows conflicts; gives whether any was settled or taken back. `again`: they are to be labeled
    again."""

    PLACE: ClassVar[Place] = "conflicts"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("conflicts")]
    AUTO_FOCUS = "KeyedTable"

    def __init__(self, found: Sequence[Conflict], tag: str = "") -> None:
        super().__init__()
        # Of which image the first answer is under the cursor at first.
        self._first = tag
        self.found = list(found)
        self.again = False
        # Each answer is a row: the number of its conflict, and its own in that.
        self._rows = [
            (number, place) for number, one in enumerate(found) for place in range(len(one.answers))
        ][:MOST_ROWS]
        self._changed = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="window large"):
            yield Static(classes="title")
            with Horizontal():
                yield KeyedTable(cursor_type="row", zebra_stripes=False)
                with Vertical(id="beside"):
                    yield Picture()
            yield KeyBar("conflicts", more=False)

    def on_mount(self) -> None:
        self._make_table()
        at = (row for row, (number, _) in enumerate(self._rows) if self._is_first(number))
        self.query_one(KeyedTable).move_cursor(row=next(at, 0))

    def _is_first(self, number: int) -> bool:
        return self.found[number].tag == self._first

    def on_resize(self) -> None:
        self._make_table()

    def _make_table(self) -> None:
        wide = self.size.width >= WIDE_SCREEN and can_show()
        beside, taken = self.query_one("#beside"), width_beside(self.size.width)
        beside.display = wide
        beside.styles.width = taken
        table = self.query_one(KeyedTable)
        cursor = table.cursor_row
        table.clear(columns=True)
        # The window's frame, a cell on both sides of each column, and the scroll bar.
        room = int(self.size.width * 0.96) - 6 - 8 - 1 - STATE_WIDTH
        room -= taken + 2 if wide else 0
        answers = [answer for one in self.found for answer in one.answers]
        # An answer and who gave it have what they need, as far as the image has some too.
        says = _width("says", map(_classes, answers), room // 3)
        who = _width("who", map(_person, answers), 3 * (room - says) // 5)
        table.add_column("", width=STATE_WIDTH)
        for name, width in (("image", max(6, room - says - who)), ("who", who), ("says", says)):
            table.add_column(cell(name), width=width)
        for number, place in self._rows:
            one = self.found[number]
            answer = one.answers[place]
            table.add_row(
                self._state(one, answer),
                cell(one.tag if place == 0 else ""),
                cell(_person(answer), "dim"),
                cell(_classes(answer)),
            )
        table.move_cursor(row=cursor)
        self._tell()

    def _tell(self) -> None:
        still = sum(one.settled is None for one in self.found)
        title = f"{count(len(self.found), 'image')} on which people differ, {still:,} not settled"
        self.query_one(".title", Static).update(plain(title))

    def _state(self, conflict: Conflict, answer: Answer) -> object:
        return cell(RIGHT if conflict.settled is answer else "", "green")

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        workspace = host_of(self).state.workspace
        if workspace is not None and (chosen := self._chosen) is not None:
            path = self.found[chosen[0]].path
            self.query_one(Picture).show(workspace.images.path / path)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_act("settle")

    @property
    def _chosen(self) -> tuple[int, int] | None:
        row = self.query_one(KeyedTable).cursor_row
        return self._rows[row] if 0 <= row < len(self._rows) else None

    # What the keys do

    def action_act(self, name: str) -> None:
        act(self, name, host_of(self).say)

    def actions(self) -> dict[str, Action]:
        chosen = self._chosen
        none = "" if chosen else "There is no answer to choose."
        word = "take back" if chosen and self._is_right(*chosen) else ""
        still = any(one.settled is None for one in self.found)
        settled = "" if still else "All of them are settled."
        return {
            "settle": Action(self._settle, none, word),
            "again": Action(self._label_again, settled),
            "publish": Action(partial(show_conflicts_link, self), settled),
            "copy": Action(self._copy, none),
            "close": Action(partial(self.dismiss, self._changed)),
        }

    def _is_right(self, number: int, place: int) -> bool:
        conflict = self.found[number]
        return conflict.settled is conflict.answers[place]

    def _settle(self) -> None:
        host, chosen = host_of(self), self._chosen
        workspace = host.state.workspace
        if workspace is None or chosen is None:
            return
        number, place = chosen
        conflict, right = self.found[number], not self._is_right(number, place)
        annotation = conflict.answers[place].annotation
        work = host.backend.settle(workspace, annotation, right, conflict)
        ask(
            self,
            "settle",
            partial(finish, work),
            partial(self._settled, number),
            lambda error: host.say(sentence(error), "error"),
        )

    def _settled(self, number: int, done: tuple[Conflict, str]) -> None:
        self.found[number], remark = done
        self._changed = True
        table = self.query_one(KeyedTable)
        for row, (one, place) in enumerate(self._rows):
            if one == number:
                conflict = self.found[number]
                state = self._state(conflict, conflict.answers[place])
                table.update_cell_at(Coordinate(row, 0), state)
        self._tell()
        self.query_one(KeyBar).refresh()
        if remark:
            host_of(self).say(remark)
            host_of(self).check()

    def _label_again(self) -> None:
        self.again = True
        self.dismiss(self._changed)

    def _copy(self) -> None:
        host_of(self).copy_out("\n".join(map(str, self.found)))


def _width(name: str, texts: Iterable[str], most: int) -> int:
    """How wide a column is that holds `texts`, below its name."""
    return max(len(name), min(most, max((cell(text).cell_len for text in texts), default=0)))


def _classes(answer: Answer) -> str:
    return ", ".join(answer.classes) or "none"


def _person(answer: Answer) -> str:
    return answer.person or "somebody"
