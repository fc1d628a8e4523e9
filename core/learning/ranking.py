"""From what a round knows to the order of the images: the one place that knows every order.

A `Pool` holds the checked embeddings, losses and labels of one model version; `rank` puts its
unlabeled images in the order asked for. Nothing here talks to Label Studio.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigurationError
from core.learning.embeddings import check_probabilities, check_tags, unit_vectors
from core.learning.hooks.run import Hooks
from core.learning.options import RoundOptions
from core.learning.orders import (
    Labels,
    Order,
    at_random,
    by_uncertainty,
    entropy,
    fit_head,
    has_scikit_learn,
    herding,
    k_center,
    labels_of,
    margin,
    nearest_loss,
    with_random_share,
    worst,
)
from core.learning.orders.order import Mask, Numbers
from core.learning.orders.uncertainty import exclude_each_other
from core.learning.search.exact import Floats, Indices
from core.learning.search.neighbours import find_neighbours
from core.learning.suspects import suspects
from core.progress import Progress, Work
from core.workspace.settings import Learning

ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class Pool:
    """What a round knows of each of N images.

    `vectors` (N, d) have length 1; `labeled` (N,) says which images are labeled, `candidates` (N,)
    which can be asked for; `losses` (N,) are NaN where there is none; `labels` are the classes of
    labeled images, None where unknown; `probabilities` (N, C) are the user's, None where there are
    none, NaN for images that are no candidates.
    """

    tags: Sequence[str]
    vectors: Floats
    labeled: Mask
    candidates: Mask
    losses: Numbers
    labels: Labels | None = None
    probabilities: NDArray[Any] | None = None

    @property
    def candidate_rows(self) -> Indices:
        return np.flatnonzero(self.candidates)

    @property
    def labeled_rows(self) -> Indices:
        return np.flatnonzero(self.labeled)

    @property
    def asking(self) -> Indices:
        """The rows of the labeled images that have a loss."""
        return np.flatnonzero(self.labeled & np.isfinite(self.losses))


@dataclass(frozen=True, slots=True)
class Ranking:
    """An order of the pool's unlabeled images; its `indices`, and `why.queries`, are pool rows.

    `engine`, `reason` and `recall` tell how neighbours were found; they are empty and 1 for orders
    that need none. `queries` images asked, among `candidates`.
    """

    order: Order
    queries: int
    candidates: int
    engine: str = ""
    reason: str = ""
    recall: float = 1.0


def make_pool(
    hooks: Hooks,
    images: Collection[str],
    *,
    tasks: Collection[str] | None = None,
    labeled: Collection[str] = (),
    classes: Mapping[str, Collection[str]] | None = None,
    path: Path | None = None,
) -> Work[Pool]:
    """Check what the hooks returned against the `images` (tags), and make it ready for `rank`.

    An image counts as labeled if the hooks say so, if it has a loss, or if it is in `labeled`, the
    tags that are labeled in Label Studio. The others can be asked for if they are in `tasks` (None:
    all are). `classes` (tag -> classes) is what dataset.json holds. With `path`, the vectors of
    length 1 go to that `.npy` file. Raises LabelpilotError, naming the tags, for all that cannot be
    used.
    """
    tags = hooks.embeddings.tags
    check_tags(tags, images, hooks.losses, hooks.labeled or ())
    known = {*labeled, *(hooks.labeled or ()), *hooks.losses}
    is_labeled = np.array([tag in known for tag in tags], np.bool_)
    candidates = ~is_labeled
    if tasks is not None:
        candidates &= np.array([tag in tasks for tag in tags], np.bool_)
    if hooks.probabilities is not None:
        wanted = np.flatnonzero(candidates)
        check_probabilities(hooks.probabilities, [tags[row] for row in wanted])
    embedded = set(tags)
    unseen = sum(
        tag not in known and tag not in embedded for tag in (images if tasks is None else tasks)
    )
    if unseen:
        note = f"{unseen:,} unlabeled images have no embedding, and cannot be asked for"
        yield Progress("embeddings", 0, len(tags), note)
    vectors = yield from unit_vectors(hooks.embeddings, path)
    losses = np.array([hooks.losses.get(tag, np.nan) for tag in tags])
    probabilities = None
    if hooks.probabilities is not None:
        row_of = {tag: row for row, tag in enumerate(hooks.probabilities.tags)}
        probabilities = np.full((len(tags), hooks.probabilities.vectors.shape[1]), np.nan, "f4")
        probabilities[wanted] = hooks.probabilities.vectors[[row_of[tags[row]] for row in wanted]]
    labels = None if classes is None else labels_of(tags, classes)
    return Pool(tags, vectors, is_labeled, candidates, losses, labels, probabilities)


def without_suspects(pool: Pool) -> Work[Pool]:
    """The pool without the labels that are likely wrong: they ask for nothing, and teach nothing.

    Those images stay labeled. Raises ConfigurationError where the classes are not known.
    """
    if pool.labels is None:
        raise _no_classes("To tell which labels are likely wrong, the classes are needed.")
    found = yield from suspects(pool.tags, pool.vectors, pool.losses, pool.labels)
    note = f"{len(found):,} labels that are likely wrong are left out"
    yield Progress("suspects", len(found), len(found), note)
    named = {suspect.tag for suspect in found}
    rows = [row for row in pool.labels.rows if pool.tags[row] in named]
    losses = pool.losses.copy()
    losses[rows] = np.nan
    trusted = ~np.isin(pool.labels.rows, rows)
    labels = dataclasses.replace(
        pool.labels, rows=pool.labels.rows[trusted], matrix=pool.labels.matrix[trusted]
    )
    return dataclasses.replace(pool, losses=losses, labels=labels)


def _no_classes(message: str) -> ConfigurationError:
    return ConfigurationError(
        message, next_step="Write dataset.json first, with `labelpilot export`."
    )


def rank(
    pool: Pool, options: RoundOptions, *, learning: Learning | None = None, seed: int = 0
) -> Work[Ranking]:
    """The pool's candidates in the order that `options` ask for.

    `nearest-loss` ranks the neighbours of train images only, the others rank all. `learning` are
    the workspace's settings: how many neighbours where the options say none, and on what cluster
    they are found. The same pool, options and seed give the same order. Raises ConfigurationError
    where the pool lacks what the order needs.
    """
    name, random = options.order, np.random.default_rng(seed)
    rows, labeled = pool.candidate_rows, pool.labeled_rows
    if not len(rows):
        what = "Every image" if pool.labeled.all() else "Every task"
        raise ConfigurationError(
            f"{what} that has an embedding is labeled already, so there is none to choose.",
            next_step="Let get_embeddings() return the unlabeled images too; where there are none, "
            "add some and run `labelpilot sync`.",
        )
    ranking = Ranking(at_random(rows, random), 0, len(rows))
    if name == "nearest-loss":
        ranking = yield from _nearest_loss(pool, options, learning or Learning())
    elif name == "k-center":
        order = yield from k_center(pool.vectors, rows, labeled, options.batch_size, random)
        ranking = Ranking(order, len(labeled), len(rows))
    elif name == "herding":
        weights = yield from herding_weights(pool, random)
        order = yield from herding(pool.vectors, rows, weights, labeled, options.batch_size, random)
        ranking = Ranking(order, len(labeled), len(rows))
    elif name != "random":
        uncertainty = yield from uncertainty_of(pool, name == "entropy", random)
        if uncertainty is None:
            raise ConfigurationError(
                f"The order {name} needs labeled images of at least two classes.",
                next_step="Label some more at random first, or take the order herding.",
            )
        order = by_uncertainty(name, uncertainty, rows, random)
        ranking = Ranking(order, len(labeled), len(rows))
    order = with_random_share(ranking.order, rows, options.random_share, random)
    return dataclasses.replace(ranking, order=order)


def _nearest_loss(pool: Pool, options: RoundOptions, learning: Learning) -> Work[Ranking]:
    asking = pool.asking
    asking = asking[worst(pool.losses[asking], options.worst)]
    neighbours = yield from find_neighbours(
        np.asarray(pool.vectors[asking]),
        pool.vectors,
        options.neighbours or learning.neighbours,
        options.engine,
        allowed=pool.candidates,
        scheduler=learning.scheduler,
    )
    order = nearest_loss(pool.losses[asking], neighbours, options.claim)
    assert order.why is not None
    why = dataclasses.replace(order.why, queries=asking[order.why.queries])
    return Ranking(
        dataclasses.replace(order, why=why),
        len(asking),
        int(np.count_nonzero(pool.candidates)),
        neighbours.engine,
        neighbours.reason,
        neighbours.recall,
    )


def herding_weights(pool: Pool, random: np.random.Generator) -> Work[Numbers]:
    """How much each candidate weighs in herding, (n,): its margin.

    Where there are both, the mean of the margins by the user's probabilities and by a linear head:
    a small network's own alone cost 0.1 to 0.7 points (tests/benchmarks/label_efficiency.py).
    Without classes to tell apart, every image weighs the same. Raises what `uncertainty_of` does.
    """
    weights = yield from uncertainty_of(pool, False, random)
    if pool.probabilities is not None and pool.labels is not None and has_scikit_learn():
        alone = dataclasses.replace(pool, probabilities=None)
        others = yield from uncertainty_of(alone, False, random)
        if weights is not None and others is not None:
            weights = (weights + others) / 2
    return np.ones(len(pool.candidate_rows)) if weights is None else weights


def uncertainty_of(
    pool: Pool, by_entropy: bool, random: np.random.Generator
) -> Work[Numbers | None]:
    """How uncertain each candidate is, (n,): its margin, or its entropy.

    By the user's probabilities where the pool has them, else by a linear head fitted to the labeled
    images; None where there are no two classes to tell apart. Raises ConfigurationError where the
    pool has neither probabilities nor labels.
    """
    rows = pool.candidate_rows
    measure = entropy if by_entropy else margin
    head = None
    single = True
    if pool.probabilities is not None:
        single = exclude_each_other(pool.probabilities[rows])
    else:
        if pool.labels is None:
            raise _no_classes(
                "This order needs the classes of the labeled images, or get_probabilities()."
            )
        yield Progress("uncertainty", 0, len(rows), note="Fitting a linear head")
        head = fit_head(pool.vectors, pool.labels, random)
        if head is None:
            return None
        single = head.single
    found = np.empty(len(rows))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield Progress("uncertainty", start, len(rows))
        some = rows[start : start + ROWS_AT_ONCE]
        if head is not None:
            probabilities = head.probabilities(pool.vectors[some])
        else:
            assert pool.probabilities is not None
            probabilities = np.clip(pool.probabilities[some], 0, 1).astype(np.float64)
        found[start : start + len(some)] = measure(probabilities, single=single)
    yield Progress("uncertainty", len(rows), len(rows))
    return found
