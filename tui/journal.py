"""What labelpilot did, in a file: one line for each start, note, end and error of a job.

Secrets are masked before a line is written. The journal never fails its caller: where it cannot be
written, it is kept in memory only.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from pathlib import Path

from core.errors import LabelpilotError
from core.masking import redact
from core.own_files import make_own, open_own

MOST_LINES = 2000
# So much of what former sessions wrote is known.
FORMER_BYTES = 10_000


class Journal:
    """The lines of this session, and of the file once there is a workspace to keep it in."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=MOST_LINES)
        self.former: list[str] = []
        self.file: Path | None = None

    def keep_in(self, file: Path) -> None:
        """Write to this file from now on, and know the last lines that are in it."""
        self.file = file
        with contextlib.suppress(LabelpilotError, OSError), open_own(file) as log:
            log.seek(max(0, os.fstat(log.fileno()).st_size - FORMER_BYTES))
            self.former = log.read().decode("utf-8", "replace").splitlines()[1:]

    def write(self, text: str) -> None:
        """Keep `text`, line by line, with the time of day."""
        moment = time.strftime("%Y-%m-%d %H:%M:%S")
        new = [f"{moment}  {redact(line)}" for line in text.splitlines() if line.strip()]
        self.lines.extend(new)
        if self.file is None or not self.file.parent.parent.is_dir():
            return
        try:
            make_own(self.file.parent)
            with open_own(self.file, "ab") as file:
                file.write("".join(f"{line}\n" for line in new).encode("utf-8", "replace"))
        except (LabelpilotError, OSError):
            self.file = None
