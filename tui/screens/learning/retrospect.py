"""Looking back: what the labels at hand tell, and what came of the rounds so far.

Which order pays, which labels are likely wrong and what the next ones would bring are found by jobs
that run the user's hooks, unless nothing that these read has changed; each is told in a window, and
nothing is written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.learning.inputs.sources import embeddings_from
from tui.asking import ask
from tui.dialogs.dialog import Dialog
from tui.job_kinds import EXPORT, FORECAST, PLAN, REPLAY, SUSPECTS, JobKind, Result
from tui.jobs import Job
from tui.keys import key_of, section_key
from tui.screens.learning.known_orders import KnownOrders
from tui.screens.learning.orders import OrdersDialog
from tui.screens.learning.suspects import SuspectsDialog, suspects_dialog
from tui.text import lines, plain

if TYPE_CHECKING:
    from core.learning.measuring.comparison import Curves
    from core.learning.measuring.forecast import Forecast
    from core.learning.measuring.suspects import Suspect
    from core.progress import Work
    from core.workspace.settings import Workspace
    from tui.screens.section import Section

TITLES: dict[JobKind[Any], str] = {
    REPLAY: "Comparing orders",
    SUSPECTS: "Looking for wrong labels",
    FORECAST: "Forecasting",
}


class Retrospect:
    """Looks back for a section. `order` gives the next round's order, `take_order` changes it."""

    def __init__(
        self, section: Section, order: Callable[[], str], take_order: Callable[[str], None]
    ) -> None:
        self._section = section
        self._order = order
        self._take_order = take_order
        self.orders = KnownOrders(section)

    @property
    def why_not(self) -> str:
        """Why there is nothing to look back on, with what to do; empty where there is."""
        workspace = self._section.workspace
        if workspace is None:
            return self._section.no_workspace
        if embeddings_from(workspace) is None:
            plan = key_of("learning", "plan")
            return f"There are no embeddings yet: {plan} writes a hooks file to complete."
        dataset = workspace.annotations.dataset
        if not os.path.isfile(dataset):
            keys = f"{section_key('export')}, then {key_of('export', 'write')}, writes it"
            return f"There is no {workspace.relative(dataset)} yet: {keys}."
        return ""

    def measured(self, order: str) -> str:
        """What is known of `order`, in a sentence, and which key tells more."""
        known, best = self.orders.of(order), self.orders.best
        if best is not None and best != order:
            return f"{known} {best} pays most: {key_of('learning', 'edit')} chooses it.".lstrip()
        if not known or self.orders.curves is not None or self.why_not:
            return known
        return f"{known} {key_of('learning', 'orders')} tells on yours."

    def compare_orders(self) -> None:
        """Show which order pays on the labels at hand."""
        self._show(REPLAY, self._section.backend.replay, self._show_orders)

    def find_suspects(self) -> None:
        """Show the labels that are likely wrong."""
        self._show(SUSPECTS, self._section.backend.suspects, self._show_suspects)

    def foretell(self) -> None:
        """Show what the next labels would bring."""
        self._show(FORECAST, self._section.backend.forecast, self._show_forecast)

    def try_again(self, kind: JobKind[Any]) -> bool:
        """Do once more what failed; False if `kind` is not one of these jobs."""
        again = {
            REPLAY: self.compare_orders,
            SUSPECTS: self.find_suspects,
            FORECAST: self.foretell,
        }.get(kind)
        if again is None:
            return False
        self._section.host.jobs.forget(kind)
        again()
        return True

    def _show(
        self,
        kind: JobKind[Result],
        begin: Callable[[Workspace], Work[Result]],
        tell: Callable[[Result], None],
    ) -> None:
        """Tell what is known, or find it out first."""
        workspace, known = self._section.workspace, self._section.host.jobs.last(kind)
        if workspace is None:
            return
        if known is not None and known.result is not None and self._is_fresh(known):
            tell(known.result)
            return
        command = f"labelpilot {kind.name}"
        job = self._section.start(kind, TITLES[kind], command, partial(begin, workspace))
        self._section.await_result(job, tell)

    def _is_fresh(self, job: Job[Any]) -> bool:
        """Whether no labels were exported, and no hooks run, since `job` began."""
        jobs = self._section.host.jobs
        later: list[Job[Any] | None] = [jobs.last(EXPORT), jobs.last(PLAN)]
        return not any(other is not None and (other.ended or 0) > job.began for other in later)

    def _show_orders(self, curves: Curves) -> None:
        dialog = OrdersDialog(curves, self._order())

        def taken(agreed: bool | None) -> None:
            if agreed and dialog.best is not None:
                self._take_order(dialog.best)

        self._section.app.push_screen(dialog, taken)

    def _show_forecast(self, found: Forecast) -> None:
        first, *others = found.lines()
        text = lines([plain(first, "bold"), "", *(plain(line) for line in others)])
        self._section.app.push_screen(Dialog("What more labels would bring", text))

    def _show_suspects(self, found: Sequence[Suspect]) -> None:
        section, workspace = self._section, self._section.workspace
        if workspace is None:
            return

        def show(files: Mapping[str, Path]) -> None:
            dialog = suspects_dialog(found, files)

            def closed(again: bool | None) -> None:
                if again and isinstance(dialog, SuspectsDialog):
                    section.host.label_again(dialog.wanted)

            section.app.push_screen(dialog, closed)

        tags = frozenset(one.tag for one in found)
        # Without their pictures, the labels can be looked at all the same.
        look = partial(section.backend.image_files, workspace, tags)
        ask(section, "suspects", look, show, lambda _: show({}))
