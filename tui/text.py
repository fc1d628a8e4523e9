"""Words for the screen: text from outside made harmless, numbers and durations as people say them.

Everything that labelpilot did not write itself (file names, labels, a server's error) goes through
`plain` or `cell` before it is shown: it is never parsed as markup, and cannot steer the terminal.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path

from rich.text import Text
from textual.content import Content

from core.masking import printable
from core.words import count as count
from core.words import some as some

SAME_AS = "same as: "


def harmless(text: object) -> str:
    """`text` without what could steer a terminal, and such that it can be encoded."""
    return printable(str(text).encode("utf-8", "replace").decode("utf-8"))


def plain(text: object, style: str = "") -> Content:
    """`text` for a widget, as it is."""
    return Content.styled(harmless(text), style) if style else Content(harmless(text))


def cell(text: object, style: str = "", justify: str = "left") -> Text:
    """`text` for a table's cell, as it is, on one line."""
    one_line = " ".join(harmless(text).split("\n"))
    return Text(one_line, style=style, justify=justify, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]


def lines(parts: Iterable[Content | str]) -> Content:
    """`parts` below each other."""
    return Content("\n").join([plain(part) if isinstance(part, str) else part for part in parts])


def same_as(command: str) -> Content:
    """The line that names the command which does the same; none without a command."""
    return plain(f"{SAME_AS}{command}" if command else "", "$muted")


def duration(seconds: float) -> str:
    """A duration as people say it: `under a second`, `24 s`, `3 min 5 s`, `1 h 20 min`."""
    if seconds < 1:
        return "under a second"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def ago(moment: float, now: float) -> str:
    """How long before `now` the wall-clock time `moment` was, in words."""
    days = int((now - moment) // 86400)
    if days >= 1:
        return "yesterday" if days == 1 else f"{days:,} days ago"
    seconds = max(0.0, now - moment)
    unit = 3600 if seconds >= 3600 else 60 if seconds >= 60 else 1
    return f"{duration(seconds if unit == 1 else seconds // unit * unit)} ago"


def rate(per_second: float) -> str:
    """`3,900 a second`; slow ones in minutes."""
    if per_second >= 1:
        return f"{per_second:,.0f} a second"
    return f"{per_second * 60:,.1f} a minute"


def bar(share: float, width: int) -> str:
    """A bar that fills `share` (0 to 1) of `width` cells, in eighths of a cell."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    whole, rest = divmod(eighths, 8)
    return "█" * whole + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[rest]


def thin_bar(share: float, width: int) -> tuple[str, str]:
    """A line that fills `share` (0 to 1) of `width` cells, in halves of a cell, and what is left:
    two signs, so that one sees without colour how long it could be."""
    halves = round(max(0.0, min(1.0, share)) * width * 2)
    filled = "━" * (halves // 2) + "╸" * (halves % 2)
    return filled, "─" * (width - len(filled))


def spinner() -> str:
    """What moves while something is looked at: another sign four times a second."""
    return "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"[int(time.monotonic() * 4) % 10]


def clock(moment: float | None = None) -> str:
    """The time of day."""
    return time.strftime("%H:%M:%S", time.localtime(moment))


def shortened(path: Path | str, width: int) -> str:
    """A path cut at its front, where it says least."""
    text = harmless(path)
    return text if len(text) <= width else "…" + text[len(text) - width + 1 :]


def wrapped(line: str, width: int) -> list[str]:
    """`line` in rows of at most `width` characters, broken at spaces where there are any."""
    rows = []
    while len(line) > width:
        at = line.rfind(" ", width // 2, width + 1)
        at = at if at > 0 else width
        rows.append(line[:at])
        line = "  " + line[at:].lstrip()
    return [*rows, line]
