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
from core.learning.options import OrderName, RoundOptions
from core.learning.orders.coverage import k_center
from core.learning.orders.nearest_loss import nearest_loss, worst
from core.learning.orders.order import Numbers, Order
from core.learning.orders.random_picks import at_random, with_random_share
from core.learning.orders.uncertainty import (
    Measure,
    by_uncertainty,
    entropy,
    exclude_each_other,
    margin,
)
from core.learning.orders.uncertainty_herding import herding
from core.learning.pool import Pool, no_classes
from core.learning.search.neighbours import find_neighbours
from core.progress import Progress, Work
from core.workspace.settings import Learning

ROWS_AT_ONCE = 4096


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
            next_step="Let get_embeddings() return the unlabeled images too; where there are none, "
            "add some and run `labelpilot sync`.",
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
    weights = yield from herding_weights(pool, random)
    rows, labeled = pool.candidate_rows, pool.labeled_rows
    order = yield from herding(pool.vectors, rows, weights, labeled, options.batch_size, random)
    return _of_all(pool, order)


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


def herding_weights(pool: Pool, random: np.random.Generator) -> Work[Numbers]:
    """How much each candidate weighs in herding, (n,): its margin.

    Where there are both, the mean of the margins by the user's probabilities and by a linear head:
    a small network's own alone cost 0.1 to 0.7 points (tests/benchmarks/label_efficiency.py).
    Without classes to tell apart, every image weighs the same. Raises what `uncertainty_of` does.
    """
    weights = yield from uncertainty_of(pool, margin, random)
    if pool.probabilities is not None and pool.labels is not None and has_scikit_learn():
        alone = dataclasses.replace(pool, probabilities=None)
        others = yield from uncertainty_of(alone, margin, random)
        if weights is not None and others is not None:
            weights = (weights + others) / 2
    return np.ones(len(pool.candidate_rows)) if weights is None else weights


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
