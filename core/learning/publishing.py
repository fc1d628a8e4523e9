"""A planned round, published: scores in Label Studio, and a tab that shows them in order.

Every write can be run twice with the same end, and what is reported has been read back. What a run
replaces is kept first, so that it can be taken back.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import partial

from core.errors import LabelpilotError
from core.labeling.stream import check_order, save_view, stream_page
from core.learning.ledger import (
    RoundRecord,
    find_record,
    forget_round,
    keep_replaced,
    save_record,
    settle_replaced,
    take_replaced,
)
from core.learning.planning import RoundPlan
from core.learning.scores import put_scores
from core.progress import Progress, Work
from core.studio.project import OpenProject
from core.workspace.locks import only_one


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What was published. `scored` predictions are there now, of which `created` are new;
    `replaced` of an earlier run were removed. `recall` is 1 for an exact search; `seconds` counts
    from the start of the plan."""

    model_version: str
    order: str
    engine: str
    recall: float
    queries: int
    candidates: int
    scored: int
    created: int
    replaced: int
    view_url: str
    seconds: float

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot active-learning --json` prints."""
        return asdict(self) | {"seconds": round(self.seconds, 3)}


def publish_round(opened: OpenProject, plan: RoundPlan) -> Work[RoundResult]:
    """Write the plan's scores as predictions of its model version, and make the tab for them.

    A model version that is there already is replaced, and what it had is kept for an undo. Images
    that were labeled since the plan was made are left out. Raises LabelpilotError where what is
    read back is not what was planned.
    """
    began = time.monotonic()
    workspace, client, version = opened.workspace, opened.client, plan.model_version
    with only_one(workspace, "publish"):
        labeled = set(client.annotated_task_ids(opened.id))
        picks = tuple(pick for pick in plan.picks if pick.task_id not in labeled)
        if not picks:
            raise LabelpilotError(
                "No image is left to score: all that were asked for are labeled by now.",
                next_step="Train again, and give the new model version.",
            )
        wanted = {pick.task_id: pick.score for pick in picks}
        # Asked anew, as the hooks may have run for hours, and now, as new scores change it.
        former = client.project(opened.id).model_version
        scores = yield from put_scores(
            client, opened.id, version, wanted, partial(keep_replaced, workspace, version)
        )
        client.update_project(opened.id, {"model_version": version})
        view_id = save_view(opened)
        yield Progress("read back", len(wanted), len(wanted))
        check_order(opened, view_id, wanted)
        if former == version:
            earlier = find_record(workspace, version)
            former = earlier.former_version if earlier else ""
        settle_replaced(workspace, version)
        save_record(
            workspace,
            RoundRecord(
                model_version=version,
                order=plan.order,
                published=time.time(),
                project_id=opened.id,
                former_version=former,
                picks=picks,
                losses=dict(zip(plan.train_tags, plan.losses.tolist(), strict=True)),
            ),
        )
    return RoundResult(
        model_version=version,
        order=plan.order,
        engine=plan.engine,
        recall=plan.recall,
        queries=plan.queries,
        candidates=plan.candidates,
        scored=len(wanted),
        created=scores.created,
        replaced=scores.replaced,
        view_url=stream_page(opened, view_id),
        seconds=plan.seconds + time.monotonic() - began,
    )


def published_versions(opened: OpenProject) -> dict[str, int]:
    """Model version -> number of its predictions in the project."""
    return opened.client.model_versions(opened.id)


def remove_version(opened: OpenProject, model_version: str) -> Work[int]:
    """Undo the last run of a model version, and return how many of its scores went or changed.

    Where that run replaced scores, those come back; else the version goes, and the project shows
    the one that it showed before.
    """
    workspace, client = opened.workspace, opened.client
    with only_one(workspace, "publish"):
        former = take_replaced(workspace, model_version)
        if former:
            done = yield from put_scores(client, opened.id, model_version, former)
            forget_round(workspace, model_version, replaced_only=True)
            return done.replaced + done.created
        yield Progress("remove")
        # Asked before: the server forgets a version that is deleted.
        is_shown = client.project(opened.id).model_version == model_version
        removed = client.delete_model_version(opened.id, model_version)
        if is_shown:
            record = find_record(workspace, model_version)
            shown = record.former_version if record else ""
            if shown not in client.model_versions(opened.id):
                shown = ""
            client.update_project(opened.id, {"model_version": shown})
        forget_round(workspace, model_version, replaced_only=False)
    return removed
