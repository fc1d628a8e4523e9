"""Small windows over a section: a question, an error told whole, a text to read."""

from __future__ import annotations

import traceback
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from core.errors import LabelpilotError
from core.files import explained
from core.masking import redact
from tui.actions import Action, act
from tui.host import host_of
from tui.keys import Place, bindings, key_of
from tui.text import lines, plain
from tui.widgets.key_bar import KeyBar
from tui.widgets.lists import KeyedText

# Lines of a traceback that are shown of a mistake of ours; the whole is in the journal.
TRACE_FRAMES = 6


class Dialog(ModalScreen[bool]):
    """A text in a window. `yes` is what enter does; with `no` set, it is a question."""

    PLACE: ClassVar[Place] = "dialog"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("dialog")]
    AUTO_FOCUS = "KeyedText"

    def __init__(
        self, title: str, text: Content, *, yes: str = "close", no: str = "", copied: str = ""
    ) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._yes = yes
        self._no = no
        self._copied = copied

    def compose(self) -> ComposeResult:
        with Vertical(classes="window"):
            yield Static(plain(self._title), classes="title")
            yield from self.above()
            with KeyedText():
                yield Static(self._text)
            yield KeyBar("dialog", more=False)

    def fitted(self, width: int) -> Content | None:
        """The text laid out for lines of `width` cells; None where it is the same in any."""
        return None

    def on_resize(self) -> None:
        # Nothing is there yet where the size changes while it opens.
        for body in self.query(KeyedText):
            text = self.fitted(body.content_region.width - 1)
            if text is not None:
                body.query_one(Static).update(text)

    def above(self) -> ComposeResult:
        """What stands above the text."""
        yield from ()

    def actions(self) -> dict[str, Action]:
        """What each key does; what does not apply is not there."""
        actions = {
            "accept": Action(partial(self.dismiss, True), word=self._yes),
            "cancel": Action(partial(self.dismiss, False), word=self._no or self._yes),
        }
        if self._copied:
            actions["copy"] = Action(partial(host_of(self).copy_out, self._copied))
        return actions

    def action_act(self, name: str) -> None:
        act(self, name, host_of(self).say)


def error_dialog(error: BaseException) -> Dialog:
    """The whole of an error: what, why, and what to do."""
    error = explained(error)
    if isinstance(error, LabelpilotError):
        parts = [plain(error.message, "bold")]
        if error.cause:
            parts += [Content(""), plain(error.cause)]
        if error.next_step:
            parts += [Content(""), Content.styled("What to do", "$primary")]
            parts += [plain(error.next_step)]
        return Dialog("That did not work", lines(parts), copied=redact(str(error)))
    trace = mistake(error)
    parts = [
        plain(f"{type(error).__name__}: {redact(str(error))}", "bold"),
        Content(""),
        plain(
            "This is a mistake in labelpilot, not yours. "
            f"Copy it with {key_of('dialog', 'copy')} and report it."
        ),
        Content(""),
        plain(trace, "$muted"),
    ]
    return Dialog("labelpilot made a mistake", lines(parts), copied=trace)


def mistake(error: BaseException) -> str:
    """The end of a traceback, without the values of variables."""
    frames = traceback.extract_tb(error.__traceback__)[-TRACE_FRAMES:]
    places = [f"{frame.filename}, line {frame.lineno}, in {frame.name}" for frame in frames]
    return redact("\n".join([*places, f"{type(error).__name__}: {error}"]))


def sentence(error: BaseException) -> str:
    """One sentence for a toast."""
    error = explained(error)
    if isinstance(error, LabelpilotError):
        return error.message
    return f"labelpilot made a mistake: {type(error).__name__}: {redact(str(error))}"
