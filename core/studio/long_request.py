"""A request that a server may be at for minutes, such as a storage's sync, and its signs of life.

A proxy's time limit strikes long before the server is done, and the server goes on. So one thread
sends and waits, with no limit of ours, while whoever began it looks at what the server shows. An
answer says that the request has ended; how it went must be asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from core.deadline import Call
from core.errors import LabelpilotError


class LongRequest:
    """A request that `send` makes, begun in a thread that nobody has to wait for."""

    def __init__(self, send: Callable[[], object]) -> None:
        self._call = Call(send, "long request")

    def ended(self, within: float = 0.0) -> bool:
        """Whether it has ended, or does so within so many seconds."""
        return self._call.ended(within)

    @property
    def error(self) -> LabelpilotError | None:
        """What a request that has ended failed with; None for one that goes on."""
        if self.ended():
            try:
                self._call.result()
            except LabelpilotError as error:
                return error
        return None


@dataclass(slots=True)
class Silence:
    """How long a server has shown no other sign of life."""

    sign: object = None
    seen: float = 0.0

    def seconds(self, sign: object) -> float:
        """Seconds since `sign`, whatever the server shows of its work, last changed."""
        if sign != self.sign:
            self.sign, self.seen = sign, time.monotonic()
        return time.monotonic() - self.seen
