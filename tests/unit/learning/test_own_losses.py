"""Losses from the labels alone: what a head guesses of a label that it has not seen."""

from __future__ import annotations

import numpy as np
import pytest

from core.learning.builtin.losses import FOLDS, folds, out_of_fold
from core.learning.inputs.pool import Labels
from core.learning.search.exact import Floats
from core.progress import finish

CLASSES, COUNT = 3, 60


def _vectors(classes: np.ndarray) -> Floats:
    random = np.random.default_rng(0)
    vectors = np.eye(8)[classes] + 0.1 * random.normal(size=(len(classes), 8))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _losses(vectors: Floats, matrix: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    rows = np.arange(len(matrix)) if rows is None else rows
    labels = Labels(rows, matrix.astype(np.bool_), tuple("abcdefgh"[: matrix.shape[1]]))
    return finish(out_of_fold(vectors, labels, np.random.default_rng(0)))


@pytest.mark.parametrize("several", [False, True])
def test_a_label_that_is_wrong_has_the_highest_loss(several: bool) -> None:
    true = np.arange(COUNT) % CLASSES
    given = np.eye(CLASSES)[true]
    if several:
        given = np.concatenate([given, np.tile(given[:, :1], 2)], axis=1)
    wrong = 7
    given[wrong] = given[wrong + 1]
    losses = _losses(_vectors(true), given)
    assert losses.argmax() == wrong
    assert losses[wrong] > 3 * np.delete(losses, wrong).max()


def test_a_class_with_one_label_has_a_loss_that_the_labels_can_bear() -> None:
    true = np.zeros(40, np.int64)
    true[20:], true[39] = 1, 2
    losses = _losses(_vectors(true), np.eye(CLASSES)[true])
    assert np.isfinite(losses).all()
    assert losses.argmax() == 39
    assert losses[39] <= np.log(2 * COUNT)


def test_where_the_labels_tell_nothing_apart_there_is_no_loss() -> None:
    vectors = _vectors(np.zeros(5, np.int64))
    for matrix in (np.ones((5, 1)), np.ones((1, 2)), np.ones((0, 0))):
        assert np.isnan(_losses(vectors, matrix)).all()


def test_the_rows_that_are_labeled_are_those_that_are_asked() -> None:
    true = np.arange(COUNT) % 2
    vectors = np.concatenate([np.zeros((5, 8), np.float32) + 0.1, _vectors(true)])
    losses = _losses(vectors, np.eye(2)[true], np.arange(COUNT) + 5)
    assert losses.max() < np.log(2)


def test_each_class_is_spread_over_all_folds() -> None:
    rarely = np.zeros(53, np.int64)
    rarely[:10], rarely[10:15] = 1, 2
    fold = folds(np.eye(CLASSES, dtype=np.bool_)[rarely], np.random.default_rng(0))
    for one in range(CLASSES):
        counts = np.bincount(fold[rarely == one], minlength=FOLDS)
        assert counts.max() - counts.min() <= 1
