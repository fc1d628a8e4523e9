"""The manual's order: an image takes on the loss of a train image that it is a neighbour of."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.learning.orders.order import Claims, Numbers, Order
from core.learning.rounds.options import Claim
from core.learning.search.exact import Indices
from core.learning.search.neighbours import Neighbours


def worst(losses: Numbers, count: int | None = None) -> Indices:
    """The rows of the `count` highest losses (None: all), highest first, ties by the lower row."""
    return np.argsort(-losses, kind="stable")[:count]


def nearest_loss(losses: Numbers, neighbours: Neighbours, claim: Claim = "highest") -> Order:
    """The candidates that are a neighbour of a train image, by the loss of that train image.

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
