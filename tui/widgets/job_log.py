"""The notes of a job, line by line, as they come."""

from __future__ import annotations

from typing import Any

from tui.jobs import MOST_NOTES, Job
from tui.text import clock, harmless
from tui.widgets.lists import KeyedLog


class JobLog(KeyedLog):
    """Follows one job at a time; another one begins a new page."""

    def __init__(self) -> None:
        super().__init__(max_lines=MOST_NOTES)
        self._job: Job[Any] | None = None
        self._noted = 0

    def follow(self, job: Job[Any] | None) -> None:
        """Write the notes of `job` that are not written yet."""
        if job is not self._job:
            self.empty()
            self._job, self._noted = job, 0
        if job is None or job.noted == self._noted:
            return
        new = job.noted - self._noted
        kept = list(job.notes)[-new:]
        self.add([f"{clock(moment)}  {harmless(note)}" for moment, note in kept])
        self._noted += new
