"""What happens to the app: keys, the mouse, pastes, sizes, noise, and news of its world.

Everything a terminal sends is text, as it would come from a real one. The same seed gives the same
events; a trace is the events themselves, a JSON list a line, so that it can be cut by hand.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tui.keys import KEYS

Kind = Literal["send", "size", "world", "wait"]

NAMED = {
    "enter": "\r", "escape": "\x1b", "tab": "\t", "space": " ", "backspace": "\x7f",
    "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
    "home": "\x1b[H", "end": "\x1b[F", "pageup": "\x1b[5~", "pagedown": "\x1b[6~",
    "delete": "\x1b[3~", "insert": "\x1b[2~", "shift+tab": "\x1b[Z",
    "ctrl+home": "\x1b[1;5H", "ctrl+end": "\x1b[1;5F", "ctrl+pageup": "\x1b[5;5~",
    "ctrl+pagedown": "\x1b[6;5~", "ctrl+left": "\x1b[1;5D", "ctrl+right": "\x1b[1;5C",
    "shift+up": "\x1b[1;2A", "shift+end": "\x1b[1;2F", "shift+pagedown": "\x1b[6;2~",
    "colon": ":", "question_mark": "?", "slash": "/",
}  # fmt: skip
MOVES = [NAMED[name] for name in NAMED if name not in ("enter", "escape", "slash", "colon")]
# Of Textual's fields, lists and the palette: word by word, to the ends, copy, cut, undo.
CONTROLS = [chr(number) for number in range(1, 32) if chr(number) not in "\x03\x11\x1b"]
# How the app is left. Seldom, or it would be seen for a moment only.
LEAVE = ["q", "\x03", "\x11"]
OURS = [
    NAMED.get(part, part) for key in KEYS for part in key.key.split(",") if NAMED.get(part) or part
]
OURS = [text for text in OURS if text not in LEAVE]
TEXTS = [
    "[red]", "[/]", "[@click=app.bell]x[/]", "yes", "a, b", "data/images", "..", ".", "~nobody",
    "画像", "e\u0301\u200d\U0001f468\u200d\U0001f469", "\u202eabc", "(((", "[", "\\", "x" * 3000,
    "1", "-1", "1e9", "9" * 5000, "http://127.0.0.1:1", "ftp://x", "\u0660", "\ud7ff\ue000",
    "a\nb\r\nc", "\x1b[31m", "\x00", "\t", "",
]  # fmt: skip
NOISE = [
    "\x1b[I", "\x1b[O", "\x1b[24;80R", "\x1b[?2026;2$y", "\x1b[?2048;1$y", "\x1b[?1;2c", "\x1b[",
    "\x1b[200~", "\x1b[201~", "\x1b[<", "\x1b[<0;1;1", "\x1b[M   ", "\x1bO", "\x1b]11;rgb:00/00/00",
    "\x1b[97;5u", "\x1b[57399u", "\x1b[1;1:3A", "\ufffd", "\x9b", "\x7f\x7f", "\x1b\x1b",
]  # fmt: skip
SIZES = [(80, 24), (80, 24), (80, 24), (130, 36), (60, 20), (40, 12), (3, 10), (1, 1), (200, 3)]
LARGEST = (120, 40)


class Event(NamedTuple):
    """One thing that happens. `value` is text to send, [columns, lines], or a change's name."""

    kind: Kind
    value: Any = None


def events(seed: str, changes: Iterable[str]) -> Iterator[Event]:
    """Events without end; `changes` are the names of what can change in the app's world."""
    return _Maker(random.Random(seed), list(changes)).events()


def saved(event: Event) -> str:
    """An event as a line of a trace."""
    return json.dumps(event) + "\n"


def trace(file: Path) -> Iterator[Event]:
    """The events of a trace."""
    for line in file.read_text(encoding="utf-8").splitlines():
        yield Event(*json.loads(line))


class _Maker:
    """Makes events in stretches, in each of which one kind of thing happens more than others."""

    def __init__(self, dice: random.Random, changes: list[str]) -> None:
        self._dice = dice
        self._changes = changes
        self._size = (80, 24)

    def events(self) -> Iterator[Event]:
        moods = [self._keys, self._moves, self._mouse, self._words, self._sizes, self._news]
        weights = [8, 5, 6, 4, 1, 2]
        while True:
            mood = self._dice.choices(moods, weights)[0]
            for _ in range(self._dice.randint(1, 12)):
                yield from mood()
            if self._dice.random() < 0.1:
                yield Event("wait")

    def _keys(self) -> Iterator[Event]:
        chance = self._dice.random()
        if chance < 0.004:
            yield Event("send", self._dice.choice(LEAVE))
        elif chance < 0.05:
            yield Event("send", self._dice.choice(CONTROLS))
        else:
            yield Event("send", self._dice.choice(OURS))

    def _moves(self) -> Iterator[Event]:
        yield Event("send", self._dice.choice([*MOVES, "\r", "j", "k", "g", "G"]))

    def _mouse(self) -> Iterator[Event]:
        kind = self._dice.random()
        column, line = self._place()
        modifiers = self._dice.choice([0, 0, 0, 4, 8, 16])
        if kind < 0.6:
            button = self._dice.choice([0, 0, 0, 1, 2]) + modifiers
            for _ in range(self._dice.choice([1, 1, 2, 3])):
                yield self._report(button, column, line, "M")
                yield self._report(button, column, line, "m")
        elif kind < 0.75:
            yield self._report(64 + self._dice.randrange(4) + modifiers, column, line, "M")
        elif kind < 0.9:
            yield self._report(35, column, line, "M")
        else:
            yield self._report(0, column, line, "M")
            for _ in range(self._dice.randint(1, 5)):
                yield self._report(32, *self._place(), "M")
            if self._dice.random() < 0.8:
                yield self._report(0, *self._place(), "m")

    def _words(self) -> Iterator[Event]:
        kind = self._dice.random()
        if kind < 0.4:
            for letter in self._dice.choice(["abc", "yes", "ta", "img_00", "[b]", "..", "é", "1"]):
                yield Event("send", letter)
        elif kind < 0.7:
            yield Event("send", f"\x1b[200~{self._dice.choice(TEXTS)}\x1b[201~")
        elif kind < 0.9:
            yield Event("send", self._dice.choice(["\r", "\r", "\x1b", "\t", "\x15", "\x7f"]))
        else:
            yield Event("send", self._dice.choice(NOISE))

    def _sizes(self) -> Iterator[Event]:
        if self._dice.random() < 0.5:
            size = self._dice.choice(SIZES)
        else:
            most = self._dice.choice([(4, 4), (30, 12), LARGEST])
            size = (self._dice.randint(1, most[0]), self._dice.randint(1, most[1]))
        self._size = size
        yield Event("size", list(size))

    def _news(self) -> Iterator[Event]:
        yield Event("world", self._dice.choice(self._changes))

    def _place(self) -> tuple[int, int]:
        """A place on the screen, at times beside it."""
        columns, lines = self._size
        if self._dice.random() < 0.03:
            return self._dice.randint(0, 9999), self._dice.randint(-2, 9999)
        return self._dice.randint(1, columns + 2), self._dice.randint(1, lines + 2)

    def _report(self, button: int, column: int, line: int, end: str) -> Event:
        return Event("send", f"\x1b[<{button};{column};{line}{end}")
