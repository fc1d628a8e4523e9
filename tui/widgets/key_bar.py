"""The line of keys at the bottom: those that apply now and have room, the most useful first.

`?` and `:` stand at the right and are never the ones that are cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from textual.content import Content
from textual.widget import Widget

from tui.actions import WithActions, actions_of
from tui.host import host_of
from tui.keys import Key, Place, keys_of


class KeyBar(Widget):
    """The keys of a place. Asks its screen's table of actions which apply, and what they do."""

    def __init__(self, *places: Place, more: bool = True) -> None:
        super().__init__()
        self._places = places
        self._more = more

    def on_mount(self) -> None:
        host_of(self).changed.subscribe(self, lambda _: self.refresh())

    def render(self) -> Content:
        width = self.size.width
        wanted = list(self._applying())
        right: list[tuple[Key, str]] = []
        if self._more:
            everywhere = [(key, key.short) for key in keys_of("everywhere") if key.short]
            right = [one for one in everywhere if one[0].action in ("command_palette", "help")]
            wanted += [one for one in everywhere if one not in right]
        tail = Content("   ").join([_shown(*one) for one in right])
        room = width - tail.cell_length - 3
        shown: list[Content] = []
        for one in wanted:
            part = _shown(*one)
            if part.cell_length > room:
                continue
            shown.append(part)
            room -= part.cell_length + 3
        head = Content("   ").join(shown)
        gap = max(1, width - head.cell_length - tail.cell_length - 2)
        return Content("").join([Content(" "), head, Content(" " * gap), tail])

    def _applying(self) -> Iterator[tuple[Key, str]]:
        """The keys that apply now, each with its word; of two that do the same, the first."""
        actions, words = actions_of(cast(WithActions, self.screen)), set[str]()
        for key in keys_of(*self._places):
            action = actions.get(key.action)
            if not key.short or action is None or action.why_not:
                continue
            word = action.word or key.short
            if word not in words:
                words.add(word)
                yield key, word


def _shown(key: Key, word: str) -> Content:
    face = key.face.split("/")[0] or "/"
    return Content.assemble((face, "bold $primary"), " ", (word, "$muted"))
