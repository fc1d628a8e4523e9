"""Has orders measured on the user's labels, by itself and in the background, when it is time."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from core.learning.rounds.options import FEWEST_MEASURED
from tui.host import Host
from tui.job_kinds import EMBED, MEASURE, PLAN

if TYPE_CHECKING:
    from core.workspace.settings import Workspace

# So many times the labels, and it is looked at again whether it is time.
MORE = 1.1


class Measuring:
    """When to begin: once there are enough labels, as they grow, and when there may be embeddings
    that there were not."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._workspace: Workspace | None = None
        self._next = FEWEST_MEASURED

    def look(self) -> None:
        """Begin, if it is time."""
        state, jobs = self._host.state, self._host.jobs
        workspace, last = state.workspace, jobs.last(MEASURE)
        if workspace is None or jobs.in_the_way(MEASURE) is not None:
            return
        labels = state.labels.labels if state.labels is not None else 0
        if workspace != self._workspace:
            self._workspace, self._next = workspace, FEWEST_MEASURED
            is_time = os.path.exists(workspace.state.replay)
        else:
            makers = [jobs.last(PLAN), jobs.last(EMBED)]
            made = max((job.ended or 0.0 for job in makers if job is not None), default=0.0)
            is_time = last is not None and last.result is None and made > last.began
        if is_time or labels >= self._next:
            self._next = max(FEWEST_MEASURED, int(MORE * labels) + 1)
            begin = partial(self._host.backend.measure_orders, workspace)
            jobs.start(MEASURE, "Measuring orders", "labelpilot replay", begin)
