"""Fuzzes the app: events without an end, over all screens, until it ends without being asked to.

    uv run python tests/fuzz/app.py --events 2000000 --seed 1
    uv run python tests/fuzz/app.py --replay TRACE

The app runs as in a terminal, with a driver that takes what a terminal would send, and with a
server that is played. An app that was left, or has seen enough, is followed by another, in a world
of its own. What ended an app unasked is told with its trace, which is kept.
"""

from __future__ import annotations

import asyncio
import faulthandler
import io
import os
import random
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
# What is painted between two looks is painted once: it is what takes the time.
os.environ["TEXTUAL_FPS"] = "4"

from textual import events as textual_events
from textual.drivers.headless_driver import HeadlessDriver
from textual.geometry import Size
from textual.widgets import Input

from tests.fuzz.command import asked, tell
from tests.fuzz.events import Event, events, saved, trace
from tests.fuzz.world import World
from tui.app import LabelpilotApp
from tui.driver import InputParser
from tui.screens.label.sight import QUESTION

Happening = Callable[[World], Iterable[Event]]
# Events that one app sees before another follows it.
LIFE = 10_000
# Between two looks at whether the app has taken everything in.
BURST = 100
# An app that needs longer than this for a burst, or for its end, is deaf.
SECONDS = 60.0


@dataclass(slots=True)
class Report:
    """What came of it: events, apps, the screens that were on top, and what ended an app."""

    events: int = 0
    apps: int = 0
    left: int = 0
    screens: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)
    traces: list[Path] = field(default_factory=list)


class Screenless(HeadlessDriver):
    """A terminal that shows nothing, and for which everything is painted all the same. It was
    `asked` so often where its cursor is."""

    asked = 0

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        data.encode("utf-8", "replace")
        self.asked += data.count(QUESTION)


class Deaf(Exception):
    """The app takes nothing in any more."""


class Hand:
    """Gives events to an app as its terminal would."""

    def __init__(self, app: LabelpilotApp, world: World) -> None:
        self._app = app
        self._world = world
        self._parser = InputParser()

    def give(self, event: Event) -> None:
        driver = self._app._driver
        assert isinstance(driver, Screenless)
        while driver.asked:
            driver.asked -= 1
            for message in self._parser.feed("\x1b[24;80R"):
                driver.process_message(message)
        if event.kind == "size":
            size = Size(*event.value)
            driver._size = size
            driver.process_message(textual_events.Resize(size, size))
        elif event.kind == "world":
            self._world.change(event.value)
        elif event.kind == "send" and not self._leads_out(event.value):
            for message in [*self._parser.feed(event.value), *self._waited()]:
                driver.process_message(message)

    def _leads_out(self, text: str) -> bool:
        """Whether `text` in a field could name a folder that is not the fuzzer's."""
        with suppress(Exception):
            return "/" in text and "\x1b" not in text and isinstance(self._app.focused, Input)
        return False

    def _waited(self) -> Iterator[Any]:
        """What comes once the terminal is silent: the key escape, or half a sequence."""
        if self._parser._timeout_time is not None:
            self._parser._timeout_time = 0.0
            yield from self._parser.tick()

    async def taken_in(self) -> None:
        """Wait until no part of the app has messages left."""
        began, waiting = time.monotonic(), list[str]()
        while not self.ended:
            await asyncio.sleep(0)
            with suppress(Exception):  # between two screens there is none
                parts = [self._app, *self._app.screen.walk_children(with_self=True)]
                waiting = [str(part) for part in parts if part.message_queue_size]
                if not waiting:
                    return
            if time.monotonic() - began > SECONDS:
                raise Deaf(f"messages are not taken in by {', '.join(waiting)}")

    @property
    def ended(self) -> bool:
        return bool(self._app._exit or self._app._exception is not None or self._app._closed)


async def live(world: World, happening: Iterable[Event], kept: io.TextIOBase, told: Report) -> None:
    """Let an app live through what happens. Raises what ended it, or Deaf."""
    app = LabelpilotApp(world.root, world.backend, poll_seconds=0.1)
    app.driver_class = Screenless
    mishaps: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _, context: mishaps.append(context.get("exception") or Deaf(context["message"]))
    )
    threading.excepthook = lambda hook: mishaps.append(hook.exc_value or Deaf("a thread"))
    running = asyncio.ensure_future(app.run_async(size=(80, 24)))
    hand = Hand(app, world)
    while app.watcher.checks == 0 and not running.done():
        await asyncio.sleep(0.01)
    for number, event in enumerate(happening):
        if hand.ended or mishaps:
            break
        kept.write(saved(event))
        hand.give(event)
        told.events += 1
        if event.kind == "wait" or number % BURST == 0:
            kept.flush()
            # An event loop that stands still can only be told of from beside it.
            faulthandler.dump_traceback_later(3 * SECONDS, exit=True, file=sys.__stderr__)
            await hand.taken_in()
            told.screens[type(app.screen_stack[-1]).__name__ if app._running else "-"] += 1
        if event.kind == "wait":
            await asyncio.sleep(0.02)
    told.left += bool(app._exit and app._exception is None)
    world.go_on()
    app.jobs.stop_all(10.0)
    app.exit()
    try:
        await asyncio.wait_for(running, SECONDS)
    except asyncio.TimeoutError:
        raise Deaf("it does not end") from None
    for error in [app._exception, *mishaps]:
        if error is not None:
            raise error


def one_life(seed: str, number: int, traces: Path, told: Report, happening: Happening) -> None:
    """Let one app live; a trace of what ended it unasked is kept."""
    file = traces / f"{seed}-{number}.jsonl"
    told.apps += 1
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, file.open("w") as kept:
        os.environ["HOME"] = os.environ["XDG_CONFIG_HOME"] = folder
        world = World(Path(folder), random.Random(f"world {seed} {number}"))
        try:
            with redirect_stderr(io.StringIO()):
                asyncio.run(live(world, happening(world), kept, told))
        except (Exception, asyncio.CancelledError) as error:
            told.found.append("".join(traceback.format_exception(error)[-8:])[:6000])
            told.traces.append(file)
            print(f"--- {file}\n{told.found[-1]}", file=sys.stderr, flush=True)
        finally:
            faulthandler.cancel_dump_traceback_later()
    if file not in told.traces:
        file.unlink()


def fuzz(seed: str, count: int, traces: Path, most_found: int) -> Report:
    """Let apps live until `count` events have happened, or so many ends were not asked for."""
    told, number, began = Report(), 0, time.monotonic()
    while told.events < count and len(told.found) < most_found:
        most = min(LIFE, count - told.events)
        stream = f"{seed} {number}"
        one_life(
            seed,
            number,
            traces,
            told,
            lambda world: islice(events(stream, world.changes), most),  # noqa: B023
        )
        number += 1
        tell(told.events, told.apps, len(told.found), began)
    return told


def main() -> int:
    given = asked(__doc__, 100_000)
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "CODESPACE_NAME"):
        os.environ.pop(name, None)
    if given.replay:
        told = Report()
        seed, _, number = given.replay.stem.rpartition("-")
        kept = Path(tempfile.mkdtemp())
        one_life(seed, int(number), kept, told, lambda _: trace(given.replay))
    else:
        told = fuzz(given.seed, given.events, given.traces, given.found)
    print(f"{told.events:,} events, {told.apps} apps, {told.left} left by a key; on top:")
    print(", ".join(f"{name} {n}" for name, n in told.screens.most_common()))
    print(f"{len(told.found)} ended unasked.")
    return bool(told.found)


if __name__ == "__main__":
    sys.exit(main())
