"""Image files, read as a network takes them: upright, in colour, all of one size.

A data set may hold anything under an image's name. What cannot be read whole is refused by one
sentence, and never guessed; an image too large for memory is refused before it is decoded, unless
its format lets it be made smaller on the way.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

# Pillow reads more; some of the others would start another program.
FORMATS = ("PNG", "JPEG", "MPO", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO")
MOST_PIXELS = 100_000_000
ORIENTATION = 0x0112


class Unreadable(Exception):
    """The file is no image that can be looked at; the text says why."""


def read_pixels(path: Path, width: int, height: int) -> NDArray[np.uint8]:
    """The image as (height, width, 3), red, green and blue, whatever its own proportions.

    All of it is kept, since what a label is about may stand at the edge. Of an animation it is the
    first picture; what shows through is white. Raises Unreadable.
    """
    from PIL import Image

    Image.init()
    Image.MAX_IMAGE_PIXELS = None  # it would warn on standard error; the limit is kept here
    try:
        with open(path, "rb") as file, Image.open(file, formats=_formats()) as image:
            image.draft("RGB", (width, height))
            if image.width * image.height > MOST_PIXELS:
                raise Unreadable(f"it has {image.width:,} x {image.height:,} pixels")
            turn = _turn(image)
            turned = turn is not None and turn >= Image.Transpose.ROTATE_90
            size = (height, width) if turned else (width, height)
            resized = _coloured(image).resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)
            upright = resized if turn is None else resized.transpose(turn)
            return np.asarray(_opaque(upright), np.uint8)
    except Unreadable:
        raise
    except MemoryError:
        raise Unreadable("there is no room for it in memory") from None
    except Exception as error:  # Pillow raises whatever its readers meet in a broken file
        known = isinstance(error, OSError) and error.strerror
        unknown = type(error).__name__ == "UnidentifiedImageError"
        raise Unreadable(known or ("it is no image" if unknown else str(error))) from None


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
