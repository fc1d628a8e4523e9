"""What the tests of the app share: backends, and ways to walk through it and to read the screen."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from PIL import Image
from textual import events
from textual.pilot import Pilot
from textual.worker import WorkerCancelled

from tests.app.doubles import FakeBackend
from tests.app.label_doubles import Asks, MemorySession, items_of
from tests.app.toys import make_workspace
from tui.app import LabelpilotApp
from tui.screens.section import Section


@pytest.fixture(autouse=True)
def _no_desktop(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test opens a browser, and none takes a colour or a codespace from whoever runs it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "CODESPACE_NAME", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("TEXTUAL_THEME", raising=False)


@pytest.fixture
def backend(tmp_path: Path) -> FakeBackend:
    """A workspace where nothing is set up yet."""
    return FakeBackend(make_workspace(tmp_path / "toys"))


@pytest.fixture
def ready(tmp_path: Path) -> FakeBackend:
    """A workspace where all is set up, and seven images are labeled."""
    backend = FakeBackend(make_workspace(tmp_path / "toys", annotated=7))
    backend.everything()
    return backend


# Keys with a name that write a character.
NAMED = {"space": " ", "slash": "/", "colon": ":", "question_mark": "?"}


@dataclass(slots=True)
class Walk:
    """An app on the backend, and a hand at its keys."""

    app: LabelpilotApp
    pilot: Pilot[None]

    @property
    def text(self) -> str:
        """What the terminal shows."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in lines)

    @property
    def section(self) -> Section:
        """The section that is open."""
        section = self.app.screen_stack[0]
        assert isinstance(section, Section)
        return section

    @property
    def footer(self) -> str:
        return self.text.splitlines()[-1]

    @property
    def toasts(self) -> list[str]:
        """The messages at the edge of the screen."""
        return [toast.message for toast in self.app._notifications]

    async def press(self, *keys: str) -> None:
        """Press keys, and wait for what they start to end."""
        await self.strike(*keys)
        await self.settled()

    async def strike(self, *keys: str) -> None:
        """Press keys, each when the app has taken in the one before, and wait for nothing else."""
        for key in keys:
            character = NAMED.get(key, key if len(key) == 1 else None)
            self.app.post_message(events.Key(key, character))
            await self.taken_in()

    async def write(self, text: str) -> None:
        """Type text into the field that has the focus."""
        names = {character: name for name, character in NAMED.items()}
        await self.strike(*[names.get(character, character) for character in text])

    async def settled(self) -> None:
        """Wait until no job runs and nothing is being checked."""
        # What has ended may begin something else.
        for _ in range(2):
            await self.pilot.pause()
            # One that made way for a newer one of its kind is no mishap.
            with suppress(WorkerCancelled):
                await self.app.workers.wait_for_complete()
            await self.until(lambda: not self.app.state.checking and self.app.watcher.checks > 0)

    async def taken_in(self) -> None:
        """Wait until no part of the app has messages left, and all is painted."""
        while True:
            await self.pilot.pause(0)
            parts = [self.app, *self.app.screen.walk_children(with_self=True)]
            if not any(part.message_queue_size for part in parts):
                return

    async def until(self, condition: Callable[[], object], turns: int = 2000) -> None:
        """Let the app go on until `condition()` holds."""
        for _ in range(turns):
            if condition():
                await self.taken_in()
                return
            await self.pilot.pause(0.005)
        raise AssertionError(f"it did not come to be; the screen shows:\n{self.text}")


Walker: TypeAlias = Callable[..., AbstractAsyncContextManager[Walk]]


@pytest.fixture
def walk() -> Walker:
    """Opens the app on a backend, at 80x24 unless told otherwise."""

    @asynccontextmanager
    async def opened(
        backend: FakeBackend,
        size: tuple[int, int] = (80, 24),
        root: Path | None = None,
        **options: Any,
    ) -> AsyncIterator[Walk]:
        folder = root or backend.workspace.root
        app = LabelpilotApp(folder, backend, poll_seconds=0, **options)
        async with app.run_test(size=size, notifications=True) as pilot:
            one = Walk(app, pilot)
            await one.settled()
            yield one
            app.jobs.stop_all(1.0)

    return opened


@pytest.fixture
def asks(ready: FakeBackend) -> Asks:
    """Has the app ask what a config says of images of one colour each."""

    def made(config: str, colours: tuple[str, ...] = ("red", "lime", "blue")) -> MemorySession:
        folder = ready.workspace.images.path / "sub"
        folder.mkdir(exist_ok=True)
        paths = []
        for number, colour in enumerate(colours):
            paths.append(folder / f"photo_{number}.png")
            Image.new("RGB", (40, 30), colour).save(paths[-1])
        session = MemorySession(config, items_of(paths))
        ready.session = session
        return session

    return made
