"""Labels that are likely wrong, for somebody to look at: a table, and beside it the image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from tui.actions import Action
from tui.dialogs.dialog import Dialog
from tui.dialogs.table import Column, TableDialog, more_words
from tui.text import count, plain

if TYPE_CHECKING:
    from core.learning.measuring.suspects import Suspect

TITLE = "Suspected label errors"
COLUMNS = (Column("image"), Column("loss", 6, right=True), Column("label", 16), Column("doubted"))


class SuspectsDialog(TableDialog):
    """The list; gives whether its labels are to be looked at again. `files` is tag -> image file,
    as far as that is known."""

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

    def actions(self) -> dict[str, Action]:
        return {
            **super().actions(),
            "again": Action(partial(self.dismiss, True)),
            "accept": Action(partial(self.dismiss, False), word="close"),
        }


def suspects_dialog(found: Sequence[Suspect], files: Mapping[str, Path]) -> Dialog:
    """The list, the highest loss first."""
    if found:
        return SuspectsDialog(found, files)
    return Dialog(TITLE, plain("No label is contradicted by all of its neighbours."))


def _row(one: Suspect) -> tuple[str, ...]:
    doubted = [f"{'not' if doubt.present else 'also'} {doubt.name}?" for doubt in one.doubts]
    return (one.tag, f"{one.loss:.2f}", _classes(one), ", ".join(doubted) or _neighbours(one))


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
