"""A round of active learning, planned: which unlabeled images to ask for next, and why.

A plan is made before anything is written: the user's hooks run, or what stands in for them, vectors
are checked and compared, and the images are put into an order. Publishing is another step.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.dataset.current import current_labels
from core.dataset.formats.dataset_json import read_dataset
from core.labeling.questionnaire import Questionnaire
from core.labeling.questions import read_questions
from core.labeling.suggestions import Precision, Suggestions, as_prediction
from core.labeling_config import parse_labeling_config
from core.learning.builtin.losses import with_own_losses
from core.learning.hooks.run import Hooks, kept_runs
from core.learning.inputs.gathering import gather
from core.learning.inputs.pool import make_pool
from core.learning.measuring.comparison import Curves
from core.learning.measuring.kept_replay import measured_on
from core.learning.measuring.suspects import without_suspects
from core.learning.orders.order import Order
from core.learning.orders.ranking import rank
from core.learning.rounds.ledger import Pick, round_folder
from core.learning.rounds.options import RoundOptions
from core.learning.rounds.scores import Results
from core.learning.suggesting.guesses import suggest
from core.own_files import refuse_links
from core.progress import Progress, Work
from core.studio.project import OpenProject
from core.tasks.tags import ImageFiles, TaggedTask, image_tags, tasks_by_tag
from core.words import count
from core.workspace.consents import may_reach_scheduler, may_write
from core.workspace.settings import Workspace

# By so much, of itself, a score is less than an equal one before it.
TIE = 1e-12


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """What a round would publish. `picks` are in the order of labeling, best first.

    `losses` (m,) are those of all train images, `train_tags` theirs; `queries` of them asked for
    neighbours among `candidates` unlabeled images. `paths` is tag -> file, for every image that is
    a task, and `labels` tag -> classes, for every labeled one. `newer_labels` counts the labeled
    images that dataset.json does not know.
    `embeddings_of` and `losses_of` say whose both are. `measured` is what a replay of these labels
    found of the orders, None where there was none yet. `results` is task id -> what its prediction
    suggests, and `precision` what suggestions are worth; None where none were asked for.
    """

    model_version: str
    order: str
    engine: str
    reason: str
    recall: float
    queries: int
    candidates: int
    losses: NDArray[np.float64] = field(repr=False)
    picks: tuple[Pick, ...] = field(repr=False)
    paths: Mapping[str, Path] = field(repr=False)
    seconds: float
    train_tags: tuple[str, ...] = field(default=(), repr=False)
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    newer_labels: int = 0
    embeddings_of: str = ""
    losses_of: str = ""
    measured: Curves | None = field(default=None, repr=False)
    results: Results = field(default_factory=dict, repr=False)
    precision: Precision | None = None


def plan_round(opened: OpenProject, options: RoundOptions) -> Work[RoundPlan]:
    """Put the unlabeled images into an order, by the hooks or what stands in for them. Nothing is
    written to the server.

    What the hooks gave for this model version before is used if it still holds, unless the options
    say `fresh`. Raises ConfigurationError for a workspace that does not fit, LabelpilotError where
    the hooks fail or what they return does not fit the images, StudioRefused and StudioUnreachable.
    """
    began = time.monotonic()
    workspace = opened.workspace
    if workspace.learning.scheduler is not None and options.engine in ("auto", "dask"):
        may_reach_scheduler(workspace)
    images = yield from tasks_by_tag(opened)
    folder = round_folder(workspace, options.model_version)
    inputs = yield from gather(workspace, folder, reuse=not options.fresh)
    known = images.tags
    if _names_others(inputs.hooks, known):
        # An image that is no task yet is not an unknown one.
        known = known | (yield from image_tags(workspace))
    labeled = images.labeled
    newer = newer_labels(workspace, labeled)
    if newer:
        name = workspace.relative(workspace.annotations.dataset)
        note = (
            f"{count(newer, 'image')} labeled since {name} was written: labeled here too, but "
            "for your model to learn from that, export and train again."
        )
        yield Progress("labels", note=note)
    classes = yield from current_labels(workspace, project=opened)
    with _vectors_file(workspace, folder) as file:
        pool = yield from make_pool(
            inputs.hooks,
            known,
            tasks=images.tags,
            labeled=labeled,
            classes=classes,
            path=file,
        )
        if inputs.hooks.losses is None:
            pool = yield from with_own_losses(pool)
        trusted = (yield from without_suspects(pool)) if options.leave_out_suspects else pool
        ranking = yield from rank(trusted, options, learning=workspace.learning)
    picks = tuple(_picks(ranking.order, images, pool.tags))
    results, precision = dict[int, list[dict[str, Any]]](), None
    if options.suggest:
        config = parse_labeling_config(opened.remote.label_config)
        questions = read_questions(config)
        runs = itertools.chain([inputs.run], kept_runs(workspace))
        candidates = [pick.tag for pick in picks]
        cache = workspace.state.cache
        suggested = yield from suggest(classes or {}, candidates, config, questions, runs, cache)
        precision = suggested.precision
        results = _results(questions, suggested, picks)
    return RoundPlan(
        model_version=options.model_version,
        order=ranking.order.name,
        engine=ranking.engine,
        reason=ranking.reason,
        recall=ranking.recall,
        queries=ranking.queries,
        candidates=ranking.candidates,
        losses=pool.losses[pool.asking],
        train_tags=tuple(pool.tags[row] for row in pool.asking),
        picks=picks,
        paths=ImageFiles(images),
        labels=classes or {},
        seconds=time.monotonic() - began,
        newer_labels=newer,
        embeddings_of=inputs.embeddings_of,
        losses_of=inputs.losses_of,
        measured=measured_on(workspace, classes, inputs.embeddings_of),
        results=results,
        precision=precision,
    )


def _names_others(hooks: Hooks, images: Set[str]) -> bool:
    """Whether the hooks name anything that is none of `images` (tags)."""
    embedded = () if hooks.embeddings is None else hooks.embeddings.tags
    named = (embedded, hooks.losses or (), hooks.labeled or ())
    return not all(map(images.__contains__, itertools.chain.from_iterable(named)))


@contextlib.contextmanager
def _vectors_file(workspace: Workspace, folder: Path) -> Iterator[Path]:
    """Where the vectors of the round in `folder` go, for as long as its images are put into order,
    since they take as much room as the embeddings. In a folder that a cluster's workers share, they
    stay."""
    shared = workspace.learning.shared
    if shared is not None:
        may_write(workspace, shared)
        yield shared / f"{folder.name}.npy"
        return
    file = refuse_links(folder / "unit.npy")
    try:
        yield file
    finally:
        refuse_links(file).unlink(missing_ok=True)


def newer_labels(workspace: Workspace, labeled: Set[str]) -> int:
    """How many of the images `labeled` dataset.json does not know; none where there is no such
    file. Raises ConfigurationError for a damaged one."""
    known = read_dataset(workspace.annotations.dataset)
    return 0 if known is None else len(labeled - known.keys())


def _results(
    questions: Questionnaire, suggested: Suggestions, picks: Iterable[Pick]
) -> dict[int, list[dict[str, Any]]]:
    """Task id -> the results of its prediction, for the picks of which something is ticked."""
    found = {pick.task_id: suggested.of(pick.tag) for pick in picks}
    return {
        task: results
        for task, one in found.items()
        if one is not None and (results := as_prediction(questions, one.answers))
    }


def _picks(order: Order, images: Mapping[str, TaggedTask], tags: Sequence[str]) -> Iterator[Pick]:
    """The images in their order, with scores that fall: Label Studio would show those of one score
    by their number."""
    least = math.inf
    for position, (row, given) in enumerate(zip(order.indices, order.scores, strict=True)):
        tag, score = tags[row], min(float(given), least)
        least = score - TIE * max(1.0, abs(score))
        control = order.control is not None and bool(order.control[position])
        pick = Pick(tag, images[tag].task_id, score, control=control)
        if order.why is not None and (query := int(order.why.queries[position])) >= 0:
            pick = replace(
                pick,
                train_tag=tags[query],
                train_loss=float(order.why.losses[position]),
                similarity=float(order.why.similarities[position]),
                rank=int(order.why.ranks[position]),
            )
        yield pick
