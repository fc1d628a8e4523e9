"""The world of the app that is fuzzed: real files, a server that is played, and all that can change
in both while somebody looks."""

from __future__ import annotations

import json
import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.dataset.conflicts import Answer, Conflict
from core.learning.measuring.suspects import Suspect
from core.progress import Work
from core.setup.steps import STEPS
from core.studio.server import ServerStatus
from core.workspace.settings import Workspace
from tests.app.doubles import FakeBackend, refusal
from tests.app.toys import WEIRD, annotation, make_workspace
from tests.fuzz.labeling import again, help_for, labeled_in

# What fails when the server refuses, or when there is a mistake of ours.
FAILING = (
    "set_up", "stop_server", "rewrite", "store_token", "sync", "plan_repair", "repair",
    "plan_tidy", "tidy", "publish", "replay", "versions", "label_page", "settle",
    "label_session", "label_again", "help_labeling",
    *(f"apply {step.id}" for step in STEPS),
)  # fmt: skip


class FuzzedBackend(FakeBackend):
    """The double, with a part for everything that would start another program."""

    def start_server(self, workspace: Workspace) -> Work[ServerStatus]:
        yield from self.work("server", 2)
        self.running = True
        return self.status(workspace)

    def suspects(self, workspace: Workspace) -> Work[list[Suspect]]:
        yield from self.work("suspects", 2)
        return [Suspect(WEIRD, 4.0, ("dog",), ("dog",), ("[/red]",))] * (self.tasks % 5)

    def why_not_start(self) -> str:
        return "" if self.tasks else "There is [no] keyring."

    def is_new_keyring(self) -> bool:
        return bool(self.doubled)

    def start_keyring(self, password: str) -> None:
        self.no_keyring = False


class World:
    """A workspace in `folder`, and what can change in it, by name."""

    def __init__(self, folder: Path, dice: random.Random) -> None:
        self.root = folder / "deep" / "down" / "toys"
        self.backend = FuzzedBackend(make_workspace(self.root, annotated=dice.randrange(12)))
        self._dice = dice
        images = [self.root / "data/images" / name for name in (WEIRD, "img_000.png")]
        self._session = labeled_in(folder / "photos", images, dice)
        self.backend.session = self._session
        self._second()
        self._file = self.root / "labelpilot.toml"
        self._settings = self._file.read_bytes()
        self.changes: dict[str, Callable[[], Any]] = {
            "everything": self.backend.everything,
            "nothing": self._nothing,
            "hold": self._hold,
            "go on": self.go_on,
            "fail": self._fail,
            "work": self.backend.fail.clear,
            "doubled": lambda: setattr(self.backend, "doubled", self._dice.randrange(3)),
            "trouble": lambda: setattr(self.backend, "trouble", f"retry [b] {WEIRD}"),
            "lacking": lambda: setattr(self.backend, "lacking", (4, 5)),
            "no keyring": lambda: setattr(self.backend, "no_keyring", True),
            "no file": lambda: self._file.unlink(missing_ok=True),
            "broken file": lambda: self._file.write_bytes(b"[images]\npath = \xff"),
            "file again": lambda: self._file.write_bytes(self._settings),
            "no images": lambda: shutil.rmtree(self.root / "data/images", ignore_errors=True),
            "odd annotation": self._annotate,
            "versions": self._publish,
            "differ": self._differ,
            "help": lambda: setattr(self.backend, "help", help_for(self._session, self._dice)),
            "second opinions": self._second,
            "not taken": self._session.refuse,
        }
        if dice.random() < 0.7:
            self.backend.everything()

    def change(self, name: str) -> None:
        self.changes[name]()

    def go_on(self) -> None:
        """Let what is held go on."""
        if self.backend.hold is not None:
            self.backend.hold.set()

    def _hold(self) -> None:
        if self.backend.hold is None or self.backend.hold.is_set():
            self.backend.hold = threading.Event()

    def _nothing(self) -> None:
        self.backend.running, self.backend.token, self.backend.tasks = False, None, 0
        self.backend.done.clear()

    def _fail(self) -> None:
        error = self._dice.choice([refusal(), ValueError("[odd] \x1b[31m mistake"), OSError(28)])
        self.backend.fail[self._dice.choice(FAILING)] = error

    def _annotate(self) -> None:
        folder = self.root / "data/annotations"
        folder.mkdir(parents=True, exist_ok=True)
        name = self._dice.choice(["77", "78", "[red]79"])
        (folder / name).write_bytes(self._dice.choice([b"", b"{", b"[]", b'{"id": 1}', b"\xff"]))

    def _differ(self) -> None:
        """Two people say something else of an image, in the folder and on the server."""
        for number, label in enumerate(("dog", "[/red]"), start=90):
            content = json.dumps(annotation(number, WEIRD, [label]))
            file = self.root / "data/annotations" / str(number)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        answers = (
            Answer(90, "[b]anna", ("dog",), 1.0, ground_truth=False),
            Answer(91, "", ("[/red]",), 2.0, ground_truth=self._dice.random() < 0.5),
        )
        self.backend.differing = (Conflict(WEIRD, WEIRD, 1, answers),) * self._dice.randrange(4)

    def _second(self) -> None:
        self.backend.again = again(self._session, self._dice)

    def _publish(self) -> None:
        self.backend.published = {f"[v{number}]": number for number in range(12)}
