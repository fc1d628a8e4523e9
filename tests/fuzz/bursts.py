"""Types into every form at once and slowly, and tells where the two do not end alike.

    uv run python tests/fuzz/bursts.py --sequences 1000 --seed 1

At once: all keys in one piece, as a slow line delivers them. Slowly: each when all that the one
before asked for is done. A sequence is of tabs, letters, spaces, backspaces and enters, and of the
key that opens the form again; alike means the same fields, the same focus, and the same answers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
# What is painted between two looks is painted once: it is what takes the time.
os.environ["TEXTUAL_FPS"] = "4"

from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Input
from textual.worker import WorkerCancelled

from tests.app.doubles import FakeBackend
from tests.app.toys import make_workspace
from tests.fuzz.events import NAMED
from tui import turns
from tui.app import LabelpilotApp
from tui.dialogs.form import Form, Tick
from tui.driver import InputParser
from tui.screens.learning.sharing import ShareForm
from tui.screens.setup.new_workspace import NewWorkspaceForm
from tui.screens.setup.settings import SettingsForm
from tui.screens.setup.token import FileForm, KeyringForm, TokenForm

Make = Callable[[FakeBackend], Form[Any]]
# Form -> how it is made on a workspace.
FORMS: dict[str, Make] = {
    "new workspace": lambda backend: NewWorkspaceForm(backend.workspace.root, backend),
    "settings": lambda backend: SettingsForm(backend.workspace.root, backend.workspace, backend),
    "share": lambda backend: ShareForm(""),
    "token": lambda backend: TokenForm(),
    "keyring": lambda backend: KeyringForm(new=True),
    "file": lambda backend: FileForm(lambda: None),
}
OPENS = "o"
# What holds keys for a moment holds them as long as it takes: it is not the machine that is tried.
turns.HELD_SECONDS = turns.REST_SECONDS = 60.0
KEYS = [*["\t"] * 6, NAMED["shift+tab"], *"abyes/", " ", *["\x7f"] * 3, "\r", NAMED["up"], OPENS]
MOST_KEYS = 14
# So many turns, of some milliseconds where keys are held, last longer than any hold.
TURNS, QUIET_TURNS = 40_000, 10


class Base(Screen[None]):
    """What is below the form: nothing but the key that opens it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding(OPENS, "app.open")]


class OneForm(LabelpilotApp):
    """The app with a form for all its screens."""

    CSS_PATH = str(Path(__file__).resolve().parents[2] / "screens.css")
    MODES: ClassVar[dict[str, Any]] = {"setup": Base}

    def __init__(self, make: Make, backend: FakeBackend) -> None:
        super().__init__(backend.workspace.root, backend, poll_seconds=0)
        self._make = partial(make, backend)
        self.answers: list[object] = []

    def _begin(self) -> None:
        """Nothing is looked at."""

    def action_open(self) -> None:
        self.push_screen(self._make(), self.answers.append)


class Hand:
    """Types into the form of an app."""

    def __init__(self, app: OneForm) -> None:
        self._app = app

    async def type(self, keys: list[str], *, at_once: bool) -> object:
        """Open the form, type, and tell how it ends; the app is as before then."""
        self._app.answers.clear()
        for piece in ["".join([OPENS, *keys])] if at_once else [OPENS, *keys]:
            self._send(piece)
            await self._quiet()
        return await self._end()

    def _send(self, text: str) -> None:
        assert self._app._driver is not None
        for message in InputParser().feed(text):
            self._app._driver.process_message(message)

    async def _quiet(self) -> None:
        """Wait until all is taken in, and nothing is found or counted any more."""
        quiet = 0
        for _ in range(TURNS):
            await asyncio.sleep(0)
            parts = [self._app, *self._app.screen.walk_children(with_self=True)]
            if any(part.message_queue_size for part in parts):
                quiet = 0
            elif getattr(self._app.screen, "holds_keys", False):
                await asyncio.sleep(0.002)
            else:
                # What is sent is on its way to the app for some turns, and in no queue.
                quiet += 1
                if quiet == QUIET_TURNS:
                    return
        raise AssertionError("the form does not come to rest")

    async def _end(self) -> object:
        screen = self._app.screen
        fields: list[object] = []
        if isinstance(screen, NewWorkspaceForm):
            # What a pause after the last letter would bring.
            screen._count_images()
            counted = False
            while not counted:
                # One that made way for a newer one of its kind is no mishap; that is waited for.
                with contextlib.suppress(WorkerCancelled):
                    await self._app.workers.wait_for_complete()
                    counted = True
            await self._quiet()
        if isinstance(screen, Form):
            fields = [(one.id, one.value) for one in screen.query(Input)]
            fields += [(one.id, one.value) for one in screen.query(Tick)]
            fields.append(screen.focused and screen.focused.id)
            screen.dismiss(None)
        answers = [str(answer) for answer in self._app.answers]
        await self._quiet()
        return answers, fields


def workspace(folder: Path, name: str) -> FakeBackend:
    """A workspace with what the forms name; for a new one, without its file."""
    backend = FakeBackend(make_workspace(folder / "toys"))
    for number, label in enumerate(("a", "b")):
        (folder / "toys/data/images" / label).mkdir()
        (folder / "toys/data/images" / label / f"{number}.png").touch()
    if name == "new workspace":
        shutil.rmtree(folder / "toys/labeling")
    return backend


async def differences(name: str, sequences: list[list[str]], folder: Path) -> list[str]:
    """The sequences that do not end alike in the form, each with its two ends."""
    found, ends = [], []
    for at_once in (True, False):
        backend = workspace(folder / str(at_once) / name, name)
        file, config = backend.workspace.file, backend.workspace.root / "labeling"
        before = file.read_bytes()
        app = OneForm(FORMS[name], backend)
        async with app.run_test(size=(60, 20)):
            hand, told = Hand(app), []
            for keys in sequences:
                file.write_bytes(before)
                if name == "new workspace":
                    file.unlink()
                    shutil.rmtree(config, ignore_errors=True)
                end = await hand.type(keys, at_once=at_once)
                # The two lie in folders of their own.
                told.append(str((end, file.exists() and file.read_text())))
        ends.append([one.replace(str(folder / str(at_once)), "") for one in told])
    for keys, at_once_end, slow_end in zip(sequences, *ends, strict=True):
        if at_once_end != slow_end:
            found.append(f"{name}: {keys}\n  at once {at_once_end}\n  slowly  {slow_end}")
    return found


def sequences(seed: str, count: int) -> list[list[str]]:
    dice = random.Random(seed)
    return [dice.choices(KEYS, k=dice.randint(2, MOST_KEYS)) for _ in range(count)]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sequences", type=int, default=1000)
    options.add_argument("--seed", default="1")
    options.add_argument("--form", choices=FORMS, action="append")
    given = options.parse_args()
    total = 0
    for name in given.form or FORMS:
        with tempfile.TemporaryDirectory(prefix="bursts-") as folder:
            os.environ["XDG_CONFIG_HOME"] = os.environ["LABELPILOT_TRUST"] = folder
            typed = sequences(f"{given.seed} {name}", given.sequences)
            found = asyncio.run(differences(name, typed, Path(folder)))
        total += len(found)
        print(f"{name}: {len(found)} of {given.sequences:,} sequences do not end alike", flush=True)
        print("".join(f"{one}\n" for one in found[:3]), end="")
    return bool(total)


if __name__ == "__main__":
    sys.exit(main())
