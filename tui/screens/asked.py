"""Why an image is asked for: the image, and the train image because of which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui.screens.dialogs import Dialog
from tui.words import lines, plain

if TYPE_CHECKING:
    from core.learning.round import Asked


def asked_dialog(asked: Asked, row: int) -> Dialog:
    """What is known of the image in row `row` of the plan."""
    parts: list[Content | str] = [
        plain(asked.tag, "bold"),
        plain(asked.path, "$muted"),
        f"number {row + 1:,}, score {asked.score:.4f}",
        "",
    ]
    if asked.train_tag is None:
        parts.append("This order asks no train image: the score alone says why.")
    else:
        parts.append(Content.assemble("It is like ", plain(asked.train_tag, "bold")))
        if asked.train_path is not None:
            parts.append(plain(asked.train_path, "$muted"))
        if asked.train_loss is not None:
            parts.append(f"which the model got wrong: its loss is {asked.train_loss:.4f}.")
        if asked.similarity is not None:
            parts.append(f"They are alike by {asked.similarity:.3f} (1 is the same direction).")
    return Dialog(f"Why {asked.tag}", lines(parts), copied=str(asked.path))
