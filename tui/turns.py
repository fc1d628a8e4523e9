"""Takes keys, clicks and pastes in turn: the next one when all that the last one asked for is done.

Textual 8.2.8 gives a key to the field that has the focus when the key arrives, and a tab moves the
focus only when that field comes to read it. Of a tab and a letter that arrive together, as over a
slow line, the letter goes to the field that the tab leaves; and a key that follows one that opens
or closes a window goes to the wrong screen. Here a key waits until no part of the app has a message
left, so that keys in a burst do what they do typed slowly. A screen that says `holds_keys` keeps
them for a moment, such as a form that counts before it accepts.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Any

from textual.app import App
from textual.events import Event, InputEvent, MouseMove, Paste

# A part that does not come to rest holds up the next key for no longer than this, and a screen that
# asks for it for less.
REST_SECONDS = 5.0
HELD_SECONDS = 1.0
LOOK_SECONDS = 0.01
# So many times the event loop goes round with nothing left: a part may be amid a message.
QUIET_TURNS = 3


class InTurn(App[None]):
    """An app whose keys go where they would go if they were typed slowly."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._waiting: deque[Event] = deque()
        self._taking: asyncio.Task[None] | None = None

    @property
    def message_queue_size(self) -> int:
        """What is not taken in yet, keys that wait for their turn too."""
        return super().message_queue_size + len(self._waiting)

    async def on_event(self, event: Event) -> None:
        if isinstance(event, (InputEvent, Paste)) and not event.is_forwarded:
            self._waiting.append(event)
            if self._taking is None:
                self._taking = asyncio.create_task(self._take(), name="keys in turn")
        else:
            await super().on_event(event)

    async def _take(self) -> None:
        try:
            while self._waiting and not self._is_over:
                await super().on_event(self._waiting[0])
                if not isinstance(self._waiting[0], MouseMove):
                    await self._come_to_rest()
                self._waiting.popleft()
        except Exception as error:
            self._handle_exception(error)
        finally:
            self._waiting.clear()
            self._taking = None

    async def _come_to_rest(self) -> None:
        await self._rest()
        began = time.monotonic()
        while self._is_held and time.monotonic() - began < HELD_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            if not self._is_held:
                await self._rest()

    async def _rest(self) -> None:
        began, quiet = time.monotonic(), 0
        while quiet < QUIET_TURNS and time.monotonic() - began < REST_SECONDS:
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._is_at_rest else 0

    @property
    def _is_over(self) -> bool:
        """Whether there is nobody left to take a key."""
        return self._exit or not self._screen_stack

    @property
    def _is_at_rest(self) -> bool:
        if self._is_over:
            return True
        screen = self.screen
        parts = screen.walk_children(with_self=True)
        return (
            screen.is_mounted
            and not super().message_queue_size
            and not any(part.message_queue_size for part in parts)
        )

    @property
    def _is_held(self) -> bool:
        return not self._is_over and bool(getattr(self.screen, "holds_keys", False))
