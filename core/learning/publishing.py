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

from core.errors import LabelpilotError, StudioRefused, StudioUnreachable
from core.learning.round import RoundPlan
from core.locks import only_one
from core.progress import Progress, Work
from core.studio.client import RemoteProject, StudioClient, project_page
from core.studio.lookup import VIEW_TITLE, connect, find_view, require_project
from core.studio.server import wait_for_server
from core.workspace import Workspace

# With the server's memory-saving flag a refused list of more than 500 leaves its first part there.
BATCH = 500
READ_SECONDS = 300.0
# Failures to reach the server before the round is given up.
ATTEMPTS = 5
BAD_REQUEST = 400
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

    A model version that is there already is replaced. Images that were labeled since the plan was
    made are left out. Raises LabelpilotError where what is read back is not what was planned.
    """
    began = time.monotonic()
    with contextlib.closing(connect(workspace)) as client, only_one(workspace, "publish"):
        project = require_project(client, workspace)
        labeled = set(client.annotated_task_ids(project.id))
        wanted = {
            asked.task_id: asked.score for asked in plan.asked if asked.task_id not in labeled
        }
        if not wanted:
            raise LabelpilotError(
                "No image is left to score: all that were asked for are labeled by now.",
                next_step="Train again, and give the new model version.",
            )
        removed = yield from _clear_other_scores(client, project.id, plan.model_version, wanted)
        created = yield from _write(client, project.id, plan.model_version, wanted)
        client.update_project(project.id, {"model_version": plan.model_version})
        view_id = _save_view(client, project)
        yield Progress("read back", len(wanted), len(wanted))
        _check_order(client, project.id, view_id, wanted)
    return RoundResult(
        model_version=plan.model_version,
        order=plan.order,
        engine=plan.engine,
        recall=plan.recall,
        queries=plan.queries,
        candidates=plan.candidates,
        scored=len(wanted),
        created=created,
        replaced=removed,
        view_url=project_page(client.url, project.id, view_id),
        seconds=plan.seconds + time.monotonic() - began,
    )


def published_versions(workspace: Workspace) -> dict[str, int]:
    """Model version -> number of its predictions in the workspace's project."""
    with contextlib.closing(connect(workspace)) as client:
        return client.model_versions(require_project(client, workspace).id)


def remove_version(workspace: Workspace, model_version: str) -> Work[int]:
    """Remove a model version's predictions, and return how many there were."""
    with contextlib.closing(connect(workspace)) as client, only_one(workspace, "publish"):
        project = require_project(client, workspace)
        yield Progress("remove")
        removed = client.delete_model_version(project.id, model_version)
        if project.model_version == model_version:
            client.update_project(project.id, {"model_version": ""})
    return removed


def _existing(
    client: StudioClient, project_id: int, model_version: str
) -> Mapping[int, list[float]]:
    """Task id -> the scores it has under a model version."""
    scores: dict[int, list[float]] = defaultdict(list)
    if model_version in client.model_versions(project_id):
        for _, task_id, score in client.predictions(project_id, model_version):
            scores[task_id].append(score)
    return scores


def _clear_other_scores(
    client: StudioClient, project_id: int, model_version: str, wanted: Mapping[int, float]
) -> Work[int]:
    """Remove the version's predictions unless each is one of `wanted`; return how many went."""
    yield Progress("compare", 0, len(wanted))
    existing = _existing(client, project_id, model_version)
    if all(scores == [wanted.get(task_id)] for task_id, scores in existing.items()):
        return 0
    yield Progress("replace", 0, len(existing), f"replacing {len(existing):,} earlier scores")
    return client.delete_model_version(project_id, model_version)


def _write(
    client: StudioClient, project_id: int, model_version: str, wanted: Mapping[int, float]
) -> Work[int]:
    """Create the predictions of `wanted` that are missing; return how many were created.

    They go in bulk. A Label Studio without the memory-saving flag takes no score above 1 in bulk
    (it answers 201, and creates nothing), but each by itself: slower, and the highest come first.
    """
    first = None
    failures, singly = 0, False
    before = -1
    while True:
        existing = _existing(client, project_id, model_version)
        first = len(existing) if first is None else first
        missing = [task_id for task_id in wanted if task_id not in existing]
        if not missing:
            _check_single(existing, model_version)
            return len(wanted) - first
        if len(missing) == before:
            raise LabelpilotError(
                "Label Studio took the scores but does not show all of them.",
                cause=f"{len(missing):,} of {len(wanted):,} are missing.",
                next_step="Look at its log, and run the round again.",
            )
        size = 1 if singly else BATCH
        try:
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
                elif client.import_predictions(project_id, batch, READ_SECONDS) < len(batch):
                    note = "this server takes these scores one by one only"
                    yield Progress("scores", 0, len(wanted), note)
                    singly = True
                    break
            else:
                before = len(missing)
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


def _check_single(existing: Mapping[int, list[float]], model_version: str) -> None:
    doubled = sum(len(scores) > 1 for scores in existing.values())
    if doubled:
        raise LabelpilotError(
            f"{doubled:,} tasks have more than one score of {model_version!r}.",
            cause="An answer of Label Studio's got lost while it was still writing.",
            next_step="Run the round again: it replaces them.",
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
