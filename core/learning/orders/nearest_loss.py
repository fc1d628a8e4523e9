"""Orders: which unlabeled images to label first.

Each order is a small pure function from arrays to an `Order`. Rows stand for images; what tag a row
has is the caller's business, and so is publishing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.learning.neighbours import Floats, Indices, Neighbours

Claim = Literal["highest", "nearest", "lowest"]
Losses: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Claims:
    """Why each image of an order is asked for: the train image that claimed it.

    All (n,), in the order's own sequence: `queries` are the rows of the claiming train images among
    the queries, `losses` theirs, `similarities` the cosines, and `ranks` how near the image was to
    it (1 is the nearest).
    """

    queries: Indices
    losses: Losses
    similarities: Floats
    ranks: Indices


@dataclass(frozen=True, slots=True)
class Order:
    """Images in the sequence in which to label them.

    `indices` (n,) are rows of the candidates, `scores` (n,) fall or stay the same. `why` is None for
    orders in which no train image claims anything.
    """

    name: str
    indices: Indices
    scores: NDArray[np.float64]
    why: Claims | None = None


def worst(losses: Losses, count: int | None = None) -> Indices:
    """The rows of the `count` highest losses (None: all), highest first, ties by the lower row."""
    return np.argsort(-losses, kind="stable")[:count]


def nearest_loss(losses: Losses, neighbours: Neighbours, claim: Claim = "highest") -> Order:
    """The manual's order: an image takes on the loss of a train image that it is a neighbour of.

    `losses` (m,) are those of the queries of `neighbours`. Where several train images claim one
    image, the `highest` or `lowest` loss wins, or the `nearest` train image; among equals the
    nearer one, then the higher loss, then the lower row. Scores are losses; equal ones are in order
    of falling similarity, then of rising row.
    """
    count, k = neighbours.indices.shape
    candidates = neighbours.indices.ravel()
    similarities = neighbours.similarities.ravel()
    queries = np.repeat(np.arange(count), k)
    claimed = losses[queries]
    rule: dict[Claim, tuple[NDArray[Any], NDArray[Any]]] = {
        "highest": (-claimed, -similarities),
        "nearest": (-similarities, -claimed),
        "lowest": (claimed, -similarities),
    }
    first, then = rule[claim]
    winning = np.lexsort((queries, then, first, candidates))
    _, starts = np.unique(candidates[winning], return_index=True)
    winning = winning[starts]
    order = winning[np.lexsort((candidates[winning], -similarities[winning], -claimed[winning]))]
    why = Claims(queries[order], claimed[order], similarities[order], order % k + 1)
    return Order("nearest-loss", candidates[order], claimed[order], why)
