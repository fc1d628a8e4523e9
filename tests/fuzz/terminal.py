"""Fuzzes the app in a terminal of its own: what `app.py` sends, through a real pseudo-terminal.

    uv run python tests/fuzz/terminal.py --events 100000 --seed 1
    uv run python tests/fuzz/terminal.py --replay TRACE

Here the terminal's own driver, its threads and its signals take part. Slower than `app.py`, since
an app is given its next events only once it is silent. It has ended unasked where it ends with
another exit code than 0, takes nothing in any more, does not end on SIGTERM, or leaves its terminal
otherwise than it found it.
"""

from __future__ import annotations

import fcntl
import os
import pty
import random
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.fuzz.command import asked, tell
from tests.fuzz.events import Event, events, saved, trace
from tests.fuzz.world import World

ROOT = Path(__file__).resolve().parents[2]
# Events that one app sees before another follows it.
LIFE = 5_000
# So many events are given at once, before the app is waited for.
BURST = 50
# An app that paints nothing for so long has taken in what it was given.
SILENT_SECONDS = 0.15
# One that paints longer shows that something runs.
BUSY_SECONDS = 1.0
# An app that needs longer for a burst, or for its end, is deaf.
SECONDS = 60.0
# How an app ends that a key leaves, and one that is told to end.
CODES = (0, 128 + signal.SIGTERM)


@dataclass(slots=True)
class Report:
    """What came of it: events, apps, those that a key ended, and what ended others."""

    events: int = 0
    apps: int = 0
    left: int = 0
    found: list[str] = field(default_factory=list)


class Deaf(Exception):
    """The app takes nothing in, or does not end."""


class Terminal:
    """An app in a pseudo-terminal, as a context."""

    def __init__(self, folder: Path, seed: str) -> None:
        self._master, self._slave = pty.openpty()
        self._resize(80, 24)
        self._before = termios.tcgetattr(self._slave)
        news, self._news = os.pipe()
        home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "TERM": "xterm-256color"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.played", str(folder), seed, str(news)],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            cwd=ROOT,
            env={**os.environ, **home, "PYTHONPATH": str(ROOT)},
            pass_fds=[news],
            start_new_session=True,
        )
        os.close(news)
        os.set_blocking(self._master, False)
        self.output = b""

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.ended is None:
            self._process.kill()
            self._process.wait(10)
        for descriptor in (self._master, self._slave, self._news):
            os.close(descriptor)

    @property
    def ended(self) -> int | None:
        """The exit code, once there is one."""
        return self._process.poll()

    def give(self, event: Event) -> None:
        """Let something happen. Raises Deaf where the app reads nothing any more."""
        if event.kind == "size":
            self._resize(*event.value)
            self._process.send_signal(signal.SIGWINCH)
        elif event.kind == "world":
            os.write(self._news, f"{event.value}\n".encode())
        elif event.kind == "send" and ("/" not in event.value or "\x1b" in event.value):
            # In a field, a slash could name a folder that is not the fuzzer's.
            self._send(event.value.encode("utf-8", "replace"))

    def _send(self, left: bytes) -> None:
        deadline = time.monotonic() + SECONDS
        while left and self.ended is None:
            self._read(0)
            try:
                left = left[os.write(self._master, left) :]
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Deaf("it reads no key any more") from None
                self._read(0.05)

    def _read(self, seconds: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], seconds)
        if ready:
            self.output = (self.output + os.read(self._master, 65536))[-20_000:]
        return bool(ready)

    def until_silent(self) -> None:
        """Read what is painted until nothing more is."""
        deadline = time.monotonic() + BUSY_SECONDS
        while self._read(SILENT_SECONDS) and self.ended is None:
            if time.monotonic() > deadline:
                return  # a spinner turns as long as something runs

    def begun(self) -> None:
        """Wait for the first paint."""
        deadline = time.monotonic() + SECONDS
        while b"labelpilot" not in self.output:
            if time.monotonic() > deadline or self.ended is not None:
                raise Deaf("it does not begin")
            self._read(0.1)

    def leave(self) -> None:
        """Have the app end. Raises Deaf where it does not, or leaves its terminal changed."""
        deadline = time.monotonic() + SECONDS
        if self.ended is None:
            self._process.send_signal(signal.SIGTERM)
        while self.ended is None:
            if time.monotonic() > deadline:
                raise Deaf("it does not end")
            self._read(0.05)
        while self._read(0):
            pass
        if self.ended not in CODES:
            raise Deaf(f"it ended with {self.ended}")
        if termios.tcgetattr(self._slave) != self._before:
            raise Deaf("it left its terminal changed")

    def _resize(self, columns: int, lines: int) -> None:
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, size)


def one_life(seed: str, file: Path, happening: Iterable[Event], told: Report) -> None:
    """Let one app live through what happens; a trace of what ended it unasked is kept."""
    told.apps += 1
    with (
        tempfile.TemporaryDirectory(prefix="fuzz-") as folder,
        file.open("w", encoding="utf-8") as kept,
        Terminal(Path(folder), seed) as terminal,
    ):
        try:
            terminal.begun()
            for number, event in enumerate(happening):
                if terminal.ended is not None:
                    told.left += 1
                    break
                kept.write(saved(event))
                terminal.give(event)
                told.events += 1
                if event.kind == "wait" or number % BURST == 0:
                    terminal.until_silent()
            terminal.leave()
        except (Deaf, OSError) as error:
            shown = terminal.output[-3000:].decode("utf-8", "replace")
            told.found.append(f"{file}: {error}")
            print(f"--- {file}: {error}\n{shown!r}", file=sys.stderr, flush=True)
            return
    file.unlink()


def fuzz(seed: str, count: int, traces: Path, most_found: int) -> Report:
    """Let apps live until `count` events have happened, or so many ends were not asked for."""
    told, began = Report(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        changes = list(World(Path(folder), random.Random(seed)).changes)
    while told.events < count and len(told.found) < most_found:
        stream = f"{seed} {told.apps}"
        happening = islice(events(stream, changes), min(LIFE, count - told.events))
        one_life(stream, traces / f"terminal-{seed}-{told.apps}.jsonl", happening, told)
        tell(told.events, told.apps, len(told.found), began)
    return told


def main() -> int:
    given = asked(__doc__, 20_000)
    if given.replay:
        told = Report()
        seed, _, number = given.replay.stem.removeprefix("terminal-").rpartition("-")
        kept = given.traces / f"{given.replay.stem}-again.jsonl"
        one_life(f"{seed} {number}", kept, trace(given.replay), told)
    else:
        told = fuzz(given.seed, given.events, given.traces, given.found)
    print(f"{told.events:,} events, {told.apps} apps, {told.left} left by a key.")
    print(f"{len(told.found)} ended unasked.")
    return bool(told.found)


if __name__ == "__main__":
    sys.exit(main())
