"""Which order pays, on images that are labeled already.

Labeling is replayed from a few random labels on: a light classifier is trained, the order picks the
next images, their known labels are "given", and so on. What comes out is how well the classifier
does on images kept apart, at each number of labels: `core.learning.measuring.comparison` draws the
conclusions. It labels nothing and writes nothing.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np

from core.errors import ConfigurationError
from core.learning.builtin.head import guessed, logistic_regression
from core.learning.builtin.losses import cross_entropy
from core.learning.hooks.vector_files import TaggedVectors
from core.learning.inputs.embeddings import unit_vectors
from core.learning.inputs.pool import Labels, Pool, labels_of
from core.learning.measuring.comparison import Curves
from core.learning.measuring.measures import Measures, best_thresholds, measure
from core.learning.orders.order import Mask, Numbers
from core.learning.orders.ranking import rank
from core.learning.rounds.options import ORDERS, OrderName, RoundOptions
from core.learning.search.exact import Floats, Indices
from core.progress import Progress, Work, finish

KEPT_APART = 0.3
FEWEST = 20
FEWEST_SEEDS = 5
# Thresholds are set on labeled images that the classifier has not seen: it is trained once more for
# each of so many parts of them.
FOLDS = 3


@dataclass(frozen=True, slots=True)
class Trained:
    """A classifier after training: `vectors` (N, d) of length 1, `probabilities` (N, C)."""

    vectors: Floats
    probabilities: Numbers


class Learner(Protocol):
    """Trains on the `labels` of some rows of `vectors` (N, d)."""

    def __call__(self, vectors: Floats, labels: Labels, random: np.random.Generator) -> Trained: ...


# Picks so many rows of a pool's candidates, by a seed.
Choose: TypeAlias = Callable[[Pool, int, int], Indices]


@dataclass(frozen=True, slots=True)
class Plan:
    """`start` random labels, then `step` more each round up to `most`, for each of `seeds`."""

    start: int
    step: int
    most: int
    seeds: int

    @property
    def budgets(self) -> list[int]:
        return list(range(self.start, self.most + 1, self.step))


def default_plan(images: int, seeds: int = 10, rounds: int = 20) -> Plan:
    """A plan for that many labeled images: so many rounds, up to 400 labels or half the pool."""
    most = max(min(400, int(images * (1 - KEPT_APART) / 2)), 4)
    step = max(most // rounds, 1)
    return Plan(max(2 * step, 2), step, most, seeds)


def linear_learner(vectors: Floats, labels: Labels, random: np.random.Generator) -> Trained:
    """A linear classifier on the embeddings as they are."""
    return Trained(vectors, guessed(vectors, labels, vectors, random))


def replay(
    embeddings: TaggedVectors,
    labels: Mapping[str, Collection[str]],
    *,
    orders: Sequence[OrderName] = tuple(ORDERS),
    plan: Plan | None = None,
    seconds: float = math.inf,
) -> Work[Curves]:
    """Replay labeling under each of `orders` on the images in both `embeddings` and `labels`.

    `labels` is tag -> classes, as in dataset.json. After so many `seconds` of processor time no
    further seed is begun, once there are FEWEST_SEEDS.

    Raises ConfigurationError where there are too few images or one class only, LabelpilotError for
    embeddings that cannot be used.
    """
    known = [row for row, tag in enumerate(embeddings.tags) if tag in labels]
    tags = [embeddings.tags[row] for row in known]
    every = labels_of(tags, labels)
    if len(tags) < FEWEST or every.alike:
        enough = len(tags) >= FEWEST
        raise ConfigurationError(
            f"A replay needs at least {FEWEST} labeled images with an embedding, and not all "
            "labeled alike.",
            cause=f"All {len(tags):,} are labeled alike."
            if enough
            else f"There are {len(tags):,}.",
            next_step="Label some of another class first."
            if enough
            else "Give the embeddings and the labels of the same images, or label some more.",
        )
    vectors = yield from unit_vectors(TaggedVectors(tags, embeddings.vectors[known]))
    vectors = on_own_axes(vectors)
    plan = plan or default_plan(len(tags))
    found: dict[str, list[list[Measures]]] = {order: [] for order in orders}
    total, done, began = plan.seeds * len(orders) * len(plan.budgets), 0, time.process_time()
    # Several threads only get in each other's way in products as small as these.
    with one_thread():
        for seed, order in itertools.product(range(plan.seeds), orders):
            late = time.process_time() - began > seconds and seed >= FEWEST_SEEDS
            if late and order == orders[0]:
                break
            curve: list[Measures] = []
            for reached in simulate(order, vectors, every.matrix, every.matrix, plan, seed):
                curve.append(reached)
                done += 1
                yield Progress("replay", done, total)
            found[order].append(curve)
    measured = {order: np.array(curves) for order, curves in found.items()}
    return Curves(tuple(plan.budgets), measured, every.single, len(tags))


def on_own_axes(vectors: Floats) -> Floats:
    """Vectors (N, d) whose inner products are those of `vectors`, with no more than N numbers each.

    Distances and the heads' penalties are the same, so whatever is fitted to them says the same.
    """
    if vectors.shape[1] <= len(vectors):
        return vectors
    _, triangle = np.linalg.qr(vectors.T)
    return np.ascontiguousarray(triangle.T, np.float32)


def one_thread() -> contextlib.AbstractContextManager[object]:
    """While it is open, numerical libraries use one thread each."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    # A library is held back only if it is loaded already.
    logistic_regression()
    held_back: contextlib.AbstractContextManager[object] = threadpool_limits(limits=1)
    return held_back


def simulate(
    order: OrderName,
    vectors: Floats,
    given: Mask,
    true: Mask,
    plan: Plan,
    seed: int,
    *,
    learner: Learner = linear_learner,
    show_probabilities: bool = False,
    cover_first: bool = False,
    choose: Choose | None = None,
) -> Iterator[Measures]:
    """How well the learner does on the images kept apart, after each round of one replay.

    `vectors` (N, d) have length 1; `given` (N, C) are the classes that the annotator answers with,
    `true` (N, C) those that count. Equal seeds start from equal labels. With `show_probabilities`
    the order sees the learner's, as from `get_probabilities()`; without, it gets what the manual's
    three functions give. With `cover_first` the first labels are those of a round by coverage;
    `choose` picks in the place of `order`.
    """
    random = np.random.default_rng(seed)
    shuffled = random.permutation(len(vectors))
    apart = round(KEPT_APART * len(vectors))
    test, train = shuffled[:apart], np.sort(shuffled[apart:])
    labeled = random.permutation(len(train))[: plan.start]
    if cover_first:
        nothing = np.zeros(len(train), np.bool_)
        start = Pool(
            [""] * len(train), vectors[train], nothing, ~nothing, np.full(len(train), np.nan)
        )
        labeled = _by("herding")(start, plan.start, seed)
    names = tuple(str(column) for column in range(given.shape[1]))
    single = bool((given.sum(axis=1) == 1).all())
    for budget in plan.budgets:
        labels = Labels(labeled, given[train[labeled]], names)
        on_all = dataclasses.replace(labels, rows=train[labeled])
        trained = learner(vectors, on_all, np.random.default_rng((seed, budget)))
        thresholds = None if single else _thresholds(learner, vectors, on_all, (seed, budget))
        yield measure(trained.probabilities[test], true[test], thresholds)
        if budget + plan.step > plan.most:
            return
        probabilities = trained.probabilities[train]
        losses = np.full(len(train), np.nan)
        losses[labeled] = cross_entropy(probabilities[labeled], labels.matrix, single)
        is_labeled = np.zeros(len(train), np.bool_)
        is_labeled[labeled] = True
        pool = Pool(
            [str(row) for row in train],
            trained.vectors[train],
            is_labeled,
            ~is_labeled,
            losses,
            labels,
            probabilities if show_probabilities else None,
        )
        # With labels of one class only, there is nothing to be unsure about: one draws at random.
        alike = not show_probabilities and labels.alike
        now: OrderName = "random" if alike and order in ("margin", "entropy") else order
        picked = (choose or _by(now))(pool, plan.step, seed)
        labeled = np.concatenate([labeled, picked])


def _by(order: OrderName) -> Choose:
    """What chooses by `order`, as a round does."""

    def choose(pool: Pool, count: int, seed: int) -> Indices:
        options = RoundOptions("replay", order=order, batch_size=count)
        return finish(rank(pool, options, seed=seed)).order.indices[:count]

    return choose


def _thresholds(
    learner: Learner, vectors: Floats, labels: Labels, seed: tuple[int, int]
) -> Numbers:
    """The thresholds (C,) with the best F1 on labeled images that the learner has not seen."""
    part = np.random.default_rng(seed).permutation(len(labels.rows)) % FOLDS
    found = np.zeros(labels.matrix.shape)
    for fold in range(FOLDS):
        seen, kept = part != fold, part == fold
        if not seen.any():
            continue
        some = dataclasses.replace(labels, rows=labels.rows[seen], matrix=labels.matrix[seen])
        trained = learner(vectors, some, np.random.default_rng(seed))
        found[kept] = trained.probabilities[labels.rows[kept]]
    return best_thresholds(found, labels.matrix)
