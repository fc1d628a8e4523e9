"""Picks at random: the order that every other must beat, and the control group inside them.

After the next training, the loss on the ordered picks can be held against that on the random ones:
the only way to see on one's own data whether an order pays.
"""

from __future__ import annotations

import numpy as np

from core.errors import ConfigurationError
from core.learning.orders.order import Claims, Mask, Order, in_sequence
from core.learning.search.exact import Indices

ROUNDING = 1e-9


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
    count = len(order.indices)
    picks = random.permutation(rows)[: int(count * share / (1 - share) + ROUNDING)]
    if not len(picks):
        return order
    # Pick number i comes when i + 1 picks are due: after (i + 1)(1 - share) / share ordered images.
    due = np.ceil((np.arange(len(picks)) + 1) * (1 - share) / share - ROUNDING).astype(np.int64)
    source = np.insert(np.arange(count), np.minimum(due, count), -1)
    control = source < 0
    position = np.maximum.accumulate(np.maximum(source, 0))
    indices = order.indices[position]
    indices[control] = picks
    # An image that is both a pick and in the order keeps the earlier of its two places.
    kept = np.sort(np.unique(indices, return_index=True)[1])
    position, control = position[kept], control[kept]
    why = order.why and _of_the_ordered(order.why, position, control)
    return Order(order.name, indices[kept], order.scores[position], why, control)


def _of_the_ordered(why: Claims, position: Indices, control: Mask) -> Claims:
    nothing = np.float32(np.nan)
    return Claims(
        np.where(control, -1, why.queries[position]),
        np.where(control, np.nan, why.losses[position]),
        np.where(control, nothing, why.similarities[position]),
        np.where(control, 0, why.ranks[position]),
    )
