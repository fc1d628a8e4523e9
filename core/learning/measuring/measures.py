"""How well a model does on images whose classes are known.

Where an image has one class, accuracy tells. Where it may have several, the share of images that
are right in every class is nearly nothing on real sets, and F1 at probability 0.5 says how many
classes a model predicts rather than what it knows: there, mean average precision and F1 at
thresholds set on labeled images that the model has not seen count.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from core.learning.orders.order import Mask, Numbers


class Measures(NamedTuple):
    """Each between 0 and 1, higher is better.

    `accuracy` is the share of images all of whose classes are right, `average_precision` and
    `macro_f1` are means over the classes that some image has; `micro_f1` counts all answers alike.
    """

    accuracy: float
    average_precision: float
    macro_f1: float
    micro_f1: float


def in_words(single: bool) -> str:
    """The measure that counts, where each image has a `single` class and where not."""
    return "accuracy" if single else "mean average precision"


def measure(probabilities: Numbers, true: Mask, thresholds: Numbers | None) -> Measures:
    """How well `probabilities` (N, C) tell the classes `true` (N, C).

    A class is predicted from its threshold on (`thresholds`, (C,)); where they are None, only the
    likeliest class is. Accuracy takes a class as predicted from 0.5 on, as most people's code does.
    """
    if thresholds is None:
        predicted = probabilities.argmax(axis=1)[:, None] == np.arange(true.shape[1])
        right = (predicted & true).any(axis=1)
    else:
        predicted = probabilities >= thresholds
        right = ((probabilities > 0.5) == true).all(axis=1)
    both, either = (predicted & true).sum(axis=0), predicted.sum(axis=0) + true.sum(axis=0)
    known = true.any(axis=0)
    return Measures(
        float(right.mean()),
        average_precision(probabilities, true),
        float((2 * both[known] / either[known]).mean()) if known.any() else np.nan,
        float(2 * both.sum() / max(either.sum(), 1)),
    )


def average_precision(probabilities: Numbers, true: Mask) -> float:
    """The mean over the classes of the precision at each image that has it; NaN without any."""
    found = []
    for column in np.flatnonzero(true.any(axis=0)):
        falling = np.sort(-probabilities[:, column])
        right = np.sort(-probabilities[true[:, column], column])
        # Equals come together: each counts all that are as likely.
        above = np.searchsorted(falling, right, side="right")
        found.append((np.searchsorted(right, right, side="right") / above).mean())
    return float(np.mean(found)) if found else np.nan


def best_thresholds(probabilities: Numbers, true: Mask) -> Numbers:
    """The thresholds (C,) with the highest F1 of each class; infinite for one that no image has."""
    found = np.full(true.shape[1], np.inf)
    for column in np.flatnonzero(true.any(axis=0)):
        order = np.argsort(-probabilities[:, column], kind="stable")
        falling, right = probabilities[order, column], true[order, column]
        f1 = 2 * right.cumsum() / (np.arange(1, len(right) + 1) + right.sum())
        # A threshold lies between two images, and never between equals.
        between = falling > np.append(falling[1:], -np.inf)
        last = int(np.where(between, f1, -1).argmax())
        below = falling[last + 1] if last + 1 < len(falling) else falling[last]
        found[column] = (falling[last] + below) / 2
    return found
