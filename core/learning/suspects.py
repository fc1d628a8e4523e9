"""Labels that are likely wrong: a high loss, and neighbours that all say otherwise.

A wrong label has a high loss, so an order by loss sends everybody to its neighbours. Here such
images are listed, so that somebody looks at them; nothing is changed, and the list is a suspicion
and not a verdict: the only image of a rare kind looks the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.learning.orders.order import Numbers
from core.learning.pool import Labels, Pool, no_classes
from core.learning.search.exact import Floats
from core.learning.search.neighbours import find_neighbours
from core.progress import Progress, Work

NEIGHBOURS = 5
# A loss counts as high above this share of all.
HIGH = 0.75


@dataclass(frozen=True, slots=True)
class Suspect:
    """An image whose label is likely wrong: `classes` are its own, `loss` its train loss.

    `unsupported` of them no neighbour has; `expected` are classes that it lacks and all neighbours
    have.
    """

    tag: str
    loss: float
    classes: tuple[str, ...]
    unsupported: tuple[str, ...]
    expected: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The label, and what the neighbours say."""
        parts = []
        if self.expected:
            parts.append(f"all say {', '.join(self.expected)}")
        if self.unsupported:
            parts.append(f"none says {', '.join(self.unsupported)}")
        return f"{', '.join(self.classes) or 'no class'}: {', '.join(parts)}"


def suspects(
    tags: Sequence[str], vectors: Floats, losses: Numbers, labels: Labels, k: int = NEIGHBOURS
) -> Work[list[Suspect]]:
    """The labeled images whose loss is high and whose `k` nearest labeled ones all say otherwise.

    `vectors` (N, d), of the images `tags`, have length 1; `losses` (N,) are NaN where there is
    none. A loss is high if three of four are lower. The neighbours say otherwise if none has one of
    the image's classes, or all have one that it lacks. Highest loss first.
    """
    names = np.array(labels.classes)
    with_loss = np.isfinite(losses[labels.rows])
    rows, given = labels.rows[with_loss], labels.matrix[with_loss]
    if len(rows) <= k:
        return []
    high = np.flatnonzero(losses[rows] > np.quantile(losses[rows], HIGH))
    if not len(high):
        return []
    near = np.asarray(vectors[rows], np.float32)
    found = yield from find_neighbours(near[high], near, k + 1, "exact")
    listed = []
    for position in np.argsort(-losses[rows[high]], kind="stable"):
        own = int(high[position])
        # The image itself is one of them, unless more than k others have the very same vector.
        others = [n for n in found.indices[position].tolist() if n != own][:k]
        unsupported = given[own] & ~given[others].any(axis=0)
        expected = ~given[own] & given[others].all(axis=0)
        if unsupported.any() or expected.any():
            listed.append(
                Suspect(
                    tags[rows[own]],
                    float(losses[rows[own]]),
                    tuple(names[given[own]].tolist()),
                    tuple(names[unsupported].tolist()),
                    tuple(names[expected].tolist()),
                )
            )
    return listed


def without_suspects(pool: Pool) -> Work[Pool]:
    """The pool without the labels that are likely wrong: they ask for nothing, and teach nothing.

    Those images stay labeled. Raises ConfigurationError where the classes are not known.
    """
    if pool.labels is None:
        raise no_classes("To tell which labels are likely wrong, the classes are needed.")
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
