"""Labels that are likely wrong, for somebody to look at: a table, and beside it the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import BindingType
from textual.content import Content

from tui.actions import Action
from tui.dialogs.dialog import Dialog
from tui.dialogs.link import show_suspects_link
from tui.dialogs.table import Column, TableDialog, more_words
from tui.keys import Place, bindings
from tui.text import count, plain
from tui.widgets.key_bar import KeyBar
from tui.widgets.lists import KeyedTable

if TYPE_CHECKING:
    from core.learning.measuring.suspects import Suspect

TITLE = "Suspected label errors"
MARK = "✓"
COLUMNS = (
    Column("", len(MARK)),
    Column("image"),
    Column("loss", 6, right=True),
    Column("label", 16),
    Column("doubted"),
)


class SuspectsDialog(TableDialog):
    """The list, in which some can be marked; gives whether labels are `wanted` to be looked at
    again. `files` is tag -> image file, as far as that is known."""

    PLACE: ClassVar[Place] = "suspects"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("suspects")]

    def __init__(self, found: Sequence[Suspect], files: Mapping[str, Path]) -> None:
        verb = "is" if len(found) == 1 else "are"
        words = f"{count(len(found), 'label')} {verb} likely wrong.{more_words(len(found))}"
        words += " Only the image can tell: a rare kind looks the same here."
        super().__init__(
            TITLE,
            words,
            COLUMNS,
            [_row(one) for one in found],
            lambda row: _about(found[row]),
            lambda row: files.get(found[row].tag),
            copied="\n".join(one.tag for one in found),
        )
        self._found = found
        self._marked: set[int] = set()

    @property
    def wanted(self) -> Sequence[Suspect]:
        """Those that are marked; all where none is."""
        return [self._found[row] for row in sorted(self._marked)] or self._found

    def actions(self) -> dict[str, Action]:
        marked = len(self._marked)
        word = "unmark" if self.chosen in self._marked else "mark"
        return {
            **super().actions(),
            "mark": Action(self._mark, word=word),
            "again": Action(
                partial(self.dismiss, True), word=f"label {marked:,} again" if marked else ""
            ),
            "publish": Action(
                lambda: show_suspects_link(self, self.wanted),
                word=f"{marked:,} as a tab" if marked else "",
            ),
            "accept": Action(partial(self.dismiss, False)),
            "cancel": Action(partial(self.dismiss, False)),
        }

    def _mark(self) -> None:
        """Mark the row under the cursor, or not, and go on to the next."""
        if (row := self.chosen) is not None:
            self._marked ^= {row}
            self.change(row, _row(self._found[row], MARK if row in self._marked else ""))
            self.query_one(KeyedTable).move_cursor(row=row + 1)
            self.query_one(KeyBar).refresh()

    def show_row(self) -> None:
        super().show_row()
        self.query_one(KeyBar).refresh()


def suspects_dialog(found: Sequence[Suspect], files: Mapping[str, Path]) -> Dialog:
    """The list, the highest loss first."""
    if found:
        return SuspectsDialog(found, files)
    return Dialog(TITLE, plain("No label is likely wrong: none has all its neighbours against it."))


def _row(one: Suspect, mark: str = "") -> tuple[str, ...]:
    doubted = [f"{'not' if doubt.present else 'also'} {doubt.name}?" for doubt in one.doubts]
    return (mark, one.tag, f"{one.loss:.2f}", _classes(one), ", ".join(doubted) or _neighbours(one))


def _classes(one: Suspect) -> str:
    return ", ".join(one.classes) or "no class"


def _neighbours(one: Suspect) -> str:
    """What the images that look most like it say of their own label."""
    said = [f"all say {', '.join(one.expected)}"] if one.expected else []
    said += [f"none says {', '.join(one.unsupported)}"] if one.unsupported else []
    return "; ".join(said)


def _about(one: Suspect) -> list[Content | str]:
    parts: list[Content | str] = [
        plain(one.tag, "bold"),
        Content.assemble(("labeled  ", "$muted"), plain(_classes(one))),
    ]
    for doubt in one.doubts:
        sure = "" if doubt.probability is None else f" ({100 * doubt.probability:.0f} % likely)"
        doubted = f"{'not' if doubt.present else 'also'} {doubt.name}?{sure}"
        parts.append(Content.assemble(("doubted  ", "$muted"), plain(doubted, "$text-warning")))
    if said := _neighbours(one):
        parts.append(Content.assemble(("alike    ", "$muted"), plain(said)))
    return parts
