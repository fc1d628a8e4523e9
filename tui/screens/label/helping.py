"""What helps whoever labels: suggestions, made in the background while the labeling has begun."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from core.errors import LabelpilotError
from tui.dialogs.dialog import sentence
from tui.job_kinds import HELP

if TYPE_CHECKING:
    from core.labeling.suggestions import Suggestion
    from core.learning.suggesting.helping import Help
    from tui.screens.section import Section

# After so many more labels, suggestions are made anew, and looked for anew where there are none.
MORE, SOONER = 100, 25
# What is less likely is not told beside an answer.
LEAST = 0.05


class Helping:
    """Has a section's suggestions made, and knows them."""

    def __init__(self, section: Section) -> None:
        self._section = section
        # What there was before it is made anew.
        self._known: Help | None = None
        # With how many labels it was made last.
        self._labels: int | None = None

    def look(self, labels: int) -> None:
        """Begin to make suggestions, if it is time; `labels` were made in this session."""
        workspace, jobs = self._section.workspace, self._section.host.jobs
        last = self._labels
        is_time = last is None or labels >= last + (MORE if self.suggests else SOONER)
        if not is_time or workspace is None or jobs.in_the_way(HELP) is not None:
            return
        self._known, self._labels = self.found, labels
        begin = partial(self._section.backend.help_labeling, workspace)
        jobs.start(HELP, "Making suggestions", "", begin)

    def come_back(self) -> None:
        """Ask anew where there could be no suggestions: what was lacking may be there by now."""
        last = self._section.host.jobs.last(HELP)
        if last is not None and last.outcome == "failed":
            self._labels = None

    @property
    def found(self) -> Help | None:
        """What helps, as far as it is known."""
        return self._section.host.jobs.result(HELP) or self._known

    @property
    def suggests(self) -> bool:
        """Whether anything is ticked here."""
        return self.found is not None and self.found.suggestions.precision.threshold is not None

    def of(self, tag: str) -> Suggestion | None:
        """What is suggested for an image, with the chances that are worth telling."""
        found = None if self.found is None else self.found.suggestions.of(tag)
        if found is None:
            return None
        told = {one: chance for one, chance in found.probabilities.items() if chance >= LEAST}
        return replace(found, probabilities=told)

    @property
    def words(self) -> str:
        """What the suggestions are worth, or why there are none."""
        found, job = self.found, self._section.host.jobs.last(HELP)
        if found is not None:
            precision = found.suggestions.precision
            return str(precision) if precision.threshold is None else f"Suggestions {precision}."
        if job is None or job.outcome == "stopped":
            return ""
        if job.error is None:
            return "Suggestions are being made …"
        error = job.error
        why = sentence(error)
        if isinstance(error, LabelpilotError):
            why = f"{error.in_short} {error.next_step}".rstrip()
        return f"No suggestions. {why}"
