"""Small windows over a section: a question, an error told whole, a link, a text to read."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from core.errors import LabelpilotError, redact
from tui.keys import Key, bindings
from tui.text import lines, plain
from tui.widgets.key_bar import KeyBar
from tui.widgets.lists import KeyedText

if TYPE_CHECKING:
    from tui.app import LabelpilotApp

# Lines of a traceback that are shown of a mistake of ours; the whole is in the journal.
TRACE_FRAMES = 6


class Dialog(ModalScreen[bool]):
    """A text in a window. `yes` is what enter does; with `no` set, it is a question."""

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
        text = self.fitted(self.query_one(KeyedText).content_region.width - 1)
        if text is not None:
            self.query_one(KeyedText).query_one(Static).update(text)

    def above(self) -> ComposeResult:
        """What stands above the text."""
        yield from ()

    def why_not(self, action: str) -> str | None:
        """Why a key does not apply."""
        if action == "reveal":
            return "There is no password here."
        if action == "copy" and not self._copied:
            return "There is nothing to copy."
        if action == "cancel" and not self._no:
            return "There is nothing to refuse."
        return None

    def face(self, key: Key) -> str:
        return {"accept": self._yes, "cancel": self._no}.get(key.action, key.short)

    def action_accept(self) -> None:
        self.dismiss(True)

    def action_cancel(self) -> None:
        self.dismiss(False)

    def action_copy(self) -> None:
        if self._copied:
            cast("LabelpilotApp", self.app).copy_out(self._copied)


class LinkDialog(Dialog):
    """The link to a page of Label Studio, and what to sign in there with, where we know it.

    The password is shown when it is asked for, and never copied to a file.
    """

    def __init__(self, url: str, opened: bool, account: tuple[str, str] | None) -> None:
        words = (
            "It was opened in your browser. If nothing came up, this is the link:"
            if opened
            else "Open this link in your browser (in most terminals: ctrl or cmd and a click):"
        )
        self._link = [plain(words), Content(""), plain(url, "bold $primary")]
        self._account = account
        self._shown = False
        super().__init__("Label in the browser", self._words(), copied=url)

    def _words(self) -> Content:
        if self._account is None:
            return lines(self._link)
        email, password = self._account
        shown = plain(password, "bold") if self._shown else plain("p shows it", "$muted")
        asked = [
            Content(""),
            plain("If it asks who you are:", "$muted"),
            plain(f"  e-mail    {email}"),
            Content.assemble("  password  ", shown),
        ]
        return lines([*self._link, *asked])

    def why_not(self, action: str) -> str | None:
        if action == "reveal" and self._account is not None:
            return None
        return super().why_not(action)

    def face(self, key: Key) -> str:
        if key.action == "reveal" and self._shown:
            return "hide password"
        return super().face(key)

    def action_reveal(self) -> None:
        if self._account is not None:
            self._shown = not self._shown
            self.query_one(KeyedText).query_one(Static).update(self._words())
            self.query_one(KeyBar).refresh()


def error_dialog(error: BaseException) -> Dialog:
    """The whole of an error: what, why, and what to do."""
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
        plain("This is a mistake in labelpilot, not yours. Copy it with c and report it."),
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
    if isinstance(error, LabelpilotError):
        return error.message
    return f"labelpilot made a mistake: {type(error).__name__}: {redact(str(error))}"
