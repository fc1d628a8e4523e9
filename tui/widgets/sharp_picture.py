"""Pictures at the terminal's own resolution, where it has one: textual-image, if it is installed.

Whether the terminal can is asked once, before the app reads the keyboard: later its answer would be
taken for keys. Without textual-image, or where the terminal cannot, `Picture` draws half-blocks.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from textual.widget import Widget

_widget: type[Widget] | None = None


def prepare() -> None:
    """Ask the terminal whether it shows pictures. To be called before the app runs."""
    global _widget
    if importlib.util.find_spec("textual_image") is None:
        return
    try:
        renderable = importlib.import_module("textual_image.renderable")
        widget = importlib.import_module("textual_image.widget")
    except Exception:
        return
    if renderable.Image in (renderable.SixelImage, renderable.TGPImage):
        _widget = widget.Image


def sharp_widget() -> type[Widget] | None:
    """The widget that shows an image at full resolution, or None where that cannot be."""
    return _widget


def show_sharp(widget: Any, image: Any, width: int, height: int) -> None:
    """Let a `sharp_widget` show a Pillow image in at most `width` x `height` cells."""
    # A cell is about twice as high as it is wide.
    wide = image.width * 2 * height > image.height * width
    widget.styles.width = width if wide else "auto"
    widget.styles.height = "auto" if wide else height
    widget.image = image
