"""A planned round, published: scores in Label Studio, and a tab that shows them in order.

Every write can be run twice with the same end. Predictions are not idempotent on the server (sent
twice, they are there twice), so what is there is read before anything is sent, again after every
doubtful answer, and once more at the end: what is reported has been read back.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from core.errors import LabelpilotError, StudioRefused, StudioUnreachable
from core.learning.round import Asked, RoundPlan
from core.learning.rounds import (
    Pick,
    Record,
    find_record,
    forget_round,
    keep_replaced,
    save_record,
    settle_replaced,
    take_replaced,
)
from core.locks import only_one
from core.progress import Progress, Work
from core.studio.client import StudioClient, project_page
from core.studio.lookup import VIEW_TITLE, connect, find_view, require_project
from core.studio.records import RemoteProject
from core.studio.server import wait_for_server
from core.workspace import Workspace

# With the server's memory-saving flag a refused list of more than 500 leaves its first part there.
BATCH = 500
READ_SECONDS = 300.0
# Failures to reach the server before the round is given up.
ATTEMPTS = 5
BAD_REQUEST = 400
# Removing one prediction takes as long as removing so many with their version, and writing them.
SINGLE_COST = 8
# How many of the tab's first tasks are read back to see that the order is right.
READ_BACK = 100
# The Data Manager shows every column that a tab does not hide.
_HIDDEN = [
    f"tasks:{column}"
    for column in (
        "inner_id completed_at total_predictions cancelled_annotations ground_truth "
        "annotations_results annotations_ids annotators avg_lead_time comment_authors "
        "comment_count draft_exists file_upload last_comment_updated_at predictions_results "
        "predictions_model_versions reviewed reviewers reviews_accepted reviews_rejected "
        "storage_filename unresolved_comment_count updated_at updated_by created_at allow_skip"
    ).split()
]


_Existing: TypeAlias = Mapping[int, list[tuple[int, float]]]


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
        shown = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return shown | {"seconds": round(self.seconds, 3)}


def publish_round(workspace: Workspace, plan: RoundPlan) -> Work[RoundResult]:
    """Write the plan's scores as predictions of its model version, and make the tab for them.

    A model version that is there already is replaced, and what it had is kept for an undo. Images
    that were labeled since the plan was made are left out. Raises LabelpilotError where what is
    read back is not what was planned.
    """
    began = time.monotonic()
    version = plan.model_version
    with contextlib.closing(connect(workspace)) as client, only_one(workspace, "publish"):
        project = require_project(client, workspace)
        labeled = set(client.annotated_task_ids(project.id))
        asked = [one for one in plan.asked if one.task_id not in labeled]
        if not asked:
            raise LabelpilotError(
                "No image is left to score: all that were asked for are labeled by now.",
                next_step="Train again, and give the new model version.",
            )
        wanted = {one.task_id: one.score for one in asked}
        scores = yield from set_scores(workspace, client, project.id, version, wanted)
        client.update_project(project.id, {"model_version": version})
        view_id = _save_view(client, project)
        yield Progress("read back", len(wanted), len(wanted))
        _check_order(client, project.id, view_id, wanted)
        settle_replaced(workspace, version)
        former = project.model_version
        if former == version:
            earlier = find_record(workspace, version)
            former = earlier.former_version if earlier else ""
        save_record(
            workspace,
            Record(
                model_version=version,
                order=plan.order,
                published=time.time(),
                project_id=project.id,
                former_version=former,
                picks=tuple(_pick(one) for one in asked),
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
        view_url=project_page(client.url, project.id, view_id),
        seconds=plan.seconds + time.monotonic() - began,
    )


def published_versions(workspace: Workspace) -> dict[str, int]:
    """Model version -> number of its predictions in the workspace's project."""
    with contextlib.closing(connect(workspace)) as client:
        return client.model_versions(require_project(client, workspace).id)


def remove_version(workspace: Workspace, model_version: str) -> Work[int]:
    """Undo the last run of a model version, and return how many of its scores went or changed.

    Where that run replaced scores, those come back; else the version goes, and the project shows
    the one that it showed before.
    """
    with contextlib.closing(connect(workspace)) as client, only_one(workspace, "publish"):
        project = require_project(client, workspace)
        former = take_replaced(workspace, model_version)
        if former:
            existing = _existing(client, project.id, model_version)
            done = yield from _write(client, project.id, model_version, former, existing)
            forget_round(workspace, model_version, replaced_only=True)
            return done.replaced + done.created
        yield Progress("remove")
        removed = client.delete_model_version(project.id, model_version)
        if project.model_version == model_version:
            record = find_record(workspace, model_version)
            shown = record.former_version if record else ""
            if shown not in client.model_versions(project.id):
                shown = ""
            client.update_project(project.id, {"model_version": shown})
        forget_round(workspace, model_version, replaced_only=False)
    return removed


@dataclass(frozen=True, slots=True)
class Scores:
    """How many predictions came to be, and how many earlier ones were changed or removed."""

    created: int
    replaced: int


def set_scores(
    workspace: Workspace,
    client: StudioClient,
    project_id: int,
    model_version: str,
    wanted: Mapping[int, float],
) -> Work[Scores]:
    """Make `wanted` (task id -> score) the predictions of a model version, each once.

    What differs is kept for an undo first.
    """
    yield Progress("compare", 0, len(wanted))
    existing = _existing(client, project_id, model_version)
    if any(_scores(found) != [wanted.get(task_id)] for task_id, found in existing.items()):
        former = {task_id: _scores(found)[0] for task_id, found in existing.items()}
        keep_replaced(workspace, model_version, former)
    return (yield from _write(client, project_id, model_version, wanted, existing))


def _existing(client: StudioClient, project_id: int, model_version: str) -> _Existing:
    """Task id -> (prediction id, score) of each prediction that it has under a model version."""
    found: dict[int, list[tuple[int, float]]] = defaultdict(list)
    if model_version in client.model_versions(project_id):
        for prediction_id, task_id, score in client.predictions(project_id, model_version):
            found[task_id].append((prediction_id, score))
    return found


def _scores(found: list[tuple[int, float]]) -> list[float]:
    return [score for _, score in found]


def _write(
    client: StudioClient,
    project_id: int,
    model_version: str,
    wanted: Mapping[int, float],
    existing: _Existing,
) -> Work[Scores]:
    """Send what differs from `wanted`, and look again until nothing does.

    After a pass without a mishap the count is proof enough; else every prediction is read again.

    New scores go in bulk. A Label Studio without the memory-saving flag takes no score above 1 in
    bulk (it answers 201, and creates nothing), but each by itself: slower, and the highest come
    first. Few old scores are removed one by one, many with their whole version.
    """
    created, replaced, failures, singly = 0, 0, 0, False
    before = -1
    while True:
        stale, missing = _difference(existing, wanted)
        if not stale and not missing:
            return Scores(created, replaced)
        if len(stale) + len(missing) == before:
            raise LabelpilotError(
                "Label Studio took the scores but does not show all of them.",
                cause=f"{len(missing):,} of {len(wanted):,} are missing.",
                next_step="Look at its log, and run the round again.",
            )
        try:
            if stale:
                replaced += yield from _remove(client, project_id, model_version, existing, stale)
                existing = _existing(client, project_id, model_version)
                continue
            size = 1 if singly else BATCH
            for start in range(0, len(missing), size):
                yield Progress("scores", len(wanted) - len(missing) + start, len(wanted))
                batch = [
                    {
                        "task": task_id,
                        "score": wanted[task_id],
                        "model_version": model_version,
                        "result": [],
                    }
                    for task_id in missing[start : start + size]
                ]
                if singly:
                    client.create_prediction(project_id, batch[0])
                    sent = 1
                else:
                    sent = client.import_predictions(project_id, batch, READ_SECONDS)
                created += sent
                if sent < len(batch):
                    note = "this server takes these scores one by one only"
                    yield Progress("scores", 0, len(wanted), note)
                    singly = True
                    break
            else:
                before = len(missing)
                if client.model_versions(project_id).get(model_version) == len(wanted):
                    return Scores(created, replaced)
        except StudioUnreachable as error:
            failures += 1
            if failures >= ATTEMPTS:
                raise
            progress = Progress("scores", 0, len(wanted), f"{error.message} {error.cause}")
            yield progress
            yield from wait_for_server(client.url, progress)
        except StudioRefused as error:
            if singly or error.status != BAD_REQUEST:
                raise
            singly = True
        existing = _existing(client, project_id, model_version)


def _difference(existing: _Existing, wanted: Mapping[int, float]) -> tuple[list[int], list[int]]:
    """(ids of predictions that must go, ids of tasks that need one). Of equal ones one stays."""
    stale: list[int] = []
    right: set[int] = set()
    for task_id, found in existing.items():
        for prediction_id, score in found:
            if score == wanted.get(task_id) and task_id not in right:
                right.add(task_id)
            else:
                stale.append(prediction_id)
    return stale, [task_id for task_id in wanted if task_id not in right]


def _remove(
    client: StudioClient, project_id: int, model_version: str, existing: _Existing, stale: list[int]
) -> Work[int]:
    """Remove the predictions `stale`, or the whole version where that is quicker."""
    count = sum(len(found) for found in existing.values())
    yield Progress("replace", 0, len(stale), f"replacing {len(stale):,} earlier scores")
    if len(stale) * SINGLE_COST > count:
        client.delete_model_version(project_id, model_version)
        return len(stale)
    for number, prediction_id in enumerate(stale, start=1):
        client.delete_prediction(prediction_id)
        yield Progress("replace", number, len(stale))
    return len(stale)


def _pick(asked: Asked) -> Pick:
    return Pick(
        asked.tag,
        asked.task_id,
        asked.score,
        asked.train_tag,
        asked.train_loss,
        asked.similarity,
        asked.rank,
        asked.control,
    )


def _save_view(client: StudioClient, project: RemoteProject) -> int:
    """The tab with the unlabeled tasks by falling score: the existing one, set right, or a new."""
    data = {
        "title": VIEW_TITLE,
        "type": "list",
        "target": "tasks",
        "ordering": ["-tasks:predictions_score"],
        "filters": {
            "conjunction": "and",
            "items": [
                {
                    "filter": "filter:tasks:total_annotations",
                    "operator": "equal",
                    "type": "Number",
                    "value": 0,
                }
            ],
        },
        "hiddenColumns": {"explore": _HIDDEN, "labeling": _HIDDEN},
    }
    return client.save_view(project.id, data, find_view(client, project.id)).id


def _check_order(
    client: StudioClient, project_id: int, view_id: int, wanted: Mapping[int, float]
) -> None:
    """Read the tab's first tasks back: they must be the highest of `wanted`, in falling order."""
    shown = client.view_tasks(project_id, view_id, READ_BACK)
    scores = [score for task_id, score in shown if task_id in wanted]
    highest = sorted(wanted.values(), reverse=True)[: len(scores)]
    close = all(
        abs(one - other) <= 1e-6 * max(1.0, abs(other))
        for one, other in zip(scores, highest, strict=True)
    )
    if not scores or not close:
        raise LabelpilotError(
            "Label Studio does not show the images in the order of their scores.",
            next_step=f"Open the tab {VIEW_TITLE!r} and look at its order; run the round again.",
        )
