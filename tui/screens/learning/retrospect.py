"""Looking back: what the labels at hand tell, and what came of the rounds so far.

Which order pays, and which labels are likely wrong, are found by jobs that run the user's hooks,
unless nothing that these read has changed; both are told in a window, and nothing is written. A
round that was published can be taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, cast

from tui.dialogs.dialog import Dialog
from tui.jobs import Job
from tui.screens.learning.orders import OrdersDialog, gained
from tui.screens.learning.round_text import measured_words
from tui.screens.learning.rounds import history_dialog
from tui.screens.learning.suspects import suspects_dialog
from tui.screens.section import Section
from tui.text import count, lines, plain

if TYPE_CHECKING:
    from core.learning.publishing import RoundResult
    from core.learning.replay import Curves
    from core.learning.retrospect import SuspectLabel
    from core.workspace.settings import Workspace

Looked = Literal["replay", "suspects"]
TITLES: dict[Looked, str] = {
    "replay": "Comparing orders",
    "suspects": "Looking for wrong labels",
}


class LookingBack(Section):
    """The keys for looking back. A subclass says which order the next round has."""

    # Gains of a replay, by order: a comparison is not made again for each paint.
    _gained: tuple[Job, dict[str, str]] | None = None

    @property
    def order(self) -> str:
        """The order of the next round."""
        raise NotImplementedError

    def take_order(self, order: str) -> None:
        """Plan the next round in `order`."""
        raise NotImplementedError

    def why_not_look_back(self) -> str | None:
        """Why there is nothing to look back on, in a sentence with what to do."""
        workspace = self.workspace
        if workspace is None:
            return self.no_workspace
        if not workspace.learning.hooks.is_file():
            return "There are no embeddings yet: enter writes a hooks file to complete."
        dataset = workspace.annotations.dataset
        if not dataset.is_file():
            return f"There is no {workspace.relative(dataset)} yet: 3, then enter, writes it."
        return None

    def measured(self, order: str) -> str:
        """As `known_of`, and which key tells more."""
        words = self.known_of(order)
        replayed = self.pilot.jobs.last("replay")
        known = replayed is not None and replayed.outcome == "done"
        more = "" if known or self.why_not_look_back() is not None else " o tells on yours."
        return f"{words}{more}" if words else ""

    def known_of(self, order: str) -> str:
        """What is known of `order`, in a sentence: on the user's labels, or else on digits."""
        job = self.pilot.jobs.last("replay")
        if job is not None and job.outcome == "done":
            if self._gained is None or self._gained[0] is not job:
                self._gained = (job, {})
            if order not in self._gained[1]:
                self._gained[1][order] = gained(job.result, order)
            return self._gained[1][order]
        return measured_words(order)

    def action_orders(self) -> None:
        if not self.refused("orders"):
            self._look_back("replay", self.backend.replay, self._show_orders)

    def action_suspects(self) -> None:
        if not self.refused("suspects"):
            self._look_back("suspects", self.backend.suspects, self._show_suspects)

    def look_back_again(self, kind: Looked) -> None:
        """Try once more what failed."""
        self.pilot.jobs.forget(kind)
        if kind == "replay":
            self.action_orders()
        else:
            self.action_suspects()

    def _look_back(self, kind: Looked, work: Any, tell: Any) -> None:
        """Show what is known, or find it out first."""
        workspace, known = self.workspace, self.pilot.jobs.last(kind)
        if known is not None and known.outcome == "done" and self._is_fresh(known):
            tell(known.result)
            return
        begin = partial(work, workspace)
        job = self.pilot.jobs.start(kind, TITLES[kind], f"labelpilot {kind}", begin)
        self.await_result(job, tell)

    def _is_fresh(self, job: Job) -> bool:
        """Whether no labels were exported, and no hooks run, since `job` began."""
        later = [self.pilot.jobs.last(kind) for kind in ("export", "plan")]
        return not any(other is not None and (other.ended or 0) > job.began for other in later)

    def _show_orders(self, curves: Curves) -> None:
        dialog = OrdersDialog(curves, self.order)

        def taken(agreed: bool | None) -> None:
            if agreed and dialog.best is not None:
                self.take_order(dialog.best)

        self.pilot.push_screen(dialog, taken)

    def _show_suspects(self, found: Sequence[SuspectLabel]) -> None:
        self.pilot.push_screen(suspects_dialog(found))

    # Rounds that were published

    @property
    def published(self) -> RoundResult | None:
        """What was published of this plan."""
        plan, publish = self.pilot.jobs.last("plan"), self.pilot.jobs.last("publish")
        if publish is None or publish.outcome != "done" or plan is None:
            return None
        return publish.result if publish.began > plan.began else None

    @property
    def versions(self) -> dict[str, int] | None:
        """Model version -> number of scores, as last seen."""
        job = self.pilot.jobs.last("versions")
        return cast("dict[str, int] | None", job.result) if job is not None else None

    def action_history(self) -> None:
        workspace = self.workspace
        if not self.refused("history") and workspace is not None:
            self.run_worker(partial(self._find_history, workspace), thread=True)

    def _find_history(self, workspace: Workspace) -> None:
        # In a thread: a round's record holds each image that it asked for.
        dialog = history_dialog(*self.backend.history(workspace))
        self.app.call_from_thread(self.app.push_screen, dialog)

    def action_undo(self) -> None:
        if self.refused("undo"):
            return
        published = self.published
        version = published.model_version if published else list(self.versions or {})[-1]
        number = (self.versions or {}).get(version, 0)
        question = Dialog(
            "Take a model version back?",
            lines(
                [
                    plain(f"{version}: {count(number, 'score')}, as its last run left them."),
                    "Scores that this run had replaced come back. Annotations stay as they are.",
                ]
            ),
            yes="take it back",
            no="leave it",
        )
        self.pilot.push_screen(question, partial(self._undo, version))

    def _undo(self, version: str, agreed: bool | None) -> None:
        workspace = self.workspace
        if not agreed or workspace is None:
            return
        self.pilot.jobs.forget("publish")
        begin = partial(self.backend.remove_version, workspace, version)
        command = f"labelpilot rounds --undo {version}"
        self.pilot.jobs.start("undo", "Taking the scores back", command, begin)
