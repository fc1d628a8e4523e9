"""How much of something is done: a bar as wide as there is room, and percent."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from tui.text import bar, thin_bar

LEAST_WIDTH = 8
PERCENT_WIDTH = 6


class Gauge(Widget):
    """One line. `thin` stands below a wide one, or among many."""

    def __init__(self, *, thin: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self._thin = thin
        self._shown: tuple[int, int] = (0, 0)

    def show(self, done: int, total: int) -> None:
        """Show `done` of `total`; nothing where there is no total."""
        self.display = total > 0
        if (done, total) != self._shown:
            self._shown = (done, total)
            self.refresh()

    def render(self) -> Content:
        done, total = self._shown
        return gauge(done / total if total else 0.0, self.size.width, thin=self._thin)


def gauge(share: float, width: int, *, thin: bool = False) -> Content:
    """A bar and its percent, `width` cells wide together; a whole one is green."""
    room = max(LEAST_WIDTH, width - PERCENT_WIDTH)
    style = "$text-success" if share >= 1 else "$primary"
    percent = f" {int(min(1.0, share) * 100):3d} %"
    if thin:
        filled, rest = thin_bar(share, room)
        return Content.assemble((filled, style), (rest, "$panel"), percent)
    filled = bar(share, room)
    empty = " " * (room - len(filled))
    return Content.assemble((filled, f"{style} on $panel"), (empty, "on $panel"), percent)
