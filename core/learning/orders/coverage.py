"""K-center: the image farthest from all that is labeled or picked, again and again.

Sener and Savarese, "Active Learning for Convolutional Neural Networks: A Core-Set Approach", ICLR
2018, arXiv 1708.00489; the greedy 2-approximation of Gonzalez (1985).
"""

from __future__ import annotations

import numpy as np

from core.learning.orders.order import Order, in_sequence
from core.learning.search.exact import Floats, Indices
from core.progress import Progress, Work

MOST_CANDIDATES = 50_000
ROWS_AT_ONCE = 1_024


def k_center(
    vectors: Floats,
    rows: Indices,
    labeled: Indices,
    batch_size: int,
    random: np.random.Generator,
) -> Work[Order]:
    """The images `rows` (n,): first `batch_size` picks, then the rest from far to near.

    `rows` and `labeled` (L,) are rows of `vectors` (N, d), which have length 1. At most
    MOST_CANDIDATES images, drawn at random, are looked at; the others follow at random, and so do
    ties.
    """
    shuffled = random.permutation(len(rows))
    looked_at, others = shuffled[:MOST_CANDIDATES], shuffled[MOST_CANDIDATES:]
    near = np.asarray(vectors[rows[looked_at]], np.float32)
    cosines = np.full(len(looked_at), -np.inf, np.float32)
    for start in range(0, len(labeled), ROWS_AT_ONCE):
        yield Progress("k-center", 0, batch_size)
        far = vectors[labeled[start : start + ROWS_AT_ONCE]]
        for part in range(0, len(near), ROWS_AT_ONCE):
            some = slice(part, part + ROWS_AT_ONCE)
            product = near[some] @ far.T
            np.maximum(cosines[some], product.max(axis=1), out=cosines[some])
    picks: list[int] = []
    picked = np.zeros(len(near), np.bool_)
    while len(picks) < min(batch_size, len(near)):
        pick = int(np.where(picked, np.inf, cosines).argmin())
        picked[pick] = True
        picks.append(pick)
        np.maximum(cosines, near @ near[pick], out=cosines)
        yield Progress("k-center", len(picks), batch_size)
    rest = np.argsort(cosines, kind="stable")
    sequence = np.concatenate([looked_at[picks], looked_at[rest[~picked[rest]]], others])
    return in_sequence("k-center", rows[sequence])
