"""Uncertainty herding: images that are uncertain, and speak for many others that are.

Bae, Oliveira and Sutherland, "Uncertainty Herding: One Active Learning Method for All Label
Budgets", ICLR 2025, arXiv 2412.20644. Each pick adds the most uncertainty that no labeled and no
picked image covers yet. The kernel's width follows the labeled images: wide while they are few, so
that picks spread; narrow later, so that the uncertain ones win.

This departs from the paper in two places; what it needs as it stands is measured in
tests/benchmarks/label_efficiency.py:

- The width. The paper's follows the smallest distance between two labeled images; this is the
  median of the squared distances of each to its nearest other one. A single pair of near-copies
  among the labels, which folders of images have, would decide a smallest distance, and make the
  kernel so narrow that no image speaks for another.
- The temperature. The paper scales the probabilities by one that it fits anew each round; here they
  are taken as they are. Such a fit needs labels that the model was not trained on, and of the few
  in the first rounds there are none to spare.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from core.learning.builtin.head import centred, mean_of
from core.learning.orders.order import Numbers, Order, in_sequence
from core.learning.search.exact import Floats, Indices
from core.progress import Progress, Work

Take: TypeAlias = Callable[[Indices], Floats]

REFERENCES = 4_000
FEWEST_CANDIDATES = 2_000
MOST_CANDIDATES = 20_000
CANDIDATES_PER_PICK = 10
WIDTH_SAMPLE = 2_000
NARROWEST = 1e-4
WIDEST = 1.0
ROWS_AT_ONCE = 1_024


def herding(
    vectors: Floats,
    rows: Indices,
    uncertainty: Numbers,
    labeled: Indices,
    batch_size: int,
    random: np.random.Generator,
    narrower: float = 1.0,
) -> Work[Order]:
    """First `batch_size` picks of uncertainty herding, then the rest by falling uncertainty.

    `rows` (n,) are the images to choose from and `labeled` (L,) the labeled ones, both as rows of
    `vectors` (N, d), which are centred and scaled to length 1 here; `uncertainty` (n,) is at least
    0. The squared width of the kernel is `narrower` times what the labeled images say. Ties fall at
    random. A batch beyond MOST_CANDIDATES is cut to it.
    """
    mean = mean_of(vectors, random)

    def take(some: Indices) -> Floats:
        return centred(vectors[some], mean)

    count = len(rows)
    shuffled = random.permutation(count)
    falling = shuffled[np.argsort(-uncertainty[shuffled], kind="stable")]
    most = min(max(FEWEST_CANDIDATES, CANDIDATES_PER_PICK * batch_size), MOST_CANDIDATES, count)
    candidates = random.permutation(falling[:most])
    references = random.permutation(count)[:REFERENCES]
    yield Progress("herding", 0, min(batch_size, most))
    squared_width = max(narrower * width(take, labeled, random), NARROWEST)
    near_references, near_candidates = take(rows[references]), take(rows[candidates])
    coverage = Coverage(
        near_candidates,
        kernel(near_candidates, near_references, squared_width),
        uncertainty[candidates],
        uncertainty[references].astype(np.float32),
        _covered(near_candidates, take, labeled, squared_width),
        _covered(near_references, take, labeled, squared_width),
        squared_width,
    )
    picks = yield from coverage.picked(min(batch_size, most))
    picked = candidates[picks]
    taken = np.zeros(count, np.bool_)
    taken[picked] = True
    return in_sequence("herding", rows[np.concatenate([picked, falling[~taken[falling]]])])


def width(take: Take, labeled: Indices, random: np.random.Generator) -> float:
    """The kernel's squared width: the median squared distance of a labeled image to the next one.

    Estimated on WIDTH_SAMPLE of the `labeled` rows (L,); `take` gives the vectors of rows.
    """
    if len(labeled) < 2:
        return WIDEST
    sample = random.permutation(len(labeled))[:WIDTH_SAMPLE]
    near = take(labeled[sample])
    nearest = np.full(len(sample), -1.0)
    for start in range(0, len(labeled), ROWS_AT_ONCE):
        cosines = near @ take(labeled[start : start + ROWS_AT_ONCE]).T
        own = sample[:, None] == np.arange(start, start + cosines.shape[1])
        nearest = np.maximum(nearest, np.where(own, -1.0, cosines).max(axis=1))
    return float(max(np.median(2 - 2 * nearest), NARROWEST))


def kernel(one: Floats, other: Floats, squared_width: float) -> Floats:
    """exp(-|x - y|² / squared_width) for all x in `one` (n, d) and y in `other` (m, d): (n, m)."""
    product = one @ other.T
    product -= 1
    product *= 2 / squared_width
    found: Floats = np.exp(np.minimum(product, 0, out=product), out=product)
    return found


def _covered(some: Floats, take: Take, labeled: Indices, squared_width: float) -> Floats:
    """How near each of `some` (n, d) is to the nearest labeled image, by the kernel: (n,)."""
    covered = np.zeros(len(some), np.float32)
    for start in range(0, len(labeled), ROWS_AT_ONCE):
        near = kernel(some, take(labeled[start : start + ROWS_AT_ONCE]), squared_width)
        np.maximum(covered, near.max(axis=1), out=covered)
    return covered


@dataclass(slots=True)
class Coverage:
    """How well the labeled and the picked images cover the references and the candidates.

    `vectors` (q, d) are the candidates, `near` (q, r) their kernel with the references; weights are
    uncertainties; `own_covered` (q,) and `covered` (r,) grow with every pick.
    """

    vectors: Floats
    near: Floats
    own_weights: Numbers
    weights: Floats
    own_covered: Floats
    covered: Floats
    squared_width: float

    def gain(self, candidate: int) -> float:
        """The uncertainty that `candidate` would cover beyond what is covered already."""
        added = np.maximum(self.near[candidate] - self.covered, 0) @ self.weights
        return float(added + self.own_weights[candidate] * (1 - self.own_covered[candidate]))

    def pick(self, candidate: int) -> None:
        np.maximum(self.covered, self.near[candidate], out=self.covered)
        itself = kernel(self.vectors, self.vectors[candidate : candidate + 1], self.squared_width)
        np.maximum(self.own_covered, itself[:, 0], out=self.own_covered)

    def picked(self, batch_size: int) -> Work[Indices]:
        """The positions of `batch_size` candidates, in the order of picking.

        A gain only ever falls while others are picked, so an old one that is lower than a fresh one
        need not be computed anew (lazy greedy: Minoux 1978). Among equals the fresh one comes
        first, so that equal gains cost nothing.
        """
        queue = [(-self.gain(candidate), 0, candidate) for candidate in range(len(self.near))]
        heapq.heapify(queue)
        picks: list[int] = []
        while len(picks) < batch_size:
            _, computed, candidate = heapq.heappop(queue)
            if -computed < len(picks):
                heapq.heappush(queue, (-self.gain(candidate), -len(picks), candidate))
                continue
            picks.append(candidate)
            self.pick(candidate)
            yield Progress("herding", len(picks), batch_size)
        return np.array(picks, np.int64)
