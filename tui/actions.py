"""What a key does, and why it does not now: one table for each screen that has keys of its own.

`tui.keys` says which key it is and what the help says of it; a screen's `actions()` gives for each
what runs, the reason why it is off, and its word, as things stand. The line of keys and the palette
ask the same table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from core.read_only import is_read_only
from tui.keys import CHANGING, Place, keys_of

LOOKING_ONLY = "labelpilot was started with --read-only: nothing can be changed."


@dataclass(frozen=True, slots=True)
class Action:
    """What runs; `why_not` tells in a sentence why it does not apply now, and is empty if it does.
    `word` is what it does now, where that is not what the key's own word says."""

    run: Callable[[], object]
    why_not: str = ""
    word: str = ""


class WithActions(Protocol):
    """A screen whose keys stand in a table."""

    PLACE: ClassVar[Place]

    def actions(self) -> Mapping[str, Action]:
        """Action -> what it does as things stand. A key without an entry does nothing here."""


def actions_of(screen: WithActions) -> Mapping[str, Action]:
    """A screen's table, without what may not be done where labelpilot only looks."""
    table = dict(screen.actions())
    if is_read_only():
        for key in keys_of(screen.PLACE):
            if key.id in CHANGING and key.action in table:
                table[key.action] = replace(table[key.action], why_not=LOOKING_ONLY)
    return table


def act(screen: WithActions, name: str, say: Callable[[str], object]) -> None:
    """Do what a key is for, or say why it does not apply."""
    action = actions_of(screen).get(name)
    if action is not None and action.why_not:
        say(action.why_not)
    elif action is not None:
        action.run()
