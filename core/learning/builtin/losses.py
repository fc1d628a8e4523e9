"""Losses without a model of one's own: how badly a linear head guesses each label that it was not
fitted on.

The labeled images are dealt into folds, each class evenly; the head is fitted on the others of each
fold and asked about its own. So an image with a wrong label has a high loss, which it would not
have after a training that had seen it.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from core.extras import install_extra
from core.learning.builtin.head import guessed, has_scikit_learn
from core.learning.inputs.pool import Labels, Pool
from core.learning.orders.order import Mask, Numbers
from core.learning.search.exact import Floats, Indices
from core.progress import Progress, Work

FOLDS = 5
BY_A_HEAD = "a linear head on the labels, out of fold"


def with_own_losses(pool: Pool) -> Work[Pool]:
    """The pool with losses by a head on its labels, in place of the user's; as it is where the
    classes are not known, or no head can be fitted here."""
    if pool.labels is None:
        return pool
    if not has_scikit_learn():
        note = f"There are no losses: they need `{install_extra('learning')}`"
        yield Progress("losses", note=note)
        return pool
    losses = np.full(len(pool.tags), np.nan)
    found = yield from out_of_fold(pool.vectors, pool.labels, np.random.default_rng(0))
    losses[pool.labels.rows] = found
    return dataclasses.replace(pool, losses=losses)


def out_of_fold(vectors: Floats, labels: Labels, random: np.random.Generator) -> Work[Numbers]:
    """The loss (L,) of each labeled row of `vectors` (N, d), from a head fitted without it.

    NaN for all where the labels tell nothing apart: fewer than two of them, or all alike. A class
    that no other image shows is taken for as likely as so many images without it allow: its loss is
    high, but no higher than the labels can tell. Raises ConfigurationError where scikit-learn is
    missing.
    """
    count = len(labels.rows)
    if count < 2 or labels.alike:
        return np.full(count, np.nan)
    found = yield from guessed_out_of_fold(vectors, labels, random)
    least = 0.5 / (count - count // FOLDS + 1)
    return cross_entropy(np.clip(found, least, 1 - least), labels.matrix, labels.single)


def guessed_out_of_fold(
    vectors: Floats,
    labels: Labels,
    random: np.random.Generator,
    *,
    images: Indices | None = None,
    count: int | None = None,
    share: float = 1.0,
) -> Work[Numbers]:
    """The probability of each class for labeled `images`, by heads fitted without them: (n, C).

    `images` are positions of labels (None: all). A head knows a `share`, drawn at random, of the
    first `count` labels (None: of all), but none of the image's own fold.
    """
    count = len(labels.rows) if count is None else count
    images = np.arange(count) if images is None else images
    found = np.empty((len(images), labels.matrix.shape[1]))
    fold = folds(labels.matrix[images], random)
    for number in range(FOLDS):
        yield Progress("out of fold", number, FOLDS, "" if number else "Fitting linear heads")
        part = np.flatnonzero(fold == number)
        if not len(part):
            continue
        known = np.setdiff1d(np.arange(count), images[part])
        if share < 1:
            known = random.permutation(known)[: max(round(share * len(known)), 2)]
        rest = dataclasses.replace(labels, rows=labels.rows[known], matrix=labels.matrix[known])
        found[part] = guessed(vectors, rest, vectors[labels.rows[images[part]]], random)
    yield Progress("out of fold", FOLDS, FOLDS)
    return found


def folds(matrix: Mask, random: np.random.Generator) -> Indices:
    """The fold of each image (L,), dealt at random so that each class, by its rarest where an image
    has several, is spread over all."""
    often = matrix.sum(axis=0)
    rarest = np.where(matrix, often, len(matrix) + 1).argmin(axis=1)
    # Of no class at all: a kind of its own.
    rarest[~matrix.any(axis=1)] = matrix.shape[1]
    dealt = np.lexsort((random.random(len(matrix)), rarest))
    fold = np.empty(len(matrix), np.int64)
    fold[dealt] = np.arange(len(matrix)) % FOLDS
    return fold


def cross_entropy(probabilities: Numbers, given: Mask, single: bool) -> Numbers:
    """The loss of each image (n,): of its class, or the mean over the classes."""
    least = np.finfo(np.float64).tiny
    right = np.log(np.maximum(np.where(given, probabilities, 1 - probabilities), least))
    if single:
        return np.asarray(-right[given])
    return np.asarray(-right.mean(axis=1))
