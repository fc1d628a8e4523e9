"""Waiting for a Label Studio, ours or another's, that went away or asks to wait."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from core.errors import StudioUnreachable
from core.progress import Progress, Work
from core.studio.http import is_healthy

# How long a server that went away may take to come back.
RETURN_SECONDS = 60.0


def pause(seconds: float, progress: Progress) -> Work[None]:
    """Wait, and show `progress` meanwhile; its note once."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        yield progress
        progress = replace(progress, note="")
        time.sleep(min(left, 0.5))


def wait_for_server(url: str, progress: Progress) -> Work[None]:
    """Wait until the server at `url` answers again, showing `progress` meanwhile.

    Raises StudioUnreachable if it stays away.
    """
    began = time.monotonic()
    while not is_healthy(url):
        if time.monotonic() - began > RETURN_SECONDS:
            raise StudioUnreachable(
                f"Label Studio at {url} went away and did not come back within "
                f"{RETURN_SECONDS:.0f} seconds.",
                cause="What is done stays.",
                next_step="Start it, and run this again: it goes on from there.",
            )
        yield replace(progress, note="waiting for Label Studio to come back")
        time.sleep(0.5)


@dataclass(slots=True)
class Patience:
    """How often the server at `url` may fail to answer, and has failed so far."""

    url: str
    attempts: int
    failures: int = 0

    def wait(self, error: StudioUnreachable, progress: Progress) -> Work[None]:
        """Tell of `error` with `progress`, and wait until the server answers again.

        Raises `error` after the last attempt: a server may be there and still not do its work.
        Raises StudioUnreachable if it stays away.
        """
        self.failures += 1
        if self.failures >= self.attempts:
            raise error
        yield replace(progress, note=error.in_short)
        yield from wait_for_server(self.url, progress)
