"""What is known of each order: measured on the user's own labels, or else on digits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.learning.rounds.options import ORDERS
from tui.job_kinds import MEASURE, REPLAY
from tui.screens.learning.round_text import measured_on_digits

if TYPE_CHECKING:
    from core.learning.measuring.comparison import Comparison, Curves
    from tui.screens.section import Section


class KnownOrders:
    """Asks the jobs that measure orders: the one that a user began, and the one in the background,
    whichever ended last."""

    def __init__(self, section: Section) -> None:
        self._section = section
        # A comparison is not made again for each paint.
        self._compared: tuple[Curves, list[Comparison]] | None = None

    @property
    def curves(self) -> Curves | None:
        """What was measured on the user's labels; None while nothing is."""
        jobs = [self._section.host.jobs.last(kind) for kind in (REPLAY, MEASURE)]
        found = [job for job in jobs if job is not None and job.result is not None]
        return max(found, key=lambda job: job.ended or 0.0).result if found else None

    @property
    def best(self) -> str | None:
        """The order that surely pays most on the user's labels, if one does."""
        if self.curves is None:
            return None
        from core.learning.measuring.comparison import recommended

        found = recommended(self._comparisons)
        return None if found is None else found.order

    def of(self, order: str) -> str:
        """What is known of `order`, in a sentence."""
        curves = self.curves
        if curves is None:
            return measured_on_digits(order)
        for one in self._comparisons:
            if one.order == order:
                points = f"{one.points} points over random ones"
                return f"Measured on your {curves.images:,} labels: {points}."
        return ""

    def figures(self) -> str:
        """Each order with its figure on the user's labels; where there is none, it says so."""
        curves = self.curves
        if curves is None:
            running = self._section.host.jobs.in_the_way(MEASURE) is not None
            when = "being measured on your labels now" if running else "not measured on yours yet"
            return f"{', '.join(ORDERS)}: {when}"
        best = self.best
        listed = ", ".join(
            f"{one.order} {one.points}{' (recommended)' * (one.order == best)}"
            for one in self._comparisons
        )
        none = "" if best else "; none is surely better than random"
        return f"points over random, measured on your {curves.images:,} labels: {listed}{none}"

    @property
    def _comparisons(self) -> list[Comparison]:
        curves = self.curves
        if curves is None:
            return []
        from core.learning.measuring.comparison import compare

        if self._compared is None or self._compared[0] is not curves:
            self._compared = (curves, compare(curves))
        return self._compared[1]
