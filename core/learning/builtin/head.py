"""A linear head fitted here, on the embeddings and classes of the labeled images.

It gives class probabilities for unlabeled images from nothing but what the manual's three functions
and the annotations already say. It stays linear on purpose: it stands for what the user's model
could tell apart with one more layer on these embeddings. It is never used to label anything.
"""

from __future__ import annotations

import importlib.util
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigurationError
from core.extras import install_extra
from core.learning.inputs.pool import Labels
from core.learning.orders.order import Mask, Numbers
from core.learning.search.exact import Floats, Indices

MOST_ROWS = 20_000
# The inverse strength of the quadratic penalty; embeddings of length 1 need a weak one.
C = 10.0
ITERATIONS = 300
# A fit ends where no slope of the loss is steeper.
CLOSE_ENOUGH = 1e-2


@dataclass(frozen=True, slots=True)
class Head:
    """Weights (C, d) and offsets (C,) for embeddings centred on `mean` (d,) and scaled to length 1.

    `single`: the classes exclude each other, and their probabilities sum to 1.
    """

    mean: Floats
    weights: Numbers
    offsets: Numbers
    single: bool

    def probabilities(self, vectors: Floats) -> Numbers:
        """The probability of each class for each of `vectors` (n, d): (n, C)."""
        logits = centred(vectors, self.mean) @ self.weights.T.astype(np.float32) + self.offsets
        if not self.single:
            return sigmoid(logits)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


def sigmoid(logits: NDArray[Any]) -> NDArray[Any]:
    """The probabilities that `logits` stand for, without an overflow for large ones."""
    found: NDArray[Any] = 0.5 * (1 + np.tanh(0.5 * logits))
    return found


def mean_of(vectors: Floats, random: np.random.Generator) -> Floats:
    """The mean of `vectors` (N, d), estimated on MOST_ROWS of them drawn at random."""
    rows: Indices = np.arange(len(vectors))
    if len(rows) > MOST_ROWS:
        rows = np.sort(random.choice(len(vectors), MOST_ROWS, replace=False))
    mean: Floats = np.asarray(vectors[rows], np.float32).mean(axis=0)
    return mean


def centred(vectors: Floats, mean: Floats) -> Floats:
    """`vectors` (n, d) less `mean`, scaled to length 1; one that equals the mean stays zero."""
    moved = np.asarray(vectors, np.float32) - mean
    norms = np.linalg.norm(moved, axis=1, keepdims=True)
    scaled: Floats = moved / np.maximum(norms, np.finfo(np.float32).tiny)
    return scaled


def fit_head(vectors: Floats, labels: Labels, random: np.random.Generator) -> Head | None:
    """Logistic regression on the labeled rows of `vectors` (N, d).

    Multinomial where each image has one class, else one against rest for each class. None where
    there is nothing to tell apart: fewer than two classes, or the same classes on every image. At
    most MOST_ROWS labeled images are used, drawn at random. Raises ConfigurationError where
    scikit-learn is missing.
    """
    regression = logistic_regression()
    mean = mean_of(vectors, random)
    rows, matrix = labels.rows, labels.matrix
    if len(rows) > MOST_ROWS:
        some = np.sort(random.choice(len(rows), MOST_ROWS, replace=False))
        rows, matrix = rows[some], matrix[some]
    if not len(rows) or (matrix == matrix[0]).all():
        return None
    inputs = centred(vectors[rows], mean)
    if labels.single:
        weights = np.zeros((matrix.shape[1], vectors.shape[1]))
        offsets = np.full(matrix.shape[1], -np.inf)
        model = regression(C=C, max_iter=ITERATIONS)
        model.fit(inputs, matrix.argmax(axis=1))
        if len(model.classes_) == 2:
            # One row of weights, for the second class; halved, it is the same as two opposite ones.
            weights[model.classes_] = np.concatenate([-model.coef_, model.coef_]) / 2
            offsets[model.classes_] = np.concatenate([-model.intercept_, model.intercept_]) / 2
        else:
            weights[model.classes_], offsets[model.classes_] = model.coef_, model.intercept_
        return Head(mean, weights, offsets, single=True)
    return Head(mean, *one_against_rest(inputs, matrix), single=False)


def guessed(vectors: Floats, labels: Labels, asked: Floats, random: np.random.Generator) -> Numbers:
    """The probability of each class for each of `asked` (n, d), by a head fitted to the `labels` of
    `vectors` (N, d): (n, C).

    Where the labels tell nothing apart, it is what all of them say. Raises as `fit_head` does.
    """
    head = fit_head(vectors, labels, random)
    if head is None:
        return np.tile(labels.matrix[0].astype(np.float64), (len(asked), 1))
    return head.probabilities(asked)


def one_against_rest(inputs: Floats, given: Mask) -> tuple[Numbers, Numbers]:
    """Logistic regressions, one for each class, of `given` (n, C) on `inputs` (n, d).

    Weights (C, d) and offsets (C,), found together, which is quicker than class by class. A class
    that no image has may be there elsewhere, and one that all have may be missing: its odds are
    those of so many trials, and not 0 or 1.
    """
    from scipy.optimize import minimize

    count, there = len(given), given.sum(axis=0)
    weights = np.zeros((given.shape[1], inputs.shape[1]))
    offsets = np.log((there + 0.5) / (count - there + 0.5))
    told_apart = np.flatnonzero((there > 0) & (there < count))
    wide, answers = inputs.astype(np.float64), given[:, told_apart].astype(np.float64)

    def loss(parameters: Numbers) -> tuple[float, Numbers]:
        both = parameters.reshape(len(told_apart), -1)
        logits = wide @ both[:, :-1].T + both[:, -1]
        wrong = sigmoid(logits) - answers
        slope = np.hstack([wrong.T @ wide + both[:, :-1] / C, wrong.sum(axis=0)[:, None]])
        penalty = (both[:, :-1] ** 2).sum() / (2 * C)
        return float((np.logaddexp(0, logits) - answers * logits).sum() + penalty), slope.ravel()

    start = np.hstack([weights, offsets[:, None]])[told_apart]
    options = {"maxiter": ITERATIONS, "gtol": CLOSE_ENOUGH}
    if len(told_apart):
        found = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options=options)
        both = found.x.reshape(start.shape)
        weights[told_apart], offsets[told_apart] = both[:, :-1], both[:, -1]
    return weights, offsets


def has_scikit_learn() -> bool:
    """Whether a head can be fitted here."""
    return importlib.util.find_spec("sklearn") is not None


def logistic_regression() -> type:
    """scikit-learn's class. Raises ConfigurationError where scikit-learn is missing."""
    # A fit that is cut off, or classes that few images have, are nothing to warn anybody of here.
    warnings.filterwarnings("ignore", module="sklearn")
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise ConfigurationError(
            "This needs scikit-learn, which is not installed.",
            next_step=f"Install it with `{install_extra('learning')}`, or take the order "
            "nearest-loss, k-center or random.",
        ) from None
    kind: type = LogisticRegression
    return kind
