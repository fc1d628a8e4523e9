"""A job as it stands: a bar where the end is known, how far, how fast, how long, the last notes."""

from __future__ import annotations

import time
from typing import Any

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from tui.jobs import Job
from tui.text import clock, count, duration, plain, rate, spinner
from tui.widgets.gauge import gauge

# Without a sign of life for so long, the panel says for how long.
SILENCE_SECONDS = 5.0


class JobPanel(Widget):
    """Shows a job. `notes` is how many of its last notes stand below."""

    def __init__(self, notes: int = 3, id: str | None = None) -> None:
        super().__init__(id=id)
        self.job: Job[Any] | None = None
        self._shown_height = 0
        self._notes = notes

    def show(self, job: Job[Any] | None) -> None:
        """Show `job` as it is now; None for nothing."""
        self.job = job
        self.display = job is not None
        # A layout of the whole screen is dear: only where a line comes or goes.
        height = self._height(job)
        self.refresh(layout=height != self._shown_height)
        self._shown_height = height

    def _height(self, job: Job[Any] | None) -> int:
        if job is None:
            return 0
        noted = min(self._notes, len(job.notes))
        return 2 + bool(job.progress.total) + _is_stopping(job) + (noted + 1 if noted else 0)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self._height(self.job)

    def render(self) -> Content:
        job = self.job
        if job is None:
            return Content("")
        width = max(10, self.size.width)
        parts = [self._heading(job)]
        if (bar_line := self._bar(job, width)) is not None:
            parts.append(bar_line)
        parts.append(self._counts(job))
        if _is_stopping(job):
            parts.append(plain("stopping; what runs now ends first", "$text-warning"))
        if self._notes and job.notes:
            parts.append(Content(""))
            parts += [
                Content.assemble((clock(moment) + "  ", "$muted"), plain(note)).truncate(
                    width, ellipsis=True
                )
                for moment, note in list(job.notes)[-self._notes :]
            ]
        return Content("\n").join(parts)

    def _heading(self, job: Job[Any]) -> Content:
        stage = job.progress.stage
        extra = f"  {stage}" if stage and stage not in job.title.lower() else ""
        moves = (f"{spinner()} ", "$primary") if job.running else ""
        return Content.assemble(moves, (job.title, "bold"), plain(extra, "$muted"))

    def _bar(self, job: Job[Any], width: int) -> Content | None:
        total = job.progress.total
        if not total:
            return None
        return gauge(job.progress.done / total, width)

    def _counts(self, job: Job[Any]) -> Content:
        progress, parts = job.progress, []
        counted = bool(progress.done or progress.total) and progress.total != 0
        # Without a total, what is counted may well be the seconds themselves.
        if counted and progress.total:
            parts.append(f"{progress.done:,} of {progress.total:,}")
            if job.per_second:
                parts.append(rate(job.per_second))
        parts.append(duration(job.elapsed))
        if job.running and job.seconds_left is not None and progress.total:
            parts.append(f"{duration(job.seconds_left)} left")
        if job.retries:
            parts.append(count(job.retries, "retry", "retries"))
        silence = time.monotonic() - job.last_sign
        if job.running and silence > SILENCE_SECONDS:
            parts.append(f"last sign of life {duration(silence)} ago")
        return plain("     ".join(parts), "$muted")


def _is_stopping(job: Job[Any]) -> bool:
    return job.stopping.is_set() and job.running
