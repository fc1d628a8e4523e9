"""An annotator's dream: what a greedy order would pick that knows every label of the pool.

How far an order can come at all is seen against it. It looks at a sample of the candidates, and
takes one after the other that, by one step of Newton's, raises mean average precision on a sample
of the pool the most.
"""

from __future__ import annotations

import numpy as np

from core.learning.builtin.head import C, centred, one_against_rest
from core.learning.inputs.pool import Pool
from core.learning.measuring.replay import Choose

CANDIDATES, REFERENCES, AXES = 200, 400, 64
FREE = 0.01


def oracle(true: np.ndarray) -> Choose:
    """What picks by the classes `true` (N, C) of all images; a pool's tags are their rows."""

    def choose(pool: Pool, count: int, seed: int) -> np.ndarray:
        random = np.random.default_rng((seed, len(pool.labels.rows)))
        classes = true[[int(tag) for tag in pool.tags]]
        inputs = centred(pool.vectors, pool.vectors.mean(axis=0))
        _, axes = np.linalg.eigh((inputs.T @ inputs).astype(np.float64))
        inputs = centred(inputs @ axes[:, ::-1][:, :AXES].astype("f4"), np.zeros(1, "f4"))
        seen, given = inputs[pool.labels.rows], pool.labels.matrix
        weights, offsets = one_against_rest(seen, given)
        heads = np.hstack([weights, offsets[:, None]])
        inputs = np.hstack([inputs, np.ones((len(inputs), 1), "f4")])
        some = random.permutation(pool.candidate_rows)[:CANDIDATES]
        others = random.permutation(len(inputs))[:REFERENCES]
        near, far = inputs[some], inputs[others]
        p = 1 / (1 + np.exp(-inputs[pool.labels.rows] @ heads.T))
        spread = [_spread(inputs[pool.labels.rows], column) for column in p.T]
        to_far = np.stack([near @ one @ far.T for one in spread])
        to_near = np.stack([near @ one @ near.T for one in spread])
        logits, own = heads @ far.T, heads @ near.T
        picks: list[int] = []
        while len(picks) < min(count, len(some)):
            p = 1 / (1 + np.exp(-own))
            moves = p * (1 - p)
            variance = np.einsum("knn->kn", to_near)
            steps = (classes[some].T - p) / (1 + moves * variance)
            gained = sum(
                _precision(logits[k] + to_far[k] * steps[k][:, None], classes[others, k])
                for k in np.flatnonzero(classes[others].any(axis=0))
            )
            gained[picks] = -1
            pick = int(gained.argmax())
            picks.append(pick)
            logits += to_far[:, pick] * steps[:, pick][:, None]
            own = own + to_near[:, pick] * steps[:, pick][:, None]
            share = (moves[:, pick] / (1 + moves[:, pick] * variance[:, pick]))[:, None, None]
            column = to_near[:, pick][:, :, None]
            to_far = to_far - share * column * to_far[:, pick][:, None]
            to_near = to_near - share * column * to_near[:, pick][:, None]
        return some[picks]

    return choose


def _spread(seen: np.ndarray, p: np.ndarray) -> np.ndarray:
    penalty = np.full(seen.shape[1], 1 / C)
    penalty[-1] = FREE
    return np.linalg.inv((seen.T * (p * (1 - p))) @ seen + np.diag(penalty))


def _precision(logits: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The average precision of each row of `logits` (n, m) for `right` (m,)."""
    found = right[np.argsort(-logits, axis=1)]
    precision = found.cumsum(axis=1) / np.arange(1, len(right) + 1)
    return (precision * found).sum(axis=1) / right.sum()
