"""A picture of an image: in the terminal's pixels where it shows them, else in half-blocks.

It reads the image itself, in a thread, or is given a drawing that was made before. For a file that
is gone or is no image, its name stands in its place.
"""

from __future__ import annotations

from pathlib import Path

from rich.control import Control
from rich.segment import ControlType, Segment
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.worker import get_current_worker

from tui.text import harmless, shortened
from tui.widgets import pixels
from tui.widgets.drawing import Canvas, Drawing, draw

# A picture beside a table is at least so wide, and of a wide screen it has this share.
BESIDE_WIDTH = 34
BESIDE_SHARE = 0.3
# What has no width is none of a row's text.
_UNSEEN = ((ControlType.CURSOR_FORWARD, 0),)


def width_beside(screen: int) -> int:
    """How wide a picture beside a table is, on a screen of that width."""
    return max(BESIDE_WIDTH, int(screen * BESIDE_SHARE))


class Picture(Widget):
    """Shows the image file that `show` names, or the drawing that `paint` is given."""

    can_focus = False

    class Resized(Message):
        """What it is given is to be drawn for another size."""

    class Painted(Message):
        """The `drawing` is on the screen, or on its way there before all that is written now."""

        def __init__(self, drawing: Drawing) -> None:
            super().__init__()
            self.drawing = drawing

    def __init__(self, id: str | None = None, *, centred: bool = False) -> None:
        super().__init__(id=id)
        self._path: Path | None = None
        self._centred = centred
        self._drawing = Drawing()
        # Whether it was painted. Textual's own word for that comes after any other part's paint.
        self._is_painted = True
        # Whether it is the image that `show` named, and not its name in its place.
        self._is_image = False

    @property
    def is_seen(self) -> bool:
        """Whether the image that `show` named is painted."""
        return self._is_image and self._is_painted

    @property
    def canvas(self) -> Canvas:
        """What is to be drawn for."""
        return Canvas(
            self.size.width,
            self.size.height,
            pixels.shown,
            self.rich_style,
            not self.app.no_color,
            self._centred,
        )

    def show(self, path: Path | None) -> None:
        """Show another image, as soon as it is read."""
        if path != self._path:
            self._path = path
            self._read()

    def paint(self, drawing: Drawing) -> Drawing:
        """Show what was drawn before. Returns what `Painted` will name: an equal one may stand
        there already."""
        if drawing != self._drawing:
            former, self._drawing = self._drawing, drawing
            self._is_painted = False
            self._write(drawing.ahead)
            self.refresh()
            if former.behind:
                self.call_after_refresh(self._write, former.behind)
        elif self._is_painted:
            self.post_message(self.Painted(self._drawing))
        return self._drawing

    def on_resize(self) -> None:
        if self._path is not None:
            self._read()
        self.post_message(self.Resized())

    def on_unmount(self) -> None:
        self._write(self._drawing.behind)

    def _write(self, codes: str) -> None:
        driver = self.app._driver
        if codes and driver is not None and not self.app.is_headless:
            driver.write(codes)

    def _read(self) -> None:
        self._is_image = False
        if self._path is None or not self.size.area:
            self.paint(Drawing())
            return
        path, canvas = self._path, self.canvas
        self.run_worker(
            lambda: self._load(path, canvas),
            group="picture",
            thread=True,
            exclusive=True,
            exit_on_error=False,
        )

    def _load(self, path: Path, canvas: Canvas) -> None:
        worker = get_current_worker()
        drawing = draw(path, canvas)
        if not worker.is_cancelled:
            self.app.call_from_thread(self._loaded, path, drawing)

    def _loaded(self, path: Path, drawing: Drawing) -> None:
        if path == self._path:
            self._is_image = not drawing.problem
            if drawing.problem:
                name = shortened(harmless(path.name), max(1, self.size.width))
                drawing = Drawing((Strip([Segment(name, self.rich_style)]),))
            self.paint(drawing)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows as they are where all of them are shown: what was made before is not made anew
        for each paint."""
        if not self._is_painted:
            self._is_painted = True
            self.post_message(self.Painted(self._drawing))
        style, size, rows = self.rich_style, self.size, self._drawing.rows
        blank = Strip.blank(size.width, style)
        shown = [
            row if row.cell_length == size.width else row.adjust_cell_length(size.width, style)
            for row in rows[: size.height]
        ]
        shown += [blank] * (size.height - len(shown))
        if self._drawing.over and shown and self.screen.is_active:
            shown[-1] = self._covered(shown[-1])
        shown = shown[crop.y : crop.bottom]
        if crop.x or crop.right < size.width:
            shown = [row.crop(crop.x, crop.right) for row in shown]
        return shown

    def _covered(self, last: Strip) -> Strip:
        """The last row, and then what is drawn over all of them."""
        x, y = self.region.offset + self._drawing.offset
        codes = Control.move_to(x, y).segment.text + self._drawing.over
        codes += Control.move_to(self.region.right, self.region.bottom - 1).segment.text
        return Strip([*last, Segment(codes, None, _UNSEEN)], last.cell_length)
