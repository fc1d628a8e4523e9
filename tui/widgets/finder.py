"""A field at the bottom in which a part of an answer's words is typed, or a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

if TYPE_CHECKING:
    from core.labeling.questionnaire import Question


class Finder(Input):
    """Hidden until it is opened. `at` is the number of the answer that enter chooses."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("enter", "choose", show=False),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
    ]

    class Moved(Message):
        """Another answer is marked, or others are found."""

    class Closed(Message):
        """The answers have the keys again."""

    class Chosen(Message):
        """Enter was pressed; with the `question` of which a number was typed."""

        def __init__(self, question: str | None, value: str) -> None:
            super().__init__()
            self.question = question
            self.value = value

    def __init__(self) -> None:
        super().__init__(compact=True)
        self.display = False
        self.at = 0
        self._question: str | None = None

    @property
    def is_finding(self) -> bool:
        """Whether a part of an answer's words is being typed."""
        return bool(self.display) and self._question is None

    def open(self) -> None:
        """Let a part of an answer's words be typed."""
        self._open(None, "a part of the answer's words: enter takes the marked one, esc leaves")

    def open_number(self, question: Question) -> None:
        """Let a number be typed."""
        self._open(question.name, f"{question.title}: a number, and enter")

    def _open(self, question: str | None, placeholder: str) -> None:
        self._question, self.placeholder, self.at = question, placeholder, 0
        self.value = ""
        self.display = True
        self.focus()

    def close(self) -> None:
        """Take the field away."""
        self.display = False
        self.value = ""
        self.post_message(self.Closed())

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.at = 0
        if self.is_finding:
            self.post_message(self.Moved())

    def action_move(self, by: int) -> None:
        self.at = max(0, self.at + by)
        self.post_message(self.Moved())

    def action_choose(self) -> None:
        self.post_message(self.Chosen(self._question, self.value))

    def action_leave(self) -> None:
        self.close()
