"""Pictures in the terminal's own pixels: the codes of kitty's protocol, of iTerm2's and of sixel.

Whether the terminal shows them is asked once, before the app reads the keyboard: later its answer
would be taken for keys. Only one that is known to answer is asked, so that no other start waits.
What is made here is text; whoever shows it writes it where the rest of the screen is written, so
that no two codes are mixed.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

Protocol = Literal["", "kitty", "iterm", "sixel"]

# How long a terminal may take to answer: once over a slow line and back.
PATIENCE_SECONDS = 0.5
# Is there kitty's protocol, how large is a cell, and what else is there: all answer the last one.
_QUESTIONS = "\x1b_Gi=1,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[16t\x1b[c"
_ATTRIBUTES = re.compile(r"\x1b\[\?([\d;]*)c")
_CELL = re.compile(r"\x1b\[6;(\d+);(\d+)t")
# Terminals that answer, by what they put into the environment.
_ANSWERING = ("KITTY_WINDOW_ID", "WEZTERM_PANE", "GHOSTTY_RESOURCES_DIR", "XTERM_VERSION", "TMUX")
_NAMES = ("kitty", "ghostty", "wezterm", "foot", "mlterm", "contour", "iterm.app", "vscode")
# Of those, the ones that know iTerm2's protocol where they know sixel: it has all colours.
_LIKE_ITERM = ("wezterm", "iterm.app", "vscode")

# A picture's rows are named by marks over its characters; so many rows have one.
_MARKS = (
    "0305030d030e03100312033d033e033f0346034a034b034c035003510352035703"
    "5b0363036403650366036703680369036a036b036c036d036e036f04830484048504860487"
    "0592059305940595059705980599059c059d059e059f05a005a105a805a905ab05ac05af05c4"
    "06100611061206130614061506160617"
)
_ROW_MARKS = tuple(chr(int(_MARKS[at : at + 4], 16)) for at in range(0, len(_MARKS), 4))
MOST_ROWS = len(_ROW_MARKS)
_PLACE = "\U0010eeee"
# Pictures that the terminal keeps are known by a number, which is a colour in what is painted.
_numbers = count(1 + int(time.time() * 10) % 10_000_000)


@dataclass(frozen=True, slots=True)
class TerminalPixels:
    """How the terminal shows pixels, and how many of them a cell is wide and high."""

    protocol: Protocol = ""
    cell: tuple[int, int] = (10, 20)


# Set once by `prepare`.
shown = TerminalPixels()


def prepare(environ: Mapping[str, str] = os.environ) -> None:
    """Ask the terminal whether it shows pictures. To be called before the app runs."""
    global shown
    name = f"{environ.get('TERM', '')} {environ.get('TERM_PROGRAM', '')}".lower()
    if any(key in environ for key in _ANSWERING) or any(one in name for one in _NAMES):
        with contextlib.suppress(Exception):  # no terminal, or a system without them
            shown = understood(_answer(), name)


def understood(answer: str, name: str = "") -> TerminalPixels:
    """What the answer to the questions says, of a terminal of this name."""
    attributes, cell = _ATTRIBUTES.search(answer), _CELL.search(answer)
    if attributes is None:
        return TerminalPixels()
    size = (int(cell[2]), int(cell[1])) if cell and int(cell[1]) and int(cell[2]) else (10, 20)
    if "\x1b_Gi=1;OK" in answer:
        return TerminalPixels("kitty", size)
    if "4" not in attributes[1].split(";"):
        return TerminalPixels("", size)
    return TerminalPixels("iterm" if any(one in name for one in _LIKE_ITERM) else "sixel", size)


def _answer() -> str:
    """What the terminal says to the questions; empty where it is silent."""
    import select
    import termios
    import tty

    if sys.__stdin__ is None or sys.__stdout__ is None or not sys.__stdout__.isatty():
        return ""
    terminal, said = sys.__stdin__.fileno(), b""
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        sys.__stdout__.write(_QUESTIONS)
        sys.__stdout__.flush()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _ATTRIBUTES.search(said.decode("ascii", "replace")):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([terminal], [], [], left)[0]:
                return ""
            said += os.read(terminal, 1024)
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)
    return said.decode("ascii", "replace")


def kitty(image: Any, columns: int, rows: int) -> tuple[str, list[str], int]:
    """Kitty's codes: those that hand the image over, the rows of text that show it, and its number.

    The rows are to be painted in the colour of the number. That way the terminal moves and covers
    the picture as it does text.
    """
    number, data = next(_numbers) & 0xFFFFFF, io.BytesIO()
    image.save(data, "PNG", compress_level=1)
    text = base64.b64encode(data.getvalue()).decode()
    parts = [text[at : at + 4096] for at in range(0, len(text), 4096)]
    codes = [f"\x1b_Ga=T,U=1,q=2,f=100,i={number},c={columns},r={rows},m=1;\x1b\\"]
    codes += [f"\x1b_Gm=1;{part}\x1b\\" for part in parts[:-1]]
    codes.append(f"\x1b_Gm=0;{parts[-1]}\x1b\\")
    lines = [
        f"{_PLACE}{_ROW_MARKS[row]}{_ROW_MARKS[0]}{_PLACE * (columns - 1)}" for row in range(rows)
    ]
    return "".join(codes), lines, number


def forget_kitty(number: int) -> str:
    """The code that has the terminal forget a picture of kitty's protocol."""
    return f"\x1b_Ga=d,d=I,q=2,i={number}\x1b\\"


def iterm(image: Any, columns: int, rows: int) -> str:
    """An image as iTerm2's code, in so many cells."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=90)
    text = base64.b64encode(data.getvalue()).decode()
    room = f"width={columns};height={rows};preserveAspectRatio=1;doNotMoveCursor=1"
    return f"\x1b]1337;File=inline=1;size={len(data.getvalue())};{room}:{text}\x07"


def sixels(image: Any) -> str:
    """An image as sixel: bands of six rows, each colour of a band on its own."""
    import numpy as np
    from PIL import Image

    reduced = image.quantize(128, Image.Quantize.FASTOCTREE)
    palette = reduced.getpalette()
    pixels = np.asarray(reduced)
    height, width = pixels.shape
    parts = [f'\x1bP0;1q"1;1;{width};{height}']
    parts += [
        "#{};2;{};{};{}".format(n, *(round(part / 2.55) for part in palette[3 * n : 3 * n + 3]))
        for n in range(len(palette) // 3)
    ]
    for top in range(0, height, 6):
        band = pixels[top : top + 6]
        colours = np.unique(band)
        # A byte holds a column of the band, its lowest bit the upper row.
        codes = np.packbits(band == colours[:, None, None], axis=1, bitorder="little")[:, 0] + 63
        starts = np.ones(codes.shape, dtype=bool)
        starts[:, 1:] = codes[:, 1:] != codes[:, :-1]
        begins = np.flatnonzero(starts)
        lengths = np.diff(begins, append=codes.size)
        runs = zip(begins.tolist(), lengths.tolist(), codes.ravel()[begins].tolist(), strict=True)
        for begin, length, code in runs:
            if begin % width == 0:
                parts.append(f"{'$' if begin else ''}#{colours[begin // width]}")
            parts.append(f"!{length}{chr(code)}" if length > 3 else chr(code) * length)
        parts.append("-")
    return "".join(parts) + "\x1b\\"
