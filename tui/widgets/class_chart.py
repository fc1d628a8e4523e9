"""A bar chart of classes: name, bar, number of images."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from tui.text import bar, plain


class ClassChart(Widget):
    """One line a class, in the order of the labeling config."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._counts: dict[str, int] = {}

    def show(self, classes: Mapping[str, int]) -> None:
        """Show class -> number of images."""
        if dict(classes) != self._counts:
            self._counts = dict(classes)
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self._counts))

    def render(self) -> Content:
        if not self._counts:
            return Content("")
        width = self.size.width
        longest = max(plain(name).cell_length for name in self._counts)
        names = min(longest, max(8, width // 3))
        most = max(self._counts.values())
        digits = len(f"{most:,}")
        room = max(4, min(60, width - names - digits - 4))
        rows = []
        for name, number in self._counts.items():
            label = plain(name).truncate(names, ellipsis=True, pad=True)
            filled = bar(number / most if most else 0, room)
            rows.append(
                Content.assemble(
                    label,
                    "  ",
                    (filled, "$primary"),
                    " " * (room - len(filled)),
                    f"  {number:>{digits},}",
                )
            )
        return Content("\n").join(rows)
