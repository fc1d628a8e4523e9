"""A planned round, published: scores in Label Studio, and a tab that shows them in order.

Every write can be run twice with the same end, and what is reported has been read back. What a run
replaces is noted before, and its record is written after, so that it can be taken back wherever it
was cut off.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from core.errors import LabelpilotError
from core.labeling.overlap import ask_twice, drawn
from core.labeling.shares import Share, deal, deal_again
from core.labeling.stream import check_order, save_view, stream_page
from core.learning.rounds.ledger import (
    Before,
    RoundRecord,
    before_last_run,
    forget_last_run,
    load_records,
    note_before,
    save_record,
)
from core.learning.rounds.planning import RoundPlan
from core.learning.rounds.scores import put_scores, said
from core.progress import Progress, Work
from core.studio.models import Prediction
from core.studio.project import OpenProject
from core.workspace.locks import only_one


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What was published. `scored` predictions are there now, of which `created` are new;
    `replaced` of an earlier run were removed; `suggested` of them tick what the image is likely
    labeled as, and of such ticks the share `precision` is right, from the probability `threshold`
    on. `recall` is 1 for an exact search; `second_opinions` counts the images that two people are
    asked; `seconds` counts from the start of the plan."""

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
    second_opinions: int = 0
    shares: tuple[Share, ...] = ()
    suggested: int = 0
    precision: float | None = None
    threshold: float | None = None

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot active-learning --json` prints."""
        return asdict(self) | {"seconds": round(self.seconds, 3)}


def publish_round(
    opened: OpenProject, plan: RoundPlan, people: Sequence[str] = ()
) -> Work[RoundResult]:
    """Write the plan's scores as predictions of its model version, and make the tab for them.

    A model version that is there already is replaced, and what it had is noted for an undo. Images
    that were labeled since the plan was made are left out. The order is dealt out among `people`,
    or else among those who share the one before. Raises LabelpilotError where what is read back is
    not what was planned.
    """
    began = time.monotonic()
    workspace, client, version = opened.workspace, opened.client, plan.model_version
    with only_one(workspace, "publish"):
        labeled = client.annotated_task_ids(opened.id)
        picks = tuple(pick for pick in plan.picks if pick.task_id not in labeled)
        if not picks:
            raise LabelpilotError(
                "No image is left to score: all that were asked for are labeled by now.",
                next_step="Train again, and give the new model version.",
            )
        wanted = {pick.task_id: pick.score for pick in picks}
        # Asked anew, as the hooks may have run for hours, and now, as new scores change it.
        project = client.project(opened.id)

        results = {task: plan.results[task] for task in wanted if task in plan.results}

        def note(there: Mapping[int, Prediction]) -> None:
            scores = {task: one.score for task, one in there.items()}
            same = scores == wanted and all(
                said(one.result) == said(results.get(task, ())) for task, one in there.items()
            )
            if not same or project.model_version != version:
                note_before(workspace, version, project, there)

        scores = yield from put_scores(client, opened.id, version, wanted, note, results)
        client.update_project(opened.id, {"model_version": version})
        view_id = save_view(opened)
        yield Progress("read back", len(wanted), len(wanted))
        check_order(opened, view_id, wanted)
        second = drawn(version, [pick.task_id for pick in picks], workspace.labeling.overlap)
        # Where one answer came already, the other is waited for still.
        asked_before = _asked_twice(opened) - labeled
        save_record(
            workspace,
            RoundRecord(
                model_version=version,
                order=plan.order,
                published=time.time(),
                project_id=opened.id,
                picks=picks,
                losses=dict(zip(plan.train_tags, plan.losses.tolist(), strict=True)),
                second_opinions=second,
            ),
        )
        yield from ask_twice(opened, second, asked_before)
        shares = yield from (deal(opened, people) if people else deal_again(opened))
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
        second_opinions=len(second),
        shares=shares,
        suggested=len(results),
        precision=plan.precision.share if plan.precision else None,
        threshold=plan.precision.threshold if plan.precision else None,
    )


def _asked_twice(opened: OpenProject) -> set[int]:
    """The tasks that the project's rounds so far have asked two people."""
    records = load_records(opened.workspace)
    return {t for one in records if one.project_id == opened.id for t in one.second_opinions}


def published_versions(opened: OpenProject) -> dict[str, int]:
    """Model version -> number of its predictions in the project."""
    return opened.client.model_versions(opened.id)


def remove_version(opened: OpenProject, model_version: str) -> Work[int]:
    """Undo the last run of a model version, and return how many of its scores went or changed.

    Where that run replaced scores, those come back; else the version goes. The project shows what
    it showed before. What two people were to be asked is asked as before that run, and shares are
    dealt anew. One that is cut off can be run again, and takes back nothing more.
    """
    workspace, client = opened.workspace, opened.client
    with only_one(workspace, "publish"):
        project = client.project(opened.id)
        before = before_last_run(workspace, model_version, project)
        if before.scores:
            # Tasks may be gone since; their scores would be refused, and the others with them.
            there = client.task_data(opened.id, list(before.scores))
            scores = {task: score for task, score in before.scores.items() if task in there}
            done = yield from put_scores(
                client, opened.id, model_version, scores, results=before.results
            )
            changed = done.replaced + done.created
        else:
            yield Progress("remove")
            changed = client.delete_model_version(opened.id, model_version)
        # With its scores the project forgets the version, as an undo that was cut off may have
        # left it: so nothing shown is this version too.
        if project.model_version in (model_version, ""):
            client.update_project(opened.id, {"model_version": _shown_then(opened, before.shown)})
        second = _second_opinions_then(opened, model_version, before)
        yield from ask_twice(opened, second, _asked_twice(opened))
        forget_last_run(workspace, model_version, before)
        yield from deal_again(opened)
    return changed


def _second_opinions_then(
    opened: OpenProject, model_version: str, before: Before
) -> tuple[int, ...]:
    """What two people are to be asked after an undo: by the round that is then the last one."""
    records = [one for one in load_records(opened.workspace) if one.project_id == opened.id]
    then = [one for one in records if one.model_version != model_version]
    if before.scores and before.record is not None:
        then.append(before.record)
    last = max(then, key=lambda record: record.published, default=None)
    return () if last is None else last.second_opinions


def _shown_then(opened: OpenProject, before: str | None) -> str:
    """What the project shows after an undo: what it showed before, if that is there still, or else
    the model version that was published last of those that are."""
    if before == "":
        return before
    there = published_versions(opened)
    rounds = [record.model_version for record in reversed(load_records(opened.workspace))]
    return next((version for version in (before, *rounds) if version in there), "")
