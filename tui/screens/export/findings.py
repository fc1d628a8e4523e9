"""What an export would leave out or decide, each a line that can be opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from textual.content import Content
from textual.widgets.option_list import Option

from tui.text import count, plain, some
from tui.widgets.lists import KeyedList

if TYPE_CHECKING:
    from core.dataset.export import ExportResult

Kind = Literal["missing", "conflict", "unreadable", "unused"]
# Of each kind so many are listed; the details name all.
MOST = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of the list; `tag` is of which image people differ."""

    kind: Kind
    words: str
    tag: str = ""


def findings(result: ExportResult) -> list[Finding]:
    """What is to be looked at, the gravest first."""
    found: list[Finding] = []
    if missing := result.missing:
        words = f"Label Studio has {count(len(missing), 'annotation')} that the folder lacks"
        found.append(Finding("missing", words))
    for one in result.unreadable[:MOST]:
        found.append(Finding("unreadable", f"left out: {one.name}: {one.reason}"))
    for tag in list(result.conflicts)[:MOST]:
        found.append(Finding("conflict", f"labelers differ: {tag}", tag))
    if result.unused:
        found.append(Finding("unused", f"on no image: {some(result.unused, 6)}"))
    return found


class FindingsList(KeyedList):
    """The findings, with a cursor."""

    _found: Sequence[Finding] = ()

    def show(self, found: Sequence[Finding]) -> None:
        """Show other findings; the same again costs nothing."""
        if list(found) == list(self._found):
            return
        self._found = tuple(found)
        self.set_options([Option(_line(one)) for one in found])
        if found:
            self.highlighted = 0

    @property
    def chosen(self) -> Finding | None:
        """What the cursor is on."""
        at = self.highlighted
        return self._found[at] if at is not None and at < len(self._found) else None


def _line(one: Finding) -> Content:
    style = "$muted" if one.kind == "unused" else "$text-warning"
    sign = {"missing": "!", "unreadable": "✗", "conflict": "≠", "unused": "·"}[one.kind]
    return Content.assemble((f"{sign} ", style), plain(one.words))
