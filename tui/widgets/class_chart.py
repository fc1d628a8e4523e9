"""A bar chart of classes: name, bar, number of images, and its share."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from tui.text import plain, thin_bar

# A class on fewer than this share of what each would have, were all as frequent, is rare.
RARE = 0.2
SHARE_WIDTH = 7


class ClassChart(Widget):
    """One line a class, in the order of the labeling config; rare ones are yellow."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._counts: dict[str, int] = {}
        self._images = 0

    def show(self, classes: Mapping[str, int], images: int) -> None:
        """Show class -> number of images, of so many labeled ones."""
        if (dict(classes), images) != (self._counts, self._images):
            self._counts, self._images = dict(classes), images
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
        room = max(4, width - names - digits - SHARE_WIDTH - 5)
        rare = RARE * sum(self._counts.values()) / len(self._counts)
        rows = []
        for name, number in self._counts.items():
            label = plain(name).truncate(names, ellipsis=True, pad=True)
            filled, rest = thin_bar(number / most if most else 0, room)
            style = "$text-warning" if number < rare else "$primary"
            share = f"{number / self._images:.1%}" if self._images else ""
            rows.append(
                Content.assemble(
                    label,
                    "  ",
                    (filled, style),
                    (rest, "$panel"),
                    (f"  {number:>{digits},}", "$text-warning" if number < rare else ""),
                    (f"{share:>{SHARE_WIDTH}}", "$muted"),
                )
            )
        return Content("\n").join(rows)
