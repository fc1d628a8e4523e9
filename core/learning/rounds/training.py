"""The user's own training, run as they named it on the command line.

What it prints goes to a log of its own, the last one's alone. It ends when labelpilot does, however
that ends.
"""

from __future__ import annotations

import shutil
import signal
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from core.errors import ConfigurationError, LabelpilotError
from core.masking import printable
from core.own_files import make_own, open_own
from core.processes import lives, tethered
from core.progress import Progress, Work
from core.workspace.settings import Workspace

LOG = "training.log"
HEARTBEAT = 0.2
# Time to leave things in order, where it is asked to end.
PATIENCE = 5.0
LINES_TOLD = 3
TAIL = 8_192


def check_command(command: Sequence[str]) -> None:
    """Raise ConfigurationError where `command` names no program."""
    if shutil.which(command[0]) is None:
        raise ConfigurationError(
            f"There is no program {command[0]!r} to train with.",
            next_step="Give the command as you would type it here: `-- python train.py`.",
        )


def train(workspace: Workspace, command: Sequence[str]) -> Work[float]:
    """Run `command` in the current folder to its end, and return the seconds that it took.

    Raises LabelpilotError, with the last lines that it printed, where it fails.
    """
    workspace.state.make()
    log = make_own(workspace.state.logs) / LOG
    began = time.monotonic()
    with (
        open_own(log, "wb") as kept,
        tethered(command, patience=PATIENCE, stdout=kept) as process,
    ):
        while lives(process):
            yield Progress("training", int(time.monotonic() - began))
            time.sleep(HEARTBEAT)
    code = int(process.wait())
    if code:
        how = f"with exit code {code}" if code > 0 else f"by {signal.Signals(-code).name}"
        raise LabelpilotError(
            f"The training ended {how}; nothing was published.",
            cause=" / ".join(_last_lines(log)),
            next_step=f"The whole of what it printed is in {workspace.relative(log)}.",
        )
    return time.monotonic() - began


def _last_lines(log: Path) -> list[str]:
    with open_own(log) as file:
        file.seek(max(0, file.seek(0, 2) - TAIL))
        text = file.read().decode("utf-8", "replace")
    # A progress bar writes over itself: as a terminal would leave it.
    lines = (line.rstrip("\r").rpartition("\r")[2].strip() for line in text.split("\n"))
    return [printable(line) for line in deque(filter(None, lines), maxlen=LINES_TOLD)]
