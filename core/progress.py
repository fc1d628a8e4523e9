"""The one event type of long work.

Long work is a generator that yields `Progress` and returns its result. Closing the generator
cancels it. The app runs it in a thread, the command line renders it, a test iterates.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a piece of long work stands.

    `stage` is a short name that stays the same while the same thing is counted; `done` and `total`
    count it (`total` is None while unknown); `note` is a sentence worth keeping in a log, or empty;
    `retries` is how often something was tried again so far, where the event is about that.
    """

    stage: str
    done: int = 0
    total: int | None = None
    note: str = ""
    retries: int = 0


Work: TypeAlias = Generator[Progress, None, Result]


def finish(work: Work[Result], on_progress: Callable[[Progress], None] | None = None) -> Result:
    """Run `work` to its end, hand each event to `on_progress`, and return the work's result."""
    try:
        while True:
            event = next(work)
            if on_progress is not None:
                on_progress(event)
    except StopIteration as stop:
        result: Result = stop.value
        return result
    finally:
        work.close()
