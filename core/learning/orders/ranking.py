"""From what a round knows of its images to an order of them: the one place that knows every order.

Nothing here talks to Label Studio.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np

from core.errors import ConfigurationError
from core.learning.builtin.head import fit_head, has_scikit_learn
from core.learning.builtin.undecided import undecided
from core.learning.inputs.pool import Pool, no_classes
from core.learning.orders.coverage import k_center
from core.learning.orders.nearest_loss import nearest_loss, worst
from core.learning.orders.order import Numbers, Order, in_sequence
from core.learning.orders.random_picks import at_random, with_random_share
from core.learning.orders.uncertainty import (
    Measure,
    by_uncertainty,
    entropy,
    exclude_each_other,
    margin,
)
from core.learning.orders.uncertainty_herding import herding
from core.learning.rounds.options import OrderName, RoundOptions
from core.learning.search.exact import Indices
from core.learning.search.neighbours import find_neighbours
from core.progress import Progress, Work
from core.workspace.settings import Learning

ROWS_AT_ONCE = 4096
# Where images have several classes, so many are weighed at most, and so many images times classes.
MOST_WEIGHED = 100_000
MOST_DOUBTS = 10_000_000
# Images with several classes are alike in one and not in another, so each speaks for fewer others.
NARROWER = 0.5


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


def rank(
    pool: Pool, options: RoundOptions, *, learning: Learning | None = None, seed: int = 0
) -> Work[Ranking]:
    """The pool's candidates in the order that `options` ask for.

    `nearest-loss` ranks the neighbours of train images only, the others rank all. `learning` are
    the workspace's settings: how many neighbours where the options say none, and on what cluster
    they are found. The same pool, options and seed give the same order. Raises ConfigurationError
    where the pool lacks what the order needs.
    """
    rows, random = pool.candidate_rows, np.random.default_rng(seed)
    if not len(rows):
        what = "Every image" if pool.labeled.all() else "Every task"
        raise ConfigurationError(
            f"{what} that has an embedding is labeled already, so there is none to choose.",
            next_step="Give embeddings of the unlabeled images too, by get_embeddings(), a file or "
            "`labelpilot embed`; where there are none, add some and run `labelpilot sync`.",
        )
    ranking = yield from RANKINGS[options.order](pool, options, learning or Learning(), random)
    order = with_random_share(ranking.order, rows, options.random_share, random)
    return dataclasses.replace(ranking, order=order)


def _by_nearest_loss(
    pool: Pool, options: RoundOptions, learning: Learning, random: np.random.Generator
) -> Work[Ranking]:
    asking = pool.asking
    if not len(asking):
        raise ConfigurationError(
            "The order nearest-loss needs labeled images with a loss, and there are none.",
            next_step="Label images of at least two classes, or take the order herding.",
        )
    asking = asking[worst(pool.losses[asking], options.worst)]
    neighbours = yield from find_neighbours(
        np.asarray(pool.vectors[asking]),
        pool.vectors,
        options.neighbours or learning.neighbours,
        options.engine,
        allowed=pool.candidates,
        scheduler=learning.scheduler,
        secret=learning.scheduler_secret,
    )
    order = nearest_loss(pool.losses[asking], neighbours, options.claim)
    assert order.why is not None
    why = dataclasses.replace(order.why, queries=asking[order.why.queries])
    return Ranking(
        dataclasses.replace(order, why=why),
        len(asking),
        len(pool.candidate_rows),
        neighbours.engine,
        neighbours.reason,
        neighbours.recall,
    )


def _by_herding(
    pool: Pool, options: RoundOptions, learning: Learning, random: np.random.Generator
) -> Work[Ranking]:
    some, later = _weighable(pool, random)
    weights = yield from herding_weights(some, random)
    rows, labeled = some.candidate_rows, pool.labeled_rows
    narrower = NARROWER if several_classes(pool) else 1.0
    order = yield from herding(
        pool.vectors, rows, weights, labeled, options.batch_size, random, narrower
    )
    if len(later):
        order = in_sequence(order.name, np.concatenate([order.indices, later]))
    return _of_all(pool, order)


def _weighable(pool: Pool, random: np.random.Generator) -> tuple[Pool, Indices]:
    """The pool with as many candidates as can be weighed, and the rows of the others, at random.

    To weigh an image costs more where it may have several classes, and nobody labels so many.
    """
    rows = pool.candidate_rows
    most = len(rows)
    if pool.labels is not None and several_classes(pool):
        most = min(MOST_WEIGHED, MOST_DOUBTS // max(len(pool.labels.classes), 1))
    if len(rows) <= most:
        return pool, rows[:0]
    shuffled = random.permutation(rows)
    some = np.zeros(len(pool.candidates), np.bool_)
    some[shuffled[:most]] = True
    return dataclasses.replace(pool, candidates=some), shuffled[most:]


def _by_coverage(
    pool: Pool, options: RoundOptions, learning: Learning, random: np.random.Generator
) -> Work[Ranking]:
    rows, labeled = pool.candidate_rows, pool.labeled_rows
    order = yield from k_center(pool.vectors, rows, labeled, options.batch_size, random)
    return _of_all(pool, order)


def _by_uncertainty(
    measure: Measure,
    pool: Pool,
    options: RoundOptions,
    learning: Learning,
    random: np.random.Generator,
) -> Work[Ranking]:
    uncertainty = yield from uncertainty_of(pool, measure, random)
    if uncertainty is None:
        raise ConfigurationError(
            f"The order {options.order} needs labeled images of at least two classes.",
            next_step="Label some more at random first, or take the order herding.",
        )
    return _of_all(pool, by_uncertainty(options.order, uncertainty, pool.candidate_rows, random))


def _at_random(
    pool: Pool, options: RoundOptions, learning: Learning, random: np.random.Generator
) -> Work[Ranking]:
    yield Progress("random")
    return Ranking(at_random(pool.candidate_rows, random), 0, len(pool.candidate_rows))


def _of_all(pool: Pool, order: Order) -> Ranking:
    """The ranking by an order that looks at all labeled images."""
    return Ranking(order, len(pool.labeled_rows), len(pool.candidate_rows))


RankingOf: TypeAlias = Callable[[Pool, RoundOptions, Learning, np.random.Generator], Work[Ranking]]
RANKINGS: Mapping[OrderName, RankingOf] = {
    "nearest-loss": _by_nearest_loss,
    "herding": _by_herding,
    "margin": partial(_by_uncertainty, margin),
    "entropy": partial(_by_uncertainty, entropy),
    "k-center": _by_coverage,
    "random": _at_random,
}


def several_classes(pool: Pool) -> bool:
    """Whether the labels say that an image may have several classes, or none."""
    labels = pool.labels
    return labels is not None and bool(labels.matrix.any()) and not labels.single


def herding_weights(pool: Pool, random: np.random.Generator) -> Work[Numbers]:
    """How much each candidate weighs in herding, (n,): its margin.

    Where an image may have several classes, how much more labels could change the heads' answers
    counts in the place of their margin. Where there are both, the mean of what the user's
    probabilities and what heads fitted here say: a small network's own alone cost 0.1 to 0.7 points
    (tests/benchmarks/label_efficiency.py). Without labels, or without classes to tell apart, every
    image weighs the same, and herding covers the images. Raises what `uncertainty_of` does.
    """
    if not pool.labeled.any() and pool.probabilities is None:
        return np.ones(len(pool.candidate_rows))
    several = several_classes(pool) and has_scikit_learn()
    given = pool.probabilities is not None
    weights = None
    if given or not several:
        weights = yield from uncertainty_of(pool, margin, random)
    others = None
    if several:
        assert pool.labels is not None
        others = yield from undecided(pool.vectors, pool.candidate_rows, pool.labels, random)
        if weights is not None:
            others *= weights.mean() / others.mean()
    elif given and pool.labels is not None and has_scikit_learn():
        alone = dataclasses.replace(pool, probabilities=None)
        others = yield from uncertainty_of(alone, margin, random)
    found = [one for one in (weights, others) if one is not None]
    return np.asarray(sum(found) / len(found)) if found else np.ones(len(pool.candidate_rows))


def uncertainty_of(
    pool: Pool, measure: Measure, random: np.random.Generator
) -> Work[Numbers | None]:
    """How uncertain each candidate is, (n,), by `measure`: its margin, or its entropy.

    By the user's probabilities where the pool has them, else by a linear head fitted to the labeled
    images; None where there are no two classes to tell apart. Raises ConfigurationError where the
    pool has neither probabilities nor labels.
    """
    rows = pool.candidate_rows
    head = None
    single = True
    if pool.probabilities is not None:
        single = exclude_each_other(pool.probabilities[rows])
    else:
        if pool.labels is None:
            raise no_classes(
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
