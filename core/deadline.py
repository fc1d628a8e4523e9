"""Calls that may hang, made in a thread that nobody has to wait for.

A keyring that asks for its password, a link that trickles, a port that takes a connection and says
nothing: their own time limits do not bound them. A call that took too long is left to itself, and
does not keep the process alive.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class Overdue(Exception):
    """A call has not ended within its time. `call` goes on."""

    def __init__(self, call: Call[Any], seconds: float) -> None:
        super().__init__(f"no end within {seconds:.0f} seconds")
        self.call = call


class Call(Generic[Value]):
    """A call that has begun in a thread of its own; `name` is the thread's."""

    def __init__(self, call: Callable[[], Value], name: str) -> None:
        self._call = call
        self._outcome: list[Value] = []
        self._failure: Exception | None = None
        self._ended = threading.Event()
        threading.Thread(target=self._run, daemon=True, name=name).start()

    def ended(self, within: float = 0.0) -> bool:
        """Whether the call has ended, or does so within so many seconds."""
        return self._ended.wait(within)

    def result(self) -> Value:
        """What the call returned; raises what it raised. Only for one that has ended."""
        if self._failure is not None:
            raise self._failure
        return self._outcome[0]

    def _run(self) -> None:
        try:
            self._outcome.append(self._call())
        except Exception as error:  # handed on to whoever asks for the result
            self._failure = error
        finally:
            self._ended.set()


def within(seconds: float, call: Callable[[], Value], name: str) -> Value:
    """The result of `call`, or what it raised. Raises Overdue if it takes longer than `seconds`."""
    begun = Call(call, name)
    if not begun.ended(seconds):
        raise Overdue(begun, seconds)
    return begun.result()
