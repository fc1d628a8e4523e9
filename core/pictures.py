"""Image files, read upright and in colour: all of one size, or small to be shown.

A data set may hold anything under an image's name. What cannot be read whole is refused by one
sentence, and never guessed; an image too large for memory is refused before it is decoded, unless
its format lets it be made smaller on the way.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

Made = TypeVar("Made")

# Pillow reads more; some of the others would start another program.
FORMATS = ("PNG", "JPEG", "MPO", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO")
MOST_PIXELS = 100_000_000
# Of one that is only shown, which is not worth a second.
MOST_SHOWN_PIXELS = 30_000_000
ORIENTATION = 0x0112


class Unreadable(Exception):
    """The file is no image that can be looked at; the text says why."""


def read_pixels(path: Path, width: int, height: int) -> NDArray[np.uint8]:
    """The image as (height, width, 3), red, green and blue, whatever its own proportions.

    All of it is kept, since what a label is about may stand at the edge. Of an animation it is the
    first picture; what shows through is white. Raises Unreadable.
    """
    import numpy as np
    from PIL import Image

    def pixels(image: Image.Image) -> NDArray[np.uint8]:
        turn = _turn(image)
        turned = turn is not None and turn >= Image.Transpose.ROTATE_90
        size = (height, width) if turned else (width, height)
        return np.asarray(_upright(image, size, turn), np.uint8)

    return look_at(path, (width, height), pixels)


def small_jpeg(path: Path, side: int, quality: int = 75) -> bytes:
    """The image as a JPEG of at most `side` pixels in both directions, made of its pixels alone:
    nothing else that the file holds is in it. Raises Unreadable."""

    def shrunk(image: Image) -> bytes:
        scale = min(1.0, side / max(image.size))
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        made = io.BytesIO()
        _upright(image, size, _turn(image)).save(made, "JPEG", quality=quality)
        return made.getvalue()

    return look_at(path, (side, side), shrunk, most=MOST_SHOWN_PIXELS)


def _upright(image: Image, size: tuple[int, int], turn: Any | None) -> Image:
    from PIL import Image

    resized = _coloured(image).resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)
    return _opaque(resized if turn is None else resized.transpose(turn))


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Image]:
    """The image in a file, open and not decoded yet. Raises what Pillow raises: how many pixels it
    has is for whoever decodes it to look at."""
    from PIL import Image

    Image.init()
    Image.MAX_IMAGE_PIXELS = None  # it would warn on standard error
    with (
        open(path, "rb", opener=_without_waiting) as file,
        Image.open(file, formats=_formats()) as image,
    ):
        yield image


def look_at(
    path: Path,
    size: tuple[int, int],
    make: Callable[[Image], Made],
    *,
    most: int = MOST_PIXELS,
    mode: str = "RGB",
) -> Made:
    """What `make` makes of the open image, of at most `most` pixels once it is as near to `size`
    and `mode` as its format lets it be on the way. Raises Unreadable."""
    try:
        with opened(path) as image:
            image.draft(mode, size)
            if image.width * image.height > most:
                raise Unreadable(f"it has {image.width:,} x {image.height:,} pixels")
            return make(image)
    except Unreadable:
        raise
    except MemoryError:
        raise Unreadable("there is no room for it in memory") from None
    except Exception as error:  # Pillow raises whatever its readers meet in a broken file
        known = isinstance(error, OSError) and error.strerror
        unknown = type(error).__name__ == "UnidentifiedImageError"
        raise Unreadable(known or ("it is no image" if unknown else str(error))) from None


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe, which would wait for whoever writes to it, has nothing in it."""
    return os.open(path, flags | os.O_NONBLOCK)


def _formats() -> list[str]:
    from PIL import Image

    return [name for name in FORMATS if name in Image.OPEN]


def _turn(image: Image) -> Any | None:
    """How the image is turned to stand as it was taken; None where it stands so, or says nothing
    that can be read."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    with contextlib.suppress(Exception):
        return turns.get(image.getexif().get(ORIENTATION, 1))
    return None


def _coloured(image: Image) -> Image:
    """The image with red, green, blue, and where it lets something through, how much."""
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        return _grey(image).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    return image if image.mode == "RGB" else image.convert("RGB")


def _grey(image: Image) -> Image:
    """An image of more than 8 bits a pixel, in 8: of 16 the upper ones, so that equal light stays
    equal from image to image; of any other range, from its least to its most."""
    import numpy as np
    from PIL import Image

    values = np.asarray(image).astype(np.float32)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    if image.mode == "F" or low < 0 or high > 65535:
        values = (values - low) * (65535 / max(high - low, 1e-30))
    return Image.fromarray((np.nan_to_num(values) / 257).astype(np.uint8))


def _opaque(image: Image) -> Image:
    from PIL import Image

    if image.mode == "RGB":
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")
