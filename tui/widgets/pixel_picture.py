"""Pictures in the terminal's own pixels, where it shows them: textual-image, if it is installed.

Whether the terminal can is asked once, before the app reads the keyboard: later its answer would be
taken for keys. Without textual-image, or where the terminal cannot, `Picture` draws half-blocks.
textual-image's own half-cells are not used: they decode an image of any size while the screen is
painted, and raise for what is no image.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from textual.widget import Widget

# The widget that shows an image in pixels; None until `prepare`, and where that cannot be.
pixel_widget: type[Widget] | None = None


def prepare() -> None:
    """Ask the terminal whether it shows pictures. To be called before the app runs."""
    global pixel_widget
    if importlib.util.find_spec("textual_image") is None:
        return
    try:
        renderable = importlib.import_module("textual_image.renderable")
        widget = importlib.import_module("textual_image.widget")
    except Exception:
        return
    if renderable.Image in (renderable.SixelImage, renderable.TGPImage):
        pixel_widget = widget.Image


def show_pixels(widget: Any, image: Any, width: int, height: int) -> None:
    """Let a `pixel_widget` show a Pillow image in at most `width` x `height` cells."""
    # A cell is about twice as high as it is wide.
    wide = image.width * 2 * height > image.height * width
    widget.styles.width = width if wide else "auto"
    widget.styles.height = "auto" if wide else height
    widget.image = image
