"""Why an image is asked for: the image, and the train image because of which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content

from tui.dialogs.dialog import Dialog
from tui.text import lines, plain
from tui.widgets.picture import Picture, can_show

if TYPE_CHECKING:
    from core.learning.planning import Asked
    from core.workspace.settings import Workspace


class AskedDialog(Dialog):
    """The image in row `row` of the plan beside the one it is like, with the figures below."""

    def __init__(self, asked: Asked, row: int, workspace: Workspace) -> None:
        self._asked = asked
        words = lines(_words(asked, row, workspace))
        super().__init__(f"Why {asked.tag}", words, copied=str(asked.path))

    def above(self) -> ComposeResult:
        if can_show():
            with Horizontal(id="pictures"):
                yield Picture(id="asked")
                yield Picture(id="train")

    def on_mount(self) -> None:
        if can_show():
            self.query_one("#asked", Picture).show(self._asked.path)
            self.query_one("#train", Picture).show(self._asked.train_path)


def _words(asked: Asked, row: int, workspace: Workspace) -> list[Content | str]:
    parts: list[Content | str] = [
        Content.assemble(
            plain(asked.tag, "bold"), f"  number {row + 1:,} of the plan, score {asked.score:.4f}"
        ),
        plain(workspace.relative(asked.path), "$muted"),
    ]
    if asked.train_tag is None:
        return [*parts, "This order asks no train image: the score alone says why."]
    alike = "" if asked.similarity is None else f" by {asked.similarity:.3f}"
    loss = "" if asked.train_loss is None else f", of loss {asked.train_loss:.4f}"
    parts.append(Content.assemble(f"alike{alike}: ", plain(asked.train_tag, "bold"), loss))
    if asked.train_path is not None:
        parts.append(plain(workspace.relative(asked.train_path), "$muted"))
    return parts
