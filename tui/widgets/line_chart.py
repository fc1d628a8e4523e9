"""Several lines in one chart, in braille: a cell has two dots beside and four below each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from textual.content import Content

# The bit of each dot of a cell, by column and row.
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
EMPTY = 0x2800
# A dashed line is drawn for so many dots, and left out for as many.
DASH = 3


@dataclass(slots=True)
class _Canvas:
    """Dots, and the style of each cell: that of the line that was drawn last. A mark lies on top
    of what is drawn."""

    width: int
    height: int
    cells: dict[tuple[int, int], int] = field(default_factory=dict)
    styles: dict[tuple[int, int], str] = field(default_factory=dict)
    marks: dict[tuple[int, int], tuple[str, str]] = field(default_factory=dict)

    def dot(self, x: int, y: int, style: str) -> None:
        at = (x // 2, y // 4)
        self.cells[at] = self.cells.get(at, 0) | DOTS[x % 2][y % 4]
        self.styles[at] = style

    def rows(self) -> list[Content]:
        return [
            Content.assemble(*(self._cell(x, y) for x in range(self.width)))
            for y in range(self.height)
        ]

    def _cell(self, x: int, y: int) -> tuple[str, str] | str:
        if (x, y) in self.marks:
            return self.marks[x, y]
        dots = self.cells.get((x, y))
        return " " if dots is None else (chr(EMPTY | dots), self.styles[x, y])


def line_chart(
    lines: Mapping[str, Sequence[float]],
    styles: Mapping[str, str],
    width: int,
    height: int,
    dashed: str = "",
    marks: Mapping[str, str] | None = None,
) -> list[Content]:
    """`lines`, all of one length, over each other on one scale; the last lies on top. Those that
    have a mark bear it twice, each at places of its own, so that they differ without colour."""
    canvas = _Canvas(width, height)
    values = [value for line in lines.values() for value in line]
    least, most = min(values), max(values)
    wide, high = width * 2 - 1, height * 4 - 1
    for number, (name, line) in enumerate(lines.items()):
        bearing = {int((half + (number + 0.5) / len(lines)) * width / 2) for half in (0, 1)}
        mark = (marks or {}).get(name, "")
        before: int | None = None
        for x in range(wide + 1):
            place = x / wide * (len(line) - 1) if wide else 0.0
            left = min(int(place), len(line) - 1)
            right = min(left + 1, len(line) - 1)
            value = line[left] + (line[right] - line[left]) * (place - left)
            y = high - round((value - least) / (most - least) * high) if most > least else high
            if name != dashed or x // DASH % 2 == 0:
                # A steep line has no gaps.
                first = y if before is None or name == dashed else before
                step = 1 if y >= first else -1
                for between in range(first, y + step, step):
                    canvas.dot(x, between, styles[name])
            if mark and x % 2 == 0 and x // 2 in bearing:
                canvas.marks[x // 2, y // 4] = (mark, styles[name])
            before = y
    return canvas.rows()
