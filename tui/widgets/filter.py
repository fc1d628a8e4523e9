"""A field at the bottom that keeps the lines holding a text; escape takes it away again."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


class Filter(Input):
    """Hidden until it is opened. Posts `Changed` (Textual's) as one types, `Closed` at the end."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear", show=False),
        Binding("enter,down", "keep", show=False),
    ]

    class Closed(Message):
        """The list has the keys again."""

    def __init__(self) -> None:
        super().__init__(
            placeholder="what to look for (enter keeps it, esc shows all)", compact=True
        )
        self.display = False

    @property
    def needle(self) -> str:
        """What lines must hold, in lower case; empty keeps all."""
        return self.value.strip().lower()

    def open(self) -> None:
        """Show the field, and let it have the keys."""
        self.display = True
        self.focus()

    def action_clear(self) -> None:
        self.value = ""
        self.display = False
        self.post_message(self.Closed())

    def action_keep(self) -> None:
        self.display = bool(self.needle)
        self.post_message(self.Closed())
