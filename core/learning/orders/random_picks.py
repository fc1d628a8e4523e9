"""Picks at random: the order that every other must beat, and the control group inside them.

After the next training, the loss on the ordered picks can be held against that on the random ones:
the only way to see on one's own data whether an order pays.
"""

from __future__ import annotations

import numpy as np

from core.errors import ConfigurationError
from core.learning.neighbours import Indices
from core.learning.orders.order import Claims, Order, in_sequence


def at_random(rows: Indices, random: np.random.Generator) -> Order:
    """The images `rows` (n,) in a sequence drawn at random."""
    return in_sequence("random", random.permutation(rows))


def with_random_share(
    order: Order, rows: Indices, share: float, random: np.random.Generator
) -> Order:
    """`order` with random picks among its images, so that `share` of any beginning is random.

    The picks come from all candidates, `rows` (n,), those that the order does not score too; each
    gets the score of the image before it. Raises ConfigurationError unless 0 <= share < 1.
    """
    if not 0 <= share < 1:
        raise ConfigurationError(
            f"A random share of {share:g} is not possible.",
            next_step="Give a share of at least 0 and less than 1, such as 0.1.",
        )
    if share == 0 or not len(order.indices):
        return order
    drawn = random.permutation(rows)
    ordered = np.arange(len(order.indices))
    picks = drawn[: int(len(ordered) * share / (1 - share))]
    # Pick number i comes when i + 1 picks are due: after (i + 1)(1 - share) / share ordered images.
    before = np.floor((np.arange(len(picks)) + 1) * (1 - share) / share).astype(np.int64)
    source = np.insert(ordered, before, -np.arange(len(picks)) - 1)
    control = source < 0
    indices = np.where(control, picks[-source - 1], order.indices[source])
    # An image that is both a pick and in the order keeps the earlier of its two places.
    _, first = np.unique(indices, return_index=True)
    kept = np.sort(first)
    place = np.maximum.accumulate(np.where(control, 0, source))
    why = order.why and _with_gaps(order.why, place, control, kept)
    return Order(order.name, indices[kept], order.scores[place][kept], why, control[kept])


def _with_gaps(why: Claims, place: Indices, control: np.ndarray, kept: Indices) -> Claims:  # type: ignore[type-arg]
    return Claims(
        np.where(control, -1, why.queries[place])[kept],
        np.where(control, np.nan, why.losses[place])[kept],
        np.where(control, np.nan, why.similarities[place])[kept].astype(np.float32),
        np.where(control, 0, why.ranks[place])[kept],
    )
