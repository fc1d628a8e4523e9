"""Forms: one line a field, a hint below where there is something to say, enter accepts.

A form never writes anything by itself: `accept` of a subclass does, and a LabelpilotError it raises
is shown in the form, which stays open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Checkbox, Input, Static

from core.errors import ConfigurationError, LabelpilotError
from tui.actions import Action
from tui.keys import bindings
from tui.text import plain
from tui.widgets.key_bar import KeyBar

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that is asked. A yes or no has a bool as `value`; a `secret` shows no letters."""

    name: str
    label: str
    value: str | bool = ""
    placeholder: str = ""
    secret: bool = False
    suggester: Suggester | None = None


class Tick(Checkbox, inherit_bindings=False):
    """A yes or no; space changes it, since enter accepts the form."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "toggle_button", show=False)]

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]  # noqa: N802
        """What stands in the box. Beside "no" there is no cross, in whatever colour."""
        return "X" if self.value else " "

    def watch_value(self) -> None:
        super().watch_value()
        self.label = _tick_words(self.value)


class Rows(VerticalScroll, can_focus=False, inherit_bindings=False):
    """The fields below each other. Up and down stay the form's: they go to a field, also where
    this scrolls, which then follows."""


def _tick_words(value: bool) -> Content:
    return plain("yes" if value else "no (space changes it)", "$muted")


class Form(ModalScreen[Answer], Generic[Answer]):
    """A window with fields."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("form")]
    AUTO_FOCUS = "Input"

    def __init__(
        self, title: str, fields: Sequence[Field], text: str = "", accept: str = "save"
    ) -> None:
        super().__init__()
        self._title = title
        self._fields = fields
        self._text = text
        self._accept = accept

    def compose(self) -> ComposeResult:
        with Vertical(classes="window form"):
            yield Static(plain(self._title), classes="title")
            if self._text:
                yield Static(plain(self._text), classes="words")
            problem = Static(classes="problem")
            problem.display = False
            yield problem
            with Rows():
                for field in self._fields:
                    yield from self._row(field)
            yield KeyBar("form", more=False)

    def _row(self, field: Field) -> ComposeResult:
        with Horizontal(id=f"row-{field.name}", classes="row"):
            yield Static(plain(field.label), classes="label")
            if isinstance(field.value, bool):
                yield Tick(_tick_words(field.value), field.value, id=field.name, compact=True)
            else:
                yield Input(
                    field.value,
                    placeholder=field.placeholder,
                    password=field.secret,
                    suggester=field.suggester,
                    id=field.name,
                    compact=True,
                    select_on_focus=False,
                )
        hint = Static(id=f"hint-{field.name}", classes="hint")
        hint.display = False
        yield hint

    def hint(self, name: str, text: Content) -> None:
        """Say something below a field; empty says nothing."""
        hint = self.query_one(f"#hint-{name}", Static)
        hint.update(text)
        hint.display = bool(text)

    @property
    def values(self) -> dict[str, str | bool]:
        """What stands in the fields now, without the white space around it."""
        found: dict[str, str | bool] = {}
        for field in self._fields:
            if isinstance(field.value, bool):
                found[field.name] = self.query_one(f"#{field.name}", Tick).value
            else:
                found[field.name] = self.query_one(f"#{field.name}", Input).value.strip()
        return found

    def text(self, name: str) -> str:
        return str(self.values[name])

    def accept(self, values: Mapping[str, str | bool]) -> Answer:
        """Do what the form is for. Raises LabelpilotError, which the form then shows."""
        raise NotImplementedError

    def actions(self) -> dict[str, Action]:
        return {
            "accept": Action(self.action_accept, word=self._accept),
            "cancel": Action(self.action_cancel),
        }

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_accept()

    def action_accept(self) -> None:
        try:
            answer = self.accept(self.values)
        except LabelpilotError as error:
            problem = self.query_one(".problem", Static)
            problem.update(plain(str(error)))
            problem.display = True
            return
        self.dismiss(answer)

    def action_cancel(self) -> None:
        self.dismiss(None)


def whole_number(text: str, what: str) -> int:
    """The number in a field. Raises ConfigurationError."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise ConfigurationError(f"{what} must be a whole number, 1 or more; not {text!r}.")
    return number
