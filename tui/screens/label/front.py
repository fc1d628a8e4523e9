"""The image in front: its name, its picture, and since when it is seen."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from tui.host import host_of
from tui.keys import key_of
from tui.screens.label.pictures import Pictures
from tui.screens.label.sight import Sight
from tui.text import plain, shortened
from tui.widgets.drawing import Drawing, written
from tui.widgets.live_text import LiveText
from tui.widgets.picture import Picture

if TYPE_CHECKING:
    from core.labeling.item import LabelItem

# How many pictures that were shown are kept, for those that are taken back.
KEPT = 2
NO_PICTURE = "This image is not shown here"


class Front(Vertical):
    """Shows the first of the images that it is given, and draws the others meanwhile."""

    can_focus = False

    def __init__(self) -> None:
        super().__init__()
        self._items: Sequence[LabelItem] = ()
        self._empty: Sequence[str] = ()
        self._sight = Sight()
        # What is to be painted before it is seen.
        self._awaited: Drawing | None = None
        # Whether its picture stands there, maybe while it is drawn anew for another size.
        self._was_shown = False
        self._pictures: Pictures | None = None
        self._former: deque[Path] = deque(maxlen=KEPT)
        # Images that were opened in the browser: they are seen there, where they are not here.
        self._opened: set[int] = set()
        # How long it was not looked at, and since when it is not; 0 where it is.
        self._away = self._left = 0.0

    def compose(self) -> ComposeResult:
        yield LiveText(id="image")
        yield Picture(centred=True)

    def on_mount(self) -> None:
        self._pictures = Pictures(self.app.console, self._drawn)
        host_of(self).echo.subscribe(self, self._sight.answer)
        self.app.theme_changed_signal.subscribe(self, lambda _: self._draw())

    def on_unmount(self) -> None:
        if self._pictures is not None:
            self._pictures.close()

    def on_picture_resized(self, event: Picture.Resized) -> None:
        event.stop()
        self._draw()

    @property
    def item(self) -> LabelItem | None:
        return self._items[0] if self._items else None

    def put(self, items: Sequence[LabelItem], empty: Sequence[str]) -> bool:
        """Bring the first of `items` to the front, or the words `empty` where there is none; says
        whether it is another one than before."""
        former, self._items, self._empty = self.item, items, empty
        # One that is labeled again is another one, with a note on why.
        is_new = (former and (former.task_id, former.note)) != (
            self.item and (self.item.task_id, self.item.note)
        )
        if is_new:
            if former is not None and former.path is not None:
                self._former.append(former.path)
            self._sight.begin()
            self._was_shown = False
            self._away = 0.0
        self._draw()
        return is_new

    # Whether it is seen

    def counts(self, key: str, moment: float) -> bool:
        """Whether a key that was pressed at `moment` is meant for the image in front."""
        return self._sight.counts(key, moment)

    @property
    def is_seen(self) -> bool:
        return self._sight.since is not None

    @property
    def is_held(self) -> bool:
        """Whether the last key was one that is held down."""
        return self._sight.is_held

    @property
    def is_known(self) -> bool:
        """Whether one can know what is on the image: here, or in the browser."""
        if self.item is not None and self.item.task_id in self._opened:
            return True
        drawing = self._drawing
        return self._was_shown if drawing is None else not drawing.problem

    def open(self) -> None:
        """The image in front was opened in the browser."""
        if self.item is not None:
            self._opened.add(self.item.task_id)
            self._show()

    def seconds(self, moment: float) -> float:
        """How long the image was in front and seen at `moment`, without what lay over it."""
        since = self._sight.since
        return 0.0 if since is None else max(0.0, moment - since - self._away)

    def leave(self) -> None:
        """Something else is looked at from now on."""
        self._left = time.monotonic()

    def come_back(self) -> None:
        """The image is looked at again."""
        if self._left:
            self._away += time.monotonic() - self._left
            self._left = 0.0

    # Its picture

    def _draw(self) -> None:
        """Show the first picture, and have those made that are wanted: after it was painted, as
        they would take the processor from that, or at once where it is not there yet."""
        if self._pictures is not None:
            item, canvas = self.item, self.query_one(Picture).canvas
            if item is None or item.path is None or not self._pictures.has(item.path, canvas):
                self._want()
            self._show()

    def _want(self) -> None:
        if self._pictures is not None:
            paths = [item.path for item in self._items if item.path is not None]
            self._pictures.want([*paths, *self._former], self.query_one(Picture).canvas)

    def _drawn(self, path: Path) -> None:
        """A picture is made; called in the thread that made it."""
        app, loop = self.app, self.app._loop
        if loop is not None and self.item is not None and self.item.path == path:
            # The loop is gone when the app was left meanwhile.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(partial(app.call_later, self._show))

    @property
    def _drawing(self) -> Drawing | None:
        """The picture of the image in front; None while it is made."""
        if self.item is None or self.item.path is None:
            return Drawing(problem="Its file is not on this machine.")
        return self._pictures.get(self.item.path) if self._pictures is not None else None

    def _show(self) -> None:
        if not self.is_attached:
            return
        item, drawing, picture = self.item, self._drawing, self.query_one(Picture)
        if item is not None and drawing is None and self._sight.is_painted:
            # It is being drawn anew, for another size: until then it stands as it was.
            return
        if item is None:
            words: Sequence[str] = self._empty
        elif drawing is None:
            words = ["reading the image …"]
        else:
            self._was_shown = not drawing.problem
            words = self._without_picture(drawing.problem) if drawing.problem else ()
        shown = picture.paint(
            written(words, picture.canvas) if words or drawing is None else drawing
        )
        self._awaited = shown if item is not None and drawing is not None else None
        name = [] if item is None else [self._named(item, drawing)]
        self.query_one("#image", LiveText).show(name)

    def on_picture_painted(self, event: Picture.Painted) -> None:
        event.stop()
        self._want()
        if event.drawing is self._awaited and not self._sight.is_painted:
            self._sight.paint(time.monotonic())
            host_of(self).ask_echo()

    def _without_picture(self, problem: str) -> list[str]:
        opener = key_of("label", "open")
        how = f"{opener} opens it in the browser; then it can be labeled here too."
        if self.is_known:
            how = "It was opened in the browser, and can be labeled here."
        return [f"{NO_PICTURE}.", problem, "", how]

    def _named(self, item: LabelItem, drawing: Drawing | None) -> Content:
        width, height = drawing.size if drawing is not None else (0, 0)
        pixels = f"  {width:,}x{height:,}" if width else ""
        workspace = host_of(self).state.workspace
        where = workspace.relative(item.path) if workspace and item.path else item.url
        because = self._because(item)
        room = self.size.width - len(pixels) - len(item.tag) - because.cell_length - 5
        parts = [plain(f" {item.tag}", "bold")]
        if room > 8:
            parts.append(plain(f"  {shortened(where, room)}", "$muted"))
        whole = Content("").join([*parts, plain(pixels, "$muted"), because])
        return whole.truncate(max(1, self.size.width - 1), ellipsis=True)

    def _because(self, item: LabelItem) -> Content:
        """The train image because of which the round asks for this one, and its label."""
        labels = host_of(self).state.labels
        reason = labels.because.get(item.task_id) if labels is not None else None
        if reason is None:
            return Content("")
        tag, classes = reason
        said = Content.assemble(": ", plain(", ".join(classes))) if classes else ""
        return Content.assemble(("  is like ", "$muted"), plain(tag, "$muted"), said)
