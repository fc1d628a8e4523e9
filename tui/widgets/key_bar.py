"""The line of keys at the bottom: those that apply now, the most useful first.

`?` and `:` stand at the right and are never the ones that are cut.
"""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from tui.keys import Key, Place, keys_of


class KeyBar(Widget):
    """The keys of a place. Asks its screen which apply (`why_not`) and what they do (`face`)."""

    def __init__(self, *places: Place, more: bool = True) -> None:
        super().__init__()
        self._places = places
        self._more = more

    def on_mount(self) -> None:
        changed = getattr(self.app, "changed", None)
        if changed is not None:
            changed.subscribe(self, lambda _: self.refresh())

    def render(self) -> Content:
        width = self.size.width
        wanted = [key for key in keys_of(*self._places) if key.short and self._applies(key)]
        wanted = list({self._words(key): key for key in wanted}.values())
        right: list[Key] = []
        if self._more:
            right = [k for k in keys_of("everywhere") if k.action in ("command_palette", "help")]
            wanted += [k for k in keys_of("everywhere") if k.short and k not in right]
        tail = Content("   ").join([self._shown(key) for key in right])
        room = width - tail.cell_length - 3
        shown: list[Content] = []
        for key in wanted:
            part = self._shown(key)
            if part.cell_length + 3 > room:
                break
            shown.append(part)
            room -= part.cell_length + 3
        head = Content("   ").join(shown)
        gap = max(1, width - head.cell_length - tail.cell_length - 2)
        return Content("").join([Content(" "), head, Content(" " * gap), tail])

    def _applies(self, key: Key) -> bool:
        why_not = getattr(self.screen, "why_not", None)
        return why_not is None or why_not(key.action) is None

    def _words(self, key: Key) -> str:
        face = getattr(self.screen, "face", None)
        return key.short if face is None else str(face(key))

    def _shown(self, key: Key) -> Content:
        face = key.face.split("/")[0] or "/"
        return Content.assemble((face, "bold $primary"), " ", (self._words(key), "$muted"))
