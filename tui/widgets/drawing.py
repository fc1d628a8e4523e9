"""An image file as what a terminal paints: rows of cells, made in a thread before they are wanted.

Where the terminal shows pixels it gets them, by `tui.widgets.pixels`; elsewhere each cell is two
pixels, and without colour a shade. Reading an image is the user's disk and Pillow's work. A file
that cannot be shown gives a sentence that says why. Nothing of the image but its pixels is used.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import set_cell_size
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from core.extras import install_extra
from core.pictures import MOST_PIXELS, opened
from tui.text import harmless, wrapped
from tui.widgets.pixels import MOST_ROWS, TerminalPixels, forget_kitty, iterm, kitty, sixels

if TYPE_CHECKING:
    from rich.console import Console

# What is painted over the rows is not larger than this: its text grows with it, and is written
# with each paint.
LARGEST_OVER = (960, 720)
UPPER_HALF = "▀"
SHADES = " ░▒▓█"


@dataclass(frozen=True, slots=True)
class Canvas:
    """What is drawn for: so many cells, on the ground that is around the picture."""

    width: int
    height: int
    pixels: TerminalPixels = field(default_factory=TerminalPixels)
    ground: Style = field(default_factory=Style)
    colour: bool = True
    # Whether a picture stands in the middle of its room, or at its upper left.
    centred: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture as rows of cells, and how many pixels its file has.

    `ahead` is written to the terminal before the rows are painted, and `over` onto them afterwards,
    from `offset` on; `behind` once it is shown no more. A `problem` says why there is none.
    """

    rows: tuple[Strip, ...] = ()
    size: tuple[int, int] = (0, 0)
    ahead: str = ""
    over: str = ""
    behind: str = ""
    offset: tuple[int, int] = (0, 0)
    problem: str = ""


class NotShown(Exception):
    """Why an image is not shown, as a sentence."""


def can_show() -> bool:
    """Whether pictures can be shown at all."""
    return importlib.util.find_spec("PIL") is not None


def draw(path: Path, canvas: Canvas, console: Console | None = None) -> Drawing:
    """The image in `path` as a picture that fits the canvas.

    With the console that paints, the text of its rows is made now and not when they are painted.
    """
    try:
        image, size = read_image(path, *_room(canvas))
        drawing = _drawn(image, size, canvas)
    except NotShown as error:
        return Drawing(problem=str(error))
    if console is not None:
        for row in drawing.rows:
            row.render(console)
    return drawing


def written(texts: Sequence[str], canvas: Canvas) -> Drawing:
    """Words in place of a picture, in the middle of its room."""
    width = canvas.width
    shown = [row for text in texts for row in (wrapped(harmless(text), max(8, width - 2)))]
    rows = [[Segment(set_cell_size(f"{row:^{width}}", width), canvas.ground)] for row in shown]
    return Drawing(_placed(rows[: canvas.height], width, replace(canvas, centred=True))[0])


def _room(canvas: Canvas) -> tuple[int, int]:
    """Into how many pixels an image must fit."""
    width, height, (wide, high) = canvas.width, canvas.height, canvas.pixels.cell
    if not canvas.colour or not canvas.pixels.protocol:
        return width, height * 2
    if canvas.pixels.protocol == "kitty":
        return width * wide, min(height, MOST_ROWS) * high
    return min(width * wide, LARGEST_OVER[0]), min(height * high, LARGEST_OVER[1])


def read_image(path: Path, width: int, height: int) -> tuple[Any, tuple[int, int]]:
    """The image as Pillow's RGB, as large as `width` x `height` pixels allow, and its own size.

    Raises NotShown.
    """
    if not can_show():
        raise NotShown(f"Pictures need Pillow here: {install_extra('pictures')}.")
    from PIL import Image, ImageOps

    try:
        with opened(path) as image:
            own = image.size
            if own[0] * own[1] > MOST_PIXELS:
                raise NotShown(f"It is too large to be shown here: {own[0]:,} x {own[1]:,} pixels.")
            image.draft("RGB", (width * 2, height * 2))
            upright = ImageOps.exif_transpose(image)
            turned = (upright.width > upright.height) != (own[0] > own[1])
            scale = min(width / upright.width, height / upright.height)
            size = (max(1, int(upright.width * scale)), max(1, int(upright.height * scale)))
            gap = 3.0 if scale < 1 else None
            method = Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST
            small = _opaque(upright).resize(size, method, reducing_gap=gap)
            return small, (own[1], own[0]) if turned else own
    except NotShown:
        raise
    except FileNotFoundError:
        raise NotShown("Its file is gone.") from None
    except Exception as error:
        raise NotShown(_why(path, error)) from None


def _why(path: Path, error: Exception) -> str:
    try:
        if path.stat().st_size == 0:
            return "Its file is empty."
    except OSError as unread:
        return f"Its file cannot be read: {unread.strerror}."
    if isinstance(error, MemoryError):
        return "It is too large to be shown here."
    if "truncated" in str(error):
        return "Its file is cut off."
    return "Its file cannot be read as an image."


def _opaque(image: Any) -> Any:
    """The image in RGB, what is transparent on white, as browsers show it."""
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        clear = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")
    if image.mode.startswith("I") or image.mode == "F":
        # Of more than 256 greys, the darkest there is black and the brightest white.
        grey = image.convert("F")
        low, high = grey.getextrema()
        scale = 255 / ((high - low) or 1)
        return grey.point(lambda value: value * scale + -low * scale).convert("L").convert("RGB")
    return image.convert("RGB")


def _drawn(image: Any, size: tuple[int, int], canvas: Canvas) -> Drawing:
    protocol = canvas.pixels.protocol if canvas.colour else ""
    if not protocol:
        rows = _half_blocks(image) if canvas.colour else _shades(image, canvas)
        return Drawing(_placed(rows, image.width, canvas)[0], size)
    wide, high = canvas.pixels.cell
    columns = min(canvas.width, -(-image.width // wide))
    lines = min(canvas.height, -(-image.height // high))
    if protocol == "kitty":
        ahead, texts, number = kitty(image, columns, lines)
        style = Style(color=Color.from_rgb(number >> 16, number >> 8 & 255, number & 255))
        rows = [[Segment(text, style)] for text in texts]
        placed, offset = _placed(rows, columns, canvas)
        return Drawing(placed, size, ahead=ahead, behind=forget_kitty(number), offset=offset)
    empty = [[Segment(" " * columns, canvas.ground)] for _ in range(lines)]
    placed, offset = _placed(empty, columns, canvas)
    over = iterm(image, columns, lines) if protocol == "iterm" else sixels(image)
    return Drawing(placed, size, over=over, offset=offset)


def _half_blocks(image: Any) -> list[list[Segment]]:
    """Cells of two pixels each, the upper one the block and the lower one its ground."""
    pixels, styles = image.load(), dict[Any, Style]()
    rows = []
    for y in range(0, image.height, 2):
        row = []
        for x in range(image.width):
            pair = pixels[x, y], pixels[x, y + 1] if y + 1 < image.height else None
            style = styles.get(pair)
            if style is None:
                below = Color.from_rgb(*pair[1]) if pair[1] is not None else None
                style = styles[pair] = Style(color=Color.from_rgb(*pair[0]), bgcolor=below)
            row.append(Segment(UPPER_HALF, style))
        rows.append(row)
    return rows


def _shades(image: Any, canvas: Canvas) -> list[list[Segment]]:
    """Cells that are more or less filled, as bright as the image is there."""
    grey = image.convert("L").resize((image.width, max(1, image.height // 2)))
    values, steps = grey.load(), len(SHADES) / 256
    lines = (
        "".join(SHADES[int(values[x, y] * steps)] for x in range(grey.width))
        for y in range(grey.height)
    )
    return [[Segment(line, canvas.ground)] for line in lines]


def _placed(
    rows: Sequence[Sequence[Segment]], width: int, canvas: Canvas
) -> tuple[tuple[Strip, ...], tuple[int, int]]:
    """Rows that fill the canvas with a picture `width` wide on them, and where that begins."""
    left = (canvas.width - width) // 2 if canvas.centred else 0
    top = (canvas.height - len(rows)) // 2 if canvas.centred else 0
    before = [Segment(" " * left, canvas.ground)] if left else []
    right = canvas.width - width - left
    after = [Segment(" " * right, canvas.ground)] if right else []
    blank = Strip([Segment(" " * canvas.width, canvas.ground)], canvas.width)
    filled = [Strip([*before, *row, *after], canvas.width) for row in rows]
    below = canvas.height - top - len(rows)
    return (*[blank] * top, *filled, *[blank] * below), (left, top)
