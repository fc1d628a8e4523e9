"""What every order returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.learning.search.exact import Floats, Indices

Numbers: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Claims:
    """Why each image of an order is asked for: the train image that claimed it.

    All (n,), in the order's own sequence: `queries` are the rows of the claiming train images among
    the queries (-1 for an image drawn at random), `losses` theirs, `similarities` the cosines, and
    `ranks` how near the image was to it (1 is the nearest).
    """

    queries: Indices
    losses: Numbers
    similarities: Floats
    ranks: Indices


@dataclass(frozen=True, slots=True)
class Order:
    """Images in the sequence in which to label them.

    `indices` (n,) are rows of the candidates, `scores` (n,) fall or stay the same. `why` is None
    for orders in which no train image claims anything. `control` (n,) marks the images that were
    drawn at random to compare the others with; None where there are none.
    """

    name: str
    indices: Indices
    scores: Numbers
    why: Claims | None = None
    control: Mask | None = None


def in_sequence(name: str, indices: Indices) -> Order:
    """The order of `indices` as they stand, with scores that fall evenly from 1 towards 0."""
    count = len(indices)
    return Order(name, indices, 1 - np.arange(count) / max(count, 1))
