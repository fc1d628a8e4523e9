"""How unsure a model is of an image, from the probabilities that it gives the classes."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from core.learning.orders.order import Numbers, Order, in_sequence
from core.learning.search.exact import Indices

# Probabilities that sum to 1 this closely are taken for those of classes that exclude each other.
CLOSE = 0.01


class Measure(Protocol):
    """A number for each row of `probabilities` (n, C) that is higher where it is less certain."""

    def __call__(self, probabilities: Numbers, *, single: bool) -> Numbers: ...


def exclude_each_other(probabilities: Numbers) -> bool:
    """Whether each row of `probabilities` (n, C) sums to 1, as where an image has one class."""
    return probabilities.shape[1] > 1 and bool(
        (np.abs(probabilities.sum(axis=1) - 1) < CLOSE).all()
    )


def margin(probabilities: Numbers, *, single: bool) -> Numbers:
    """1 - (p1 - p2) for each row of `probabilities` (n, C), p1 and p2 the two highest: (n,).

    Where an image may have several classes (not `single`), each class is a question of its own,
    with the answers p and 1 - p, and the mean over the classes counts. (The least certain class
    alone needed more labels on images of several digits: tests/benchmarks/label_efficiency.py.)
    """
    if not single:
        return np.asarray((1 - np.abs(2 * probabilities - 1)).mean(axis=1))
    if probabilities.shape[1] < 2:
        return np.zeros(len(probabilities))
    highest = np.partition(probabilities, -2, axis=1)
    return np.asarray(1 - (highest[:, -1] - highest[:, -2]))


def entropy(probabilities: Numbers, *, single: bool) -> Numbers:
    """The entropy of each row of `probabilities` (n, C), in nats: (n,).

    Where an image may have several classes (not `single`), the sum over the classes of the entropy
    of p and 1 - p.
    """
    found = _entropy_terms(probabilities)
    if not single:
        found = found + _entropy_terms(1 - probabilities)
    return np.asarray(found.sum(axis=1))


def _entropy_terms(probabilities: Numbers) -> Numbers:
    positive = np.clip(probabilities, np.finfo(np.float64).tiny, None)
    return np.asarray(-positive * np.log(positive))


def by_uncertainty(
    name: str, uncertainty: Numbers, rows: Indices, random: np.random.Generator
) -> Order:
    """The images `rows` (n,) by falling `uncertainty` (n,), ties at random."""
    shuffled = random.permutation(len(rows))
    falling = np.argsort(-uncertainty[shuffled], kind="stable")
    return in_sequence(name, rows[shuffled[falling]])
