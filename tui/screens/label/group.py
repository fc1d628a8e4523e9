"""Look-alikes that are labeled together: all of them seen, what does not belong taken out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Grid, Vertical
from textual.screen import ModalScreen

from core.labeling.questionnaire import toggled
from tui.actions import Action, act
from tui.keys import Place, bindings, key_of
from tui.screens.label.answers import rows_of
from tui.screens.label.hotkeys import Press, is_one_key
from tui.text import plain, shortened
from tui.widgets.key_bar import KeyBar
from tui.widgets.live_text import LiveText
from tui.widgets.picture import Picture

if TYPE_CHECKING:
    from core.labeling.item import LabelItem
    from core.labeling.questionnaire import Answers, Questionnaire

# The cells of the smallest thumbnail, and those of a window around all of them.
TILE_WIDTH, TILE_HEIGHT = 14, 6
AROUND_WIDTH, AROUND_HEIGHT = 4, 10


@dataclass(frozen=True, slots=True)
class Group:
    """What is labeled together: the images, their answers, and the seconds that it took."""

    items: Sequence[LabelItem]
    answers: Answers
    seconds: float


def most_shown(width: int, height: int) -> int:
    """How many thumbnails a terminal of this size has room for: what is not seen is not labeled."""
    columns = max(1, (width - AROUND_WIDTH) // TILE_WIDTH)
    return columns * max(1, (height - AROUND_HEIGHT) // TILE_HEIGHT)


def columns_of(count: int, width: int, height: int) -> int:
    """In how many columns so many pictures, three quarters as high as wide, are largest."""

    def size(columns: int) -> int:
        # A cell is twice as high as wide; the name takes a row, the gaps two columns.
        wide = (width - AROUND_WIDTH) // columns - 2
        high = (height - AROUND_HEIGHT) // -(-count // columns) - 1
        return min(3 * wide, 8 * high)

    return max(range(1, count + 1), key=size)


class GroupScreen(ModalScreen[Group | None]):
    """Shows `items`, all marked; gives those that are marked at the end with their answers."""

    PLACE: ClassVar[Place] = "group"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("group")]
    AUTO_FOCUS = ""

    def __init__(
        self,
        items: Sequence[LabelItem],
        questions: Questionnaire,
        keys: Mapping[str, Press],
        answers: Answers,
        cost: str,
    ) -> None:
        super().__init__()
        self._items, self._questions, self._keys, self._cost = items, questions, keys, cost
        self._answers = answers
        self._marked = {item.task_id for item in items}
        self._at = 0
        self._began = time.monotonic()

    def compose(self) -> ComposeResult:
        with Vertical(classes="group"):
            yield LiveText(id="cost")
            with Grid():
                for _ in self._items:
                    with Vertical(classes="tile"):
                        yield LiveText()
                        yield Picture()
            yield LiveText(id="given")
            yield LiveText(id="said")
            yield KeyBar("group", more=False)

    def on_mount(self) -> None:
        for item, picture in zip(self._items, self.query(Picture), strict=True):
            picture.show(item.path)
        self._show()

    def on_resize(self) -> None:
        self.query_one(Grid).styles.grid_size_columns = self._columns
        self._show()

    @property
    def _columns(self) -> int:
        return columns_of(len(self._items), self.size.width, self.size.height)

    def _show(self, said: str = "") -> None:
        head = f" {len(self._marked):,} of {len(self._items):,} marked   {self._cost}"
        self.query_one("#cost", LiveText).show([plain(head, "bold")])
        for number, tile in enumerate(self.query(".tile")):
            item = self._items[number]
            tick = "☑" if item.task_id in self._marked else "☐"
            tile.set_class(number == self._at, "chosen")
            tile.set_class(item.task_id not in self._marked, "out")
            room = (self.size.width - AROUND_WIDTH) // self._columns - 4
            tile.query_one(LiveText).show([plain(f"{tick} {shortened(item.tag, max(1, room))}")])
        asked = self._questions.visible(self._answers)
        width = max(1, self.size.width - AROUND_WIDTH)
        rows = rows_of(asked, self._answers, self._keys, width, key_of("label", "find"))
        self.query_one("#given", LiveText).show(rows)
        self.query_one("#said", LiveText).show([plain(f" {said}", "$text-warning")])
        self.query_one(KeyBar).refresh()

    # What the keys do

    def on_key(self, event: events.Key) -> None:
        """Give the answer that a key stands beside, for all that are marked."""
        press = self._keys.get(event.character or "")
        if press is None:
            return
        event.stop()
        event.prevent_default()
        question = self._questions[press.question]
        if press.answer is None:
            self._show("A number is given to one image at a time.")
        elif question not in self._questions.visible(self._answers):
            self._show(f"{question.title} is not asked here.")
        elif is_one_key(self._questions):
            self._answers = {question.name: (press.answer,)}
            self._show()
        else:
            self._answers = toggled(question, self._answers, press.answer)
            self._show()

    def action_act(self, name: str) -> None:
        act(self, name, self._show)

    def actions(self) -> dict[str, Action]:
        columns = self._columns
        moves = {"left": -1, "right": 1, "up": -columns, "down": columns}
        chosen = self._items[self._at].task_id in self._marked
        return {
            **{name: Action(partial(self._move, by)) for name, by in moves.items()},
            "mark": Action(self._mark, word="unmark" if chosen else "mark"),
            "submit": Action(self._submit),
            "close": Action(partial(self.dismiss, None)),
        }

    def _move(self, by: int) -> None:
        if 0 <= self._at + by < len(self._items):
            self._at += by
            self._show()

    def _mark(self) -> None:
        self._marked ^= {self._items[self._at].task_id}
        self._show()

    def _submit(self) -> None:
        marked = [item for item in self._items if item.task_id in self._marked]
        pictures = zip(self._items, self.query(Picture), strict=True)
        unseen = [item.tag for item, one in pictures if item in marked and not one.is_seen]
        problems = self._questions.problems(self._answers)
        if not marked:
            self._show("None is marked.")
        elif unseen:
            self._show(f"{unseen[0]} is not shown: {key_of('group', 'mark')} takes it out.")
        elif problems or not any(self._answers.values()):
            self._show([*problems, "There is no answer yet."][0])
        else:
            self.dismiss(Group(marked, self._answers, time.monotonic() - self._began))
