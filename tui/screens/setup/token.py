"""Where a token is to go, asked before it is typed, where there is no keyring; and the token.

None of the choices is taken silently, and what is typed never shows. Whatever waits for a keyring
does so in a thread of its own, never on the screen's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from core.errors import ConfigurationError
from tui.actions import Action, act
from tui.asking import ask
from tui.dialogs.dialog import Dialog, error_dialog
from tui.dialogs.form import Answer, Field, Form
from tui.host import host_of
from tui.keys import Place, bindings, key_of
from tui.text import lines, plain
from tui.widgets.key_bar import KeyBar
from tui.widgets.lists import KeyedList

if TYPE_CHECKING:
    from core.workspace.settings import Workspace
    from tui.screens.section import Section

Choice = Literal["keyring", "variable", "session", "file"]
TITLES: dict[Choice, tuple[str, str]] = {
    "keyring": (
        "Start a keyring here",
        "Encrypted on disk; its password is asked once each time.",
    ),
    "variable": ("Set an environment variable", "You keep the token; the next page says how."),
    "session": ("Keep it for this session", "Asked for again when labelpilot is started again."),
    "file": ("Keep it in a file", "Only you can read it, but it is not encrypted."),
}


class KeyringChoice(ModalScreen[Choice]):
    """Asks where a token is to go. `hindrance` says why no keyring can be started, if so."""

    PLACE: ClassVar[Place] = "dialog"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("dialog")]
    AUTO_FOCUS = "KeyedList"

    def __init__(self, choices: tuple[Choice, ...], hindrance: str) -> None:
        super().__init__()
        self._choices = choices
        self._hindrance = hindrance

    def compose(self) -> ComposeResult:
        with Vertical(classes="window"):
            yield Static(plain("There is no system keyring here"), classes="title")
            yield Static(plain("Where is the token to go?"), classes="words")
            yield KeyedList(id="choices")
            yield KeyBar("dialog", more=False)

    def on_mount(self) -> None:
        options = self.query_one("#choices", KeyedList)
        for choice in self._choices:
            title, text = TITLES[choice]
            is_off = choice == "keyring" and bool(self._hindrance)
            about = plain(self._hindrance if is_off else text, "$muted")
            options.add_option(Option(lines([plain(title), about]), id=choice, disabled=is_off))
        options.highlighted = next(
            index for index, option in enumerate(options.options) if not option.disabled
        )

    def actions(self) -> dict[str, Action]:
        return {
            "accept": Action(self._choose, word="choose"),
            "cancel": Action(partial(self.dismiss, None), word="cancel"),
        }

    def action_act(self, name: str) -> None:
        act(self, name, host_of(self).say)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._choose()

    def _choose(self) -> None:
        index = self.query_one("#choices", KeyedList).highlighted
        if index is not None:
            self.dismiss(self._choices[index])


class KeyringForm(Form[str]):
    """Asks for a keyring's password, twice where the keyring is new; its letters never show."""

    def __init__(self, *, new: bool) -> None:
        fields = [Field("password", "Password", secret=True)]
        text = "The keyring's password. It is asked once each time labelpilot is started."
        if new:
            fields.append(Field("again", "Once more", secret=True))
            text = (
                "A password for a new keyring. It is asked once each time labelpilot is started, "
                "and cannot be brought back if it is forgotten."
            )
        super().__init__("Start a keyring", fields, text, accept="start it")

    def accept(self, values: Mapping[str, str | bool]) -> str:
        password = str(values["password"])
        if not password:
            raise ConfigurationError("A keyring needs a password.")
        if values.get("again", password) != password:
            raise ConfigurationError("The two passwords are not the same.")
        return password


class FileForm(Form[bool]):
    """Asks for a typed yes before secrets go to a file."""

    def __init__(self, agree: Callable[[], object]) -> None:
        text = (
            "The token, and what else this workspace keeps secret, would lie in a file that only "
            "you can read. It is not encrypted: whoever becomes you, or root, can read it. Type "
            "yes to agree."
        )
        super().__init__("Keep it in a file", [Field("yes", "Agreed")], text, accept="keep it so")
        self._agree = agree

    def accept(self, values: Mapping[str, str | bool]) -> bool:
        if str(values["yes"]).lower() != "yes":
            raise ConfigurationError("Nothing was changed: it takes a yes, in full.")
        self._agree()
        return True


class TokenForm(Form[str]):
    """Asks for a token; its letters never show."""

    def __init__(self) -> None:
        text = (
            "In Label Studio: Account & Settings, Personal Access Token (or Legacy Token). It is "
            "tried first, and kept only if it works."
        )
        super().__init__("Token", [Field("token", "Token", secret=True)], text, accept="try it")

    def accept(self, values: Mapping[str, str | bool]) -> str:
        from core.secrets.credentials import clean_token

        return clean_token(str(values["token"]))


class TokenFlow:
    """From the key to the token: looks whether there is a keyring, asks where the token is to go
    where there is none, then for the token itself, where it is not made by labelpilot.

    `give` gets the token that was typed; `make` has our own server make one; `refresh` has
    everything checked again.
    """

    def __init__(
        self,
        section: Section,
        workspace: Workspace,
        give: Callable[[str | None], None],
        make: Callable[[], None],
        refresh: Callable[[], None],
    ) -> None:
        self._section = section
        self._app = section.app
        self._workspace = workspace
        self._give = give
        self._make = make
        self._refresh = refresh

    def begin(self) -> None:
        """Look, and ask what has to be asked."""
        self._ask(
            lambda: (
                self._section.backend.needs_choice(self._workspace),
                self._section.backend.why_not_start(),
            ),
            self._ask_where,
        )

    def _ask_where(self, found: tuple[bool, str]) -> None:
        needed, hindrance = found
        if not needed:
            self._ask_token()
            return
        choices: tuple[Choice, ...] = ("keyring", "variable", "session", "file")
        if self._workspace.owns_server:
            # Its credentials are made by labelpilot, and needed at its next start too.
            choices = ("keyring", "variable", "file")
        self._app.push_screen(KeyringChoice(choices, hindrance), self._chosen)

    def _chosen(self, choice: Choice | None) -> None:
        if choice == "keyring":
            form = KeyringForm(new=self._section.backend.is_new_keyring())
            self._app.push_screen(form, self._start)
        elif choice == "variable":
            from core.secrets.credentials import variable_advice

            advice = variable_advice(os.environ)
            text = lines([plain(advice), Content(""), plain("labelpilot then finds it by itself.")])
            self._app.push_screen(Dialog("An environment variable", text, copied=advice))
        elif choice == "session":
            self._ask_token()
        elif choice == "file":
            agree = partial(self._section.backend.agree_to_file, self._workspace)
            self._app.push_screen(FileForm(agree), self._agreed)

    def _start(self, password: str | None) -> None:
        if password is None:
            return
        self._section.host.say("Starting the keyring …")
        self._ask(lambda: self._started(password), self._found)

    def _started(self, password: str) -> str | None:
        self._section.backend.start_keyring(password)
        return self._section.backend.token_source(self._workspace)

    def _found(self, source: str | None) -> None:
        if source is None:
            self._ask_token()
        else:
            self._section.host.say("The keyring is open, and holds the token.")
            self._refresh()

    def _agreed(self, agreed: bool | None) -> None:
        if agreed and self._workspace.owns_server:
            do_all = key_of("setup", "do_all")
            text = f"Agreed. With {do_all}, a new password and a new token are made."
            self._section.host.say(text)
            self._refresh()
        elif agreed:
            self._ask_token()

    def _ask_token(self) -> None:
        if self._workspace.owns_server:
            self._make()
        else:
            self._app.push_screen(TokenForm(), self._give)

    def _ask(self, question: Callable[[], Answer], tell: Callable[[Answer], object]) -> None:
        ask(
            self._section,
            "token",
            question,
            tell,
            lambda error: self._app.push_screen(error_dialog(error)),
        )
