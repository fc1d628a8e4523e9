"""The journal of a bulk import: what may still be on its way to the server.

A POST whose answer never came can take effect later, even after labelpilot has ended. So before
each POST it is written down from which task on the project's tasks are this import's. The next run
waits for what was sent a moment ago, and knows which doubled tasks are of its own making.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson

from core.files import write_at_once
from core.own_files import read_own
from core.progress import Progress, Work
from core.tasks import limits
from core.tasks.session import Session


@dataclass(frozen=True, slots=True)
class OpenImport:
    """An import that has not been proven yet.

    Its tasks have ids above `after`; those of the POST sent last, at `sent` (seconds since 1970),
    above `newest`. `doubtful` says that some POST was given up waiting for.
    """

    after: int
    newest: int
    sent: float
    doubtful: bool

    @property
    def recent(self) -> bool:
        """Whether the import is new enough for the tasks after it to be of its making."""
        return self.age < limits.LATE_SECONDS

    @property
    def may_land(self) -> bool:
        """Whether a POST of this import could still take effect."""
        return self.doubtful and self.recent

    @property
    def age(self) -> float:
        """Seconds since the POST sent last; a clock that was set back makes it old."""
        seconds = time.time() - self.sent
        return seconds if seconds >= 0 else limits.LATE_SECONDS


def read_journal(file: Path) -> OpenImport | None:
    """The import that `file` tells of; None where there is none, or it cannot be read."""
    try:
        return OpenImport(**orjson.loads(read_own(file)))
    except (OSError, orjson.JSONDecodeError, TypeError):
        return None


def write_journal(file: Path, entry: OpenImport) -> None:
    """Write down what is about to be sent. Raises LabelpilotError where the disk refuses."""
    write_at_once(file, orjson.dumps(asdict(entry)))


def close_journal(file: Path) -> None:
    """Forget the import that `file` tells of, unless something of it may still land."""
    entry = read_journal(file)
    if entry is not None and not entry.may_land:
        file.unlink(missing_ok=True)


def settle(session: Session, entry: OpenImport) -> Work[OpenImport]:
    """Wait until the POST sent last has landed, or has had time to."""
    note = "the last sync was cut off; looking for what it had sent"
    while entry.age < limits.SEARCH_SECONDS:
        _, newest = session.last_task()
        if newest is not None and newest.id > entry.newest:
            return entry
        yield Progress("look", 0, None, note)
        note = ""
        time.sleep(0.5)
    return replace(entry, doubtful=True)
