"""Labels that are likely wrong, which class of them is doubted, and in which direction.

A wrong label has a high loss, so an order by loss sends everybody to its neighbours. Here such
images are listed, so that somebody looks at them; nothing is changed, and the list is a suspicion
and not a verdict: the only image of a rare kind looks the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.learning.builtin.head import has_scikit_learn
from core.learning.builtin.losses import guessed_out_of_fold
from core.learning.inputs.pool import Labels, Pool, no_classes
from core.learning.measuring.replay import one_thread
from core.learning.orders.order import Mask, Numbers
from core.learning.search.exact import Floats
from core.learning.search.neighbours import find_neighbours
from core.progress import Progress, Work
from core.words import count

NEIGHBOURS = 5
# A loss counts as high above this share of all.
HIGH = 0.75
# So sure of the opposite heads have to be that have not seen the label.
SURE = 0.75


@dataclass(frozen=True, slots=True)
class Doubt:
    """A class that is doubted: `present` though it should not be, or lacking though it should be
    there. `probability` is that of the class by heads that have not seen the image's label; None
    where there is none."""

    name: str
    present: bool
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Suspect:
    """An image whose label is likely wrong: `classes` are its own, `loss` its train loss.

    `unsupported` of them no neighbour has; `expected` are classes that it lacks and all neighbours
    have. `doubts` say which classes to look at, and in which direction each is doubted.
    """

    tag: str
    loss: float
    classes: tuple[str, ...]
    unsupported: tuple[str, ...]
    expected: tuple[str, ...]
    doubts: tuple[Doubt, ...] = ()

    @property
    def summary(self) -> str:
        """The label, what heads doubt of it (with the probability of the class), and what the
        neighbours say."""
        parts = [
            f"{'not' if doubt.present else 'also'} {doubt.name}? ({100 * doubt.probability:.0f} %)"
            for doubt in self.doubts
            if doubt.probability is not None
        ]
        if self.expected:
            parts.append(f"all say {', '.join(self.expected)}")
        if self.unsupported:
            parts.append(f"none says {', '.join(self.unsupported)}")
        return f"{', '.join(self.classes) or 'no class'}: {', '.join(parts)}"


def suspects(
    tags: Sequence[str], vectors: Floats, losses: Numbers, labels: Labels, k: int = NEIGHBOURS
) -> Work[list[Suspect]]:
    """The labeled images that have a loss and whose label is likely wrong, highest loss first.

    `vectors` (N, d), of the images `tags`, have length 1; `losses` (N,) are NaN where there is
    none. Where each image has one class, it is doubted if its loss is high and its `k` nearest
    labeled images all say otherwise: none has its class, or all have another. A loss is high if
    three of four are lower. Where an image may have several, each class of it is judged by itself,
    see `_by_heads`: the loss of a whole image says little of one of them.
    """
    with_loss = np.isfinite(losses[labels.rows])
    rows, given = labels.rows[with_loss], labels.matrix[with_loss]
    if len(rows) <= k:
        return []
    near = np.asarray(vectors[rows], np.float32)
    judged = None
    if not labels.single and has_scikit_learn():
        judged = yield from _by_heads(near, given, labels.classes)
        looked_at = np.flatnonzero(judged.doubted.any(axis=1))
    else:
        looked_at = np.flatnonzero(losses[rows] > np.quantile(losses[rows], HIGH))
    if not len(looked_at):
        return []
    found = yield from find_neighbours(near[looked_at], near, k + 1, "exact")
    names = np.array(labels.classes)
    listed = []
    for position in np.argsort(-losses[rows[looked_at]], kind="stable"):
        own = int(looked_at[position])
        # The image itself is one of them, unless more than k others have the very same vector.
        others = [n for n in found.indices[position].tolist() if n != own][:k]
        unsupported = given[own] & ~given[others].any(axis=0)
        expected = ~given[own] & given[others].all(axis=0)
        doubted = unsupported | expected if judged is None else judged.doubted[own]
        if doubted.any():
            listed.append(
                Suspect(
                    tags[rows[own]],
                    float(losses[rows[own]]),
                    tuple(names[given[own]].tolist()),
                    tuple(names[unsupported].tolist()),
                    tuple(names[expected].tolist()),
                    tuple(
                        Doubt(
                            labels.classes[column],
                            bool(given[own, column]),
                            None
                            if judged is None
                            else round(float(judged.probabilities[own, column]), 3),
                        )
                        for column in np.flatnonzero(doubted)
                    ),
                )
            )
    return listed


@dataclass(frozen=True, slots=True)
class _Judged:
    """What heads say of labels that they have not seen: `probabilities` (n, C), and which classes
    of which image are `doubted` (n, C)."""

    probabilities: Numbers
    doubted: Mask


def _by_heads(vectors: Floats, given: Mask, classes: tuple[str, ...]) -> Work[_Judged]:
    """Judge each class of each image (`given`, (n, C)) by linear heads fitted out of fold.

    A class is doubted where the heads are as sure of the opposite as they are, on average, of the
    images that have it, or lack it (confident learning: Northcutt, Jiang and Chuang, 2021), and
    surer than SURE: near that average lie the right labels of a class that is hard to tell.
    """
    labels = Labels(np.arange(len(given)), given, classes)
    with one_thread():
        found = yield from guessed_out_of_fold(vectors, labels, np.random.default_rng(0))
    doubted = np.zeros_like(given)
    for column in range(given.shape[1]):
        has, says = given[:, column], found[:, column]
        if has.all() or not has.any():
            continue
        usual, usually_not = says[has].mean(), (1 - says[~has]).mean()
        doubted[:, column] = np.where(
            has, 1 - says >= max(usually_not, SURE), says >= max(usual, SURE)
        )
    return _Judged(found, doubted)


def without_suspects(pool: Pool) -> Work[Pool]:
    """The pool without the labels that are likely wrong: they ask for nothing, and teach nothing.

    Those images stay labeled. Raises ConfigurationError where the classes are not known.
    """
    if pool.labels is None:
        raise no_classes("To tell which labels are likely wrong, the classes are needed.")
    found = yield from suspects(pool.tags, pool.vectors, pool.losses, pool.labels)
    note = f"{count(len(found), 'label')} left out as likely wrong"
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
