"""Tries an image folder and pattern while they are being typed, off the event loop."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.content import Content
from textual.worker import get_current_worker

from core.buckets import bucket_fault
from core.errors import LabelpilotError
from core.workspace.settings import Images
from tui.text import count, plain, some

if TYPE_CHECKING:
    from textual.screen import Screen

PAUSE_SECONDS = 0.15


class ImageCount:
    """Says how many files of a folder a pattern takes, a moment after the last key."""

    def __init__(self, screen: Screen[Any], tell: Callable[[Content], None]) -> None:
        self._screen = screen
        self._tell = tell

    def count(self, root: Path, path: str, pattern: str, recursive: bool) -> None:
        """Count in the background; only the newest count speaks."""
        self._screen.run_worker(
            lambda: self._count(root, path, pattern, recursive),
            group="image count",
            exclusive=True,
            thread=True,
            exit_on_error=False,
        )

    def _count(self, root: Path, path: str, pattern: str, recursive: bool) -> None:
        worker = get_current_worker()
        text = _counted(root, path, pattern, recursive, lambda: worker.is_cancelled)
        if not worker.is_cancelled:
            self._screen.app.call_from_thread(self._tell, text)


def _counted(
    root: Path, path: str, pattern: str, recursive: bool, cancelled: Callable[[], bool]
) -> Content:
    from core.tasks.scan import scan_images

    if not path:
        return plain("Where are the images?", "$text-warning")
    if "://" in path:
        fault = bucket_fault(path)
        text = fault or "in a bucket, where only Label Studio looks"
        return plain(text, "$text-error" if fault else "$text-success")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return plain(f"not a regular expression: {error}", "$text-error")
    images = Images(path=root / os.path.expanduser(path), pattern=pattern, recursive=recursive)
    scan = scan_images(images)
    try:
        while not cancelled():
            next(scan)
        return Content("")
    except StopIteration as stop:
        found = stop.value
    except LabelpilotError as error:
        return plain(error.in_short, "$text-error")
    finally:
        scan.close()
    total = found.count + found.left_out
    text = f"{found.count:,} of {count(total, 'file')} match"
    if found.left_out:
        text += f"; left out: {some(found.examples, 2)}"
        more = found.left_out - min(2, len(found.examples))
        text += f" and {more:,} more" if more > 0 else ""
    if found.subfolders and not recursive:
        text += f"; {count(found.subfolders, 'subfolder')} not looked into"
    return plain(text, "$text-success")
