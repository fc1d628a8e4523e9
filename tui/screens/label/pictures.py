"""The pictures of the next images, made before they are wanted.

Two threads read, scale and draw, the nearest first; only what is wanted is kept. They end with the
process at the latest, and hold nothing up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tui.widgets.drawing import Canvas, Drawing, draw

if TYPE_CHECKING:
    from rich.console import Console

THREADS = 2


class Pictures:
    """Draws what is wanted; `ready` hears of each, in the thread that made it."""

    def __init__(self, console: Console, ready: Callable[[Path], None]) -> None:
        self._console = console
        self._ready = ready
        self._changed = threading.Condition()
        self._canvas = Canvas(0, 0)
        self._wanted: tuple[Path, ...] = ()
        self._begun: set[Path] = set()
        self._drawn: dict[Path, Drawing] = {}
        self._ends = False
        for number in range(THREADS):
            name = f"pictures {number}"
            threading.Thread(target=self._work, daemon=True, name=name).start()

    def want(self, paths: Sequence[Path], canvas: Canvas) -> None:
        """Have pictures of `paths` made for `canvas`, in this order, and forget all others."""
        with self._changed:
            if canvas != self._canvas:
                self._canvas, self._drawn, self._begun = canvas, {}, set()
            self._wanted = tuple(dict.fromkeys(paths)) if canvas.width and canvas.height else ()
            self._drawn = {path: one for path, one in self._drawn.items() if path in self._wanted}
            self._begun &= set(self._wanted)
            self._changed.notify_all()

    def get(self, path: Path) -> Drawing | None:
        """The picture of `path`; None while it is not made."""
        with self._changed:
            return self._drawn.get(path)

    def has(self, path: Path, canvas: Canvas) -> bool:
        """Whether the picture of `path` is made for `canvas`."""
        with self._changed:
            return canvas == self._canvas and path in self._drawn

    def close(self) -> None:
        """Make no more."""
        with self._changed:
            self._ends = True
            self._wanted, self._drawn = (), {}
            self._changed.notify_all()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            path, canvas = task
            drawing = draw(path, canvas, self._console)
            with self._changed:
                if self._ends or canvas != self._canvas or path not in self._wanted:
                    continue
                self._drawn[path] = drawing
            self._ready(path)

    def _next(self) -> tuple[Path, Canvas] | None:
        """What is to be drawn next, once there is something; None at the end."""
        with self._changed:
            while not self._ends:
                for path in self._wanted:
                    if path not in self._begun:
                        self._begun.add(path)
                        return path, self._canvas
                self._changed.wait()
        return None
