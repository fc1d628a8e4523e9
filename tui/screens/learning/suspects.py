"""Labels that are likely wrong, for somebody to look at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from textual.content import Content

from tui.actions import Action
from tui.dialogs.dialog import Dialog
from tui.text import count, lines, plain

if TYPE_CHECKING:
    from core.learning.measuring.suspects import Suspect

MOST_SHOWN = 500
TAG_WIDTH = 22
LOSS_WIDTH = 8


class SuspectsDialog(Dialog):
    """The list; gives whether its labels are to be looked at again."""

    def actions(self) -> dict[str, Action]:
        return {
            **super().actions(),
            "again": Action(partial(self.dismiss, True)),
            "accept": Action(partial(self.dismiss, False), word="close"),
        }


def suspects_dialog(found: Sequence[Suspect]) -> Dialog:
    """The list, the highest loss first."""
    if not found:
        text = "No label is contradicted by all of its neighbours."
        return Dialog("Suspected label errors", plain(text))
    verb = "is" if len(found) == 1 else "are"
    head = f"{'image':{TAG_WIDTH}}{'loss':>{LOSS_WIDTH}}  label, and what its neighbours say"
    parts: list[Content | str] = [
        plain(f"{count(len(found), 'label')} {verb} likely wrong.", "bold"),
        plain("Which class is doubted, as too many or lacking, and what neighbours say.", "$muted"),
        "",
        plain(head, "$muted"),
    ]
    parts += [_row(one) for one in found[:MOST_SHOWN]]
    if len(found) > MOST_SHOWN:
        parts.append(plain(f"and {len(found) - MOST_SHOWN:,} more", "$muted"))
    parts += ["", plain("Only the image can tell: a rare kind looks the same here.", "$muted")]
    copied = "\n".join(one.tag for one in found)
    return SuspectsDialog("Suspected label errors", lines(parts), copied=copied)


def _row(one: Suspect) -> Content:
    tag = plain(one.tag).truncate(TAG_WIDTH - 1, ellipsis=True, pad=True)
    return Content.assemble(tag, f" {one.loss:>{LOSS_WIDTH}.2f}  ", plain(one.summary))
