"""A small picture of an image: in the terminal's pixels where it shows them, else in half-blocks.

Reading an image is the user's disk and Pillow's work, so it happens in a thread. Without Pillow, or
for a file that is gone or is no image, its name stands in its place. Nothing of the image but its
pixels is used.
"""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.strip import Strip
from textual.widget import Widget
from textual.worker import get_current_worker

from tui.text import harmless, shortened
from tui.widgets import pixel_picture

# A picture of more pixels than this is not opened: it would take seconds and gigabytes.
MOST_PIXELS = 100_000_000
# What a picture in pixels is reduced to, either way.
LONGEST_SIDE = 640
UPPER_HALF = "▀"


class Picture(Widget):
    """Shows the image file that `show` names."""

    can_focus = False

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._path: Path | None = None
        self._strips: list[Strip] = []

    def show(self, path: Path | None) -> None:
        """Show another image, as soon as it is read."""
        if path != self._path:
            self._path = path
            self._read()

    def on_resize(self) -> None:
        self._read()

    def _read(self) -> None:
        if self._path is None or not self.size.area:
            self._strips = []
            self.refresh()
            return
        path, width, height = self._path, self.size.width, self.size.height
        self.run_worker(
            lambda: self._load(path, width, height),
            group="picture",
            thread=True,
            exclusive=True,
            exit_on_error=False,
        )

    def compose(self) -> ComposeResult:
        if pixel_picture.pixel_widget is not None:
            yield pixel_picture.pixel_widget(id="pixels")

    def _load(self, path: Path, width: int, height: int) -> None:
        worker = get_current_worker()
        if pixel_picture.pixel_widget is not None:
            image = read_image(path, LONGEST_SIDE, LONGEST_SIDE, enlarge=False)
            if image is not None and not worker.is_cancelled:
                self.app.call_from_thread(self._loaded_pixels, path, image)
                return
        strips = half_blocks(path, width, height)
        if not worker.is_cancelled:
            self.app.call_from_thread(self._loaded, path, strips)

    def _loaded_pixels(self, path: Path, image: Any) -> None:
        if path == self._path:
            self._strips = []
            shown = self.query_one("#pixels")
            pixel_picture.show_pixels(shown, image, self.size.width, self.size.height)

    def _loaded(self, path: Path, strips: list[Strip] | None) -> None:
        if path != self._path:
            return
        style = self.rich_style
        name = shortened(path.name, max(1, self.size.width))
        self._strips = strips or [Strip([Segment(harmless(name), style)])]
        self.refresh()

    def render_line(self, y: int) -> Strip:
        blank = Strip.blank(self.size.width, self.rich_style)
        if y >= len(self._strips):
            return blank
        return self._strips[y].adjust_cell_length(self.size.width, self.rich_style)


def can_show() -> bool:
    """Whether pictures can be shown at all."""
    return importlib.util.find_spec("PIL") is not None


@lru_cache(maxsize=64)
def half_blocks(path: Path, width: int, height: int) -> list[Strip] | None:
    """The image in at most `width` x `height` cells; None where it cannot be shown."""
    small = read_image(path, width, height * 2)
    if small is None:
        return None
    pixels = small.load()
    return [_row(pixels, small.width, small.height, y) for y in range(0, small.height, 2)]


def read_image(path: Path, width: int, height: int, *, enlarge: bool = True) -> Any | None:
    """The image as Pillow's RGB, in at most `width` x `height` pixels; None if it cannot be read.

    A smaller image is enlarged to fill them unless `enlarge` is False.
    """
    if not can_show():
        return None
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as image:
            if image.width * image.height > MOST_PIXELS:
                return None
            image.draft("RGB", (width * 2, height * 2))
            upright = ImageOps.exif_transpose(image).convert("RGB")
            scale = min(width / upright.width, height / upright.height)
            if scale > 1 and not enlarge:
                return upright
            size = (max(1, int(upright.width * scale)), max(1, int(upright.height * scale)))
            method = Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST
            return upright.resize(size, method)
    except Exception:
        return None


def _row(pixels: object, width: int, height: int, y: int) -> Strip:
    cells = []
    for x in range(width):
        upper = Color.from_rgb(*pixels[x, y])  # type: ignore[index]
        lower = Color.from_rgb(*pixels[x, y + 1]) if y + 1 < height else None  # type: ignore[index]
        cells.append(Segment(UPPER_HALF, Style(color=upper, bgcolor=lower)))
    return Strip(cells, width)
