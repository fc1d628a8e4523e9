"""Dataset and model to an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from core.dataset.conflicts import Conflict
    from core.labeling.session import LabelSession
    from core.labeling.stream import LabelPage
    from core.learning.builtin.embedder import Embedded
    from core.learning.hooks.templates import Template
    from core.learning.measuring.comparison import Curves
    from core.learning.measuring.forecast import Forecast
    from core.learning.measuring.suspects import Suspect
    from core.learning.rounds.following import RoundWatch
    from core.learning.rounds.ledger import RoundOutcome, RoundRecord
    from core.learning.rounds.options import RoundOptions
    from core.learning.rounds.planning import RoundPlan
    from core.learning.rounds.publishing import RoundResult
    from core.learning.rounds.watch import WatchedRound, WatchOptions
    from core.learning.suggesting.helping import Help
    from core.progress import Work
    from core.workspace.settings import Workspace


class LearningCalls:
    """Dataset and model to an order."""

    def plan(self, workspace: Workspace, options: RoundOptions) -> Work[RoundPlan]:
        from core.learning.rounds.planning import plan_round
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from plan_round(opened, options))

    def publish(self, workspace: Workspace, plan: RoundPlan) -> Work[RoundResult]:
        from core.learning.rounds.publishing import publish_round
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from publish_round(opened, plan))

    def run_round(
        self, workspace: Workspace, options: RoundOptions, people: Sequence[str] = ()
    ) -> Work[tuple[RoundPlan, RoundResult]]:
        """Plan a round and publish it at once, shared among `people` where some are named."""
        from core.learning.rounds.planning import plan_round
        from core.learning.rounds.publishing import publish_round
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            plan = yield from plan_round(opened, options)
            return plan, (yield from publish_round(opened, plan, people))

    def versions(self, workspace: Workspace) -> Work[dict[str, int]]:
        """Model version -> number of its scores."""
        from core.learning.rounds.publishing import published_versions
        from core.progress import Progress
        from core.studio.project import open_project

        yield Progress("model versions")
        with open_project(workspace) as opened:
            return published_versions(opened)

    def remove_version(self, workspace: Workspace, model_version: str) -> Work[int]:
        from core.learning.rounds.publishing import remove_version
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from remove_version(opened, model_version))

    def follow_round(self, workspace: Workspace) -> RoundWatch:
        """What tells how much of the last round is labeled, and by whom."""
        from core.learning.rounds.following import RoundWatch

        return RoundWatch(workspace)

    def labeled_of_rounds(self, workspace: Workspace) -> dict[str, int]:
        """Model version -> how many of the images that its round asked for are labeled now."""
        from core.learning.rounds.ledger import load_records
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            labeled = opened.client.annotated_task_ids(opened.id)
            return {
                record.model_version: sum(pick.task_id in labeled for pick in record.picks)
                for record in load_records(workspace)
                if record.project_id == opened.id
            }

    def history(self, workspace: Workspace) -> tuple[list[RoundRecord], list[RoundOutcome]]:
        """The rounds that were published, and what came of them."""
        from core.learning.rounds.ledger import history

        return history(workspace)

    def write_hooks(self, workspace: Workspace, template: Template = "manual") -> str:
        """Write a hooks file to start from; returns its name."""
        from core.learning.hooks.templates import write_template

        return write_template(workspace, template)

    def embed(self, workspace: Workspace) -> Work[Embedded]:
        from core.learning.builtin.embedder import embed

        return embed(workspace)

    def choose_model(self, workspace: Workspace, file: Path) -> Workspace:
        from core.learning.builtin.embedder import choose_model

        return choose_model(workspace, file)

    def replay(self, workspace: Workspace) -> Work[Curves]:
        from core.learning.measuring.retrospect import replay_workspace

        return replay_workspace(workspace)

    def measure_orders(self, workspace: Workspace) -> Work[Curves | None]:
        """What a replay in the background finds, or found; None where there is nothing to tell."""
        from core.learning.measuring.background import replay_beside

        return replay_beside(workspace)

    def replay_files(self, embeddings: Path, labels: Path) -> Work[Curves]:
        from core.learning.measuring.retrospect import replay_files

        return replay_files(embeddings, labels)

    def forecast(self, workspace: Workspace) -> Work[Forecast]:
        from core.learning.measuring.retrospect import forecast_workspace

        return forecast_workspace(workspace)

    def watching(self, workspace: Workspace, options: WatchOptions) -> AbstractContextManager[None]:
        """Holds the loop of a workspace, whose rounds are then `watched_round`s."""
        from core.learning.rounds.watch import watching

        return watching(workspace, options)

    def watched_round(self, workspace: Workspace, options: WatchOptions) -> Work[WatchedRound]:
        from core.learning.rounds.watch import watched_round

        return watched_round(workspace, options)

    def help_labeling(self, workspace: Workspace) -> Work[Help]:
        """Suggestions, and what finds look-alikes."""
        from core.learning.suggesting.helping import help_labeling
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from help_labeling(opened))

    def label_again(
        self, workspace: Workspace, doubts: Sequence[Suspect] | Sequence[Conflict] | None = None
    ) -> Work[LabelSession]:
        """What is labeled again in the terminal: labels that are likely wrong, images on which
        people differ, or those that a second opinion is asked on."""
        from core.labeling.session import LabelSession
        from core.learning.suggesting.doubts import to_label_again
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            items = yield from to_label_again(opened, doubts)
            return LabelSession(opened, items)

    def suspects_page(self, workspace: Workspace, found: Sequence[Suspect]) -> Work[LabelPage]:
        """The page with a tab of labels that are likely wrong."""
        from core.learning.suggesting.doubts import publish_suspects
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from publish_suspects(opened, found))

    def suspects(self, workspace: Workspace) -> Work[list[Suspect]]:
        from core.learning.measuring.retrospect import suspect_labels

        return suspect_labels(workspace)
