"""What the two fuzzers of the app share as commands: what is asked of them, and how they tell."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path


def asked(description: str | None, count: int) -> argparse.Namespace:
    """What was asked for; `count` events where it was not said how many. The traces' folder is
    made."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--events", type=int, default=count)
    options.add_argument("--seed", default="1")
    options.add_argument("--traces", type=Path, default=Path(tempfile.gettempdir()))
    options.add_argument("--replay", type=Path)
    options.add_argument("--found", type=int, default=5)
    given = options.parse_args()
    given.traces.mkdir(parents=True, exist_ok=True)
    return given


def tell(events: int, apps: int, found: int, began: float) -> None:
    """Say on standard error how far it is, since the moment `began`."""
    rate = events / (time.monotonic() - began)
    print(
        f"{events:,} events, {rate:,.0f} /s, {apps} apps, {found} found",
        file=sys.stderr,
        flush=True,
    )
