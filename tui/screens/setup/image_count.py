"""Tries an image folder while it is being typed, off the event loop."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from textual.content import Content
from textual.worker import get_current_worker

from core.buckets import bucket_fault
from core.errors import LabelpilotError
from core.workspace.settings import Images
from tui.text import count, plain, some

if TYPE_CHECKING:
    from textual.screen import Screen

    from core.progress import Work

Answer = TypeVar("Answer")
PAUSE_SECONDS = 0.15


class Newest(Generic[Answer]):
    """Does in the background what is asked for, and tells what comes of the newest alone."""

    def __init__(self, screen: Screen[Any], group: str, tell: Callable[[Answer], object]) -> None:
        self._screen = screen
        self._group = group
        self._tell = tell

    def ask(self, work: Work[Answer]) -> None:
        self._screen.run_worker(
            lambda: self._do(work),
            group=self._group,
            exclusive=True,
            thread=True,
            exit_on_error=False,
        )

    def _do(self, work: Work[Answer]) -> None:
        worker = get_current_worker()
        try:
            while not worker.is_cancelled:
                next(work)
        except StopIteration as stop:
            if not worker.is_cancelled:
                self._screen.app.call_from_thread(self._tell, stop.value)
        finally:
            work.close()


def asked_place(place: str) -> Content:
    """What is said of a place before anything is looked at; empty where it is to be looked at."""
    if not place:
        return plain("Where are the images?", "$text-warning")
    if "://" in place:
        fault = bucket_fault(place)
        text = fault or "in a bucket, where only Label Studio looks"
        return plain(text, "$text-error" if fault else "$text-success")
    return Content("")


def matching(root: Path, path: str, pattern: str, recursive: bool) -> Work[Content]:
    """How many files of a folder a pattern takes, in words."""
    from core.tasks.scan import scan_images

    if said := asked_place(path):
        return said
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return plain(f"not a regular expression: {error}", "$text-error")
    images = Images(path=root / os.path.expanduser(path), pattern=pattern, recursive=recursive)
    try:
        found = yield from scan_images(images)
    except LabelpilotError as error:
        return plain(error.in_short, "$text-error")
    total = found.count + found.left_out
    text = f"{found.count:,} of {count(total, 'file')} match"
    if found.left_out:
        text += f"; left out: {some(found.examples, 2)}"
        more = found.left_out - min(2, len(found.examples))
        text += f" and {more:,} more" if more > 0 else ""
    if found.subfolders and not recursive:
        text += f"; {count(found.subfolders, 'subfolder')} not looked into"
    return plain(text, "$text-success")
