"""How well a model does, held against scikit-learn's own measures."""

from __future__ import annotations

import numpy as np
import pytest

from core.learning.builtin.head import C, one_against_rest
from core.learning.measuring.measures import average_precision, best_thresholds, measure

RANDOM = np.random.default_rng(0)
TRUE = RANDOM.random((200, 5)) < [0.5, 0.3, 0.1, 0.02, 0.2]
PROBABILITIES = np.clip(0.3 * TRUE + RANDOM.random(TRUE.shape) * 0.7, 0, 1)


@pytest.mark.parametrize("decimals", [8, 1])
def test_average_precision_is_scikit_learns_with_equals_too(decimals: int) -> None:
    from sklearn.metrics import average_precision_score

    found = PROBABILITIES.round(decimals)
    assert average_precision(found, TRUE) == pytest.approx(average_precision_score(TRUE, found))


def test_a_class_that_no_image_has_counts_for_nothing() -> None:
    wide = np.hstack([PROBABILITIES, PROBABILITIES[:, :1]])
    empty = np.hstack([TRUE, np.zeros((200, 1), bool)])
    assert average_precision(wide, empty) == average_precision(PROBABILITIES, TRUE)
    assert best_thresholds(wide, empty)[-1] == np.inf


def test_f1_is_scikit_learns_and_no_threshold_does_better_than_the_best() -> None:
    from sklearn.metrics import f1_score

    thresholds = best_thresholds(PROBABILITIES, TRUE)
    found = measure(PROBABILITIES, TRUE, thresholds)
    predicted = thresholds <= PROBABILITIES
    assert found.macro_f1 == pytest.approx(f1_score(TRUE, predicted, average="macro"))
    assert found.micro_f1 == pytest.approx(f1_score(TRUE, predicted, average="micro"))
    tried = [measure(PROBABILITIES, TRUE, np.full(5, t)).macro_f1 for t in np.linspace(0, 1, 50)]
    assert found.macro_f1 >= max(tried)


def test_where_an_image_has_one_class_the_likeliest_is_predicted() -> None:
    one = np.eye(3, dtype=bool)[[0, 1, 2, 2]]
    found = measure(np.array([[0.4, 0.3, 0.3], [0.5, 0.4, 0.1], [0, 0, 1], [0, 0, 1]]), one, None)
    assert found.accuracy == found.micro_f1 == 0.75


def test_heads_of_several_classes_are_those_that_scikit_learn_fits_one_by_one() -> None:
    from sklearn.linear_model import LogisticRegression

    vectors = RANDOM.standard_normal((200, 8)).astype(np.float32)
    given = vectors[:, :3] + 0.5 * RANDOM.standard_normal((200, 3)) > 0.5
    weights, offsets = one_against_rest(vectors, given)
    for column in range(3):
        model = LogisticRegression(C=C, tol=1e-8, max_iter=1000).fit(vectors, given[:, column])
        np.testing.assert_allclose(weights[column], model.coef_[0], atol=5e-3)
        np.testing.assert_allclose(offsets[column], model.intercept_[0], atol=5e-3)


def test_a_class_that_no_label_shows_is_unlikely_and_not_impossible() -> None:
    given = np.array([[True, False], [False, False], [True, False]])
    _, offsets = one_against_rest(np.eye(3, dtype=np.float32), given)
    assert 1 / (1 + np.exp(-offsets[1])) == pytest.approx(0.5 / 4)
