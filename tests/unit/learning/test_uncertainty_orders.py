"""The orders that no manual knows: by uncertainty, by coverage, by both, and at random."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy as scipy_entropy
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from core.errors import ConfigurationError
from core.learning.builtin.head import centred, fit_head
from core.learning.inputs.pool import Labels, labels_of
from core.learning.orders.coverage import k_center
from core.learning.orders.nearest_loss import nearest_loss
from core.learning.orders.order import in_sequence
from core.learning.orders.random_picks import at_random, with_random_share
from core.learning.orders.uncertainty import by_uncertainty, entropy, exclude_each_other, margin
from core.learning.orders.uncertainty_herding import herding, kernel
from core.progress import finish


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def some_vectors(rows: int, length: int = 6, seed: int = 0) -> np.ndarray:
    return unit(np.random.default_rng(seed).standard_normal((rows, length)))


def one_class_each(classes: np.ndarray, rows: np.ndarray) -> Labels:
    return labels_of(
        [str(row) for row in range(len(classes))], {str(r): [str(classes[r])] for r in rows}
    )


# -- the head --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kinds", [2, 10])
def test_the_head_gives_the_probabilities_of_the_regression_that_it_is(kinds: int) -> None:
    data = load_digits()
    keep = data.target < kinds
    vectors, classes = unit(data.data[keep]), data.target[keep]
    rows = np.arange(150)
    head = fit_head(vectors, one_class_each(classes, rows), np.random.default_rng(0))
    assert head is not None
    inputs = centred(vectors, vectors.mean(axis=0))
    model = LogisticRegression(C=10, max_iter=300).fit(inputs[rows], classes[rows])
    np.testing.assert_allclose(head.probabilities(vectors), model.predict_proba(inputs), atol=2e-3)


def test_several_classes_an_image_get_one_head_each() -> None:
    vectors = some_vectors(300)
    matrix = np.stack([vectors[:, 0] > 0, vectors[:, 1] > 0, np.ones(300, bool)], axis=1)
    labels = Labels(np.arange(200), matrix[:200], ("a", "b", "always"))
    head = fit_head(vectors, labels, np.random.default_rng(0))
    assert head is not None
    found = head.probabilities(vectors[200:])
    assert (((found > 0.5) == matrix[200:]).mean(axis=0) > 0.9).all()
    # All that were labeled have it, which is no proof that the others do.
    np.testing.assert_allclose(found[:, 2], 200.5 / 201)


def test_nothing_to_tell_apart_gives_no_head() -> None:
    vectors, random = some_vectors(10), np.random.default_rng(0)
    assert fit_head(vectors, labels_of([], {}), random) is None
    assert fit_head(vectors, one_class_each(np.zeros(10), np.arange(5)), random) is None


def test_a_class_for_nearly_every_image_warns_of_nothing(
    recwarn: pytest.WarningsRecorder,
) -> None:
    labels = Labels(np.arange(30), np.eye(30, dtype=bool), tuple(map(str, range(30))))
    vectors = np.random.default_rng(0).standard_normal((30, 8)).astype("f4")
    assert fit_head(vectors, labels, np.random.default_rng(0)) is not None
    assert not recwarn.list


def test_an_image_labeled_with_no_class_is_a_label_too() -> None:
    labels = labels_of(["a", "b", "c"], {"c": [], "a": ["cat"]})
    assert labels.rows.tolist() == [0, 2]
    assert labels.matrix.tolist() == [[True], [False]]
    assert not labels.single


# -- uncertainty -----------------------------------------------------------------------------------


def test_margin_is_one_less_the_lead_of_the_first_class_over_the_second() -> None:
    probabilities = np.array([[0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.4, 0.4, 0.2]])
    np.testing.assert_allclose(margin(probabilities, single=True), [0.7, 0.3, 1.0])


def test_with_several_classes_an_image_each_class_is_a_question_of_its_own() -> None:
    probabilities = np.array([[1.0, 0.5, 0.0, 0.0], [0.9, 0.1, 0.9, 0.1]])
    np.testing.assert_allclose(margin(probabilities, single=False), [0.25, 0.2])


def test_entropy_is_that_of_the_classes_or_the_sum_of_one_for_each() -> None:
    probabilities = np.array([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(
        entropy(probabilities, single=True), scipy_entropy(probabilities, axis=1), atol=1e-12
    )
    np.testing.assert_allclose(entropy(np.array([[0.5, 0.5]]), single=False), [2 * np.log(2)])


def test_probabilities_that_sum_to_one_are_of_classes_that_exclude_each_other() -> None:
    assert exclude_each_other(np.array([[0.25, 0.75], [1.0, 0.0]]))
    assert not exclude_each_other(np.array([[0.25, 0.75], [0.9, 0.9]]))
    assert not exclude_each_other(np.array([[1.0], [1.0]]))


def test_equal_uncertainties_do_not_fall_by_row() -> None:
    """Data comes sorted by class; ties by row would then label one class only."""
    order = by_uncertainty("margin", np.ones(1000), np.arange(1000), np.random.default_rng(0))
    assert 300 < order.indices[:200].mean() < 700


# -- herding ---------------------------------------------------------------------------------------


def by_definition(
    vectors: np.ndarray, rows: np.ndarray, weights: np.ndarray, labeled: np.ndarray, budget: int
) -> list[float]:
    """Plain greedy uncertainty herding on all rows; what each pick added."""
    z = centred(vectors, vectors.mean(axis=0)).astype(np.float64)
    distances = np.maximum(2 - 2 * z[labeled] @ z[labeled].T, 0)
    np.fill_diagonal(distances, np.inf)
    squared = max(float(np.median(distances.min(axis=1))), 1e-4)
    pool = z[rows]
    near = np.exp(-np.maximum(2 - 2 * pool @ pool.T, 0) / squared)
    covered = np.exp(-np.maximum(2 - 2 * pool @ z[labeled].T, 0) / squared).max(axis=1)
    added = []
    for _ in range(budget):
        gains = np.maximum(near - covered[:, None], 0).T @ weights + weights * (1 - covered)
        pick = int(gains.argmax())
        added.append((int(rows[pick]), float(gains[pick])))
        covered = np.maximum(covered, near[:, pick])
    return added


@settings(max_examples=25, deadline=None)
@given(st.integers(5, 40), st.integers(2, 8), st.integers(0, 1000))
def test_herding_picks_what_plain_greedy_picks(count: int, labels: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    vectors = some_vectors(count + labels, seed=seed)
    rows, labeled = np.arange(count), np.arange(count, count + labels)
    weights = random.random(count)
    order = finish(herding(vectors, rows, weights, labeled, 5, random))
    expected = [row for row, _ in by_definition(vectors, rows, weights, labeled, 5)]
    assert order.indices[:5].tolist() == expected
    assert sorted(order.indices.tolist()) == rows.tolist()


def test_what_herding_does_not_pick_follows_by_uncertainty() -> None:
    vectors, weights = some_vectors(60), np.random.default_rng(1).random(50)
    labeled = np.arange(50, 60)
    order = finish(herding(vectors, np.arange(50), weights, labeled, 10, np.random.default_rng(0)))
    assert (np.diff(weights[order.indices[10:]]) <= 0).all()


@pytest.mark.parametrize("weight", [0.0, 1.0])
def test_herding_ends_where_all_gains_are_equal_and_does_not_fall_by_row(weight: float) -> None:
    same = np.repeat(some_vectors(1), 3_000, axis=0)
    order = finish(
        herding(
            same,
            np.arange(2_990),
            np.full(2_990, weight),
            np.arange(2_990, 3_000),
            200,
            np.random.default_rng(0),
        )
    )
    assert len(set(order.indices.tolist())) == 2_990
    assert 1_000 < order.indices[:200].mean() < 2_000


@pytest.mark.parametrize("labels", [0, 1])
def test_herding_begins_with_hardly_a_label(labels: int) -> None:
    vectors = some_vectors(20)
    labeled = np.arange(20 - labels, 20)
    order = finish(
        herding(vectors, np.arange(19), np.ones(19), labeled, 5, np.random.default_rng(0))
    )
    assert len(order.indices) == 19


def test_near_copies_are_not_picked_together() -> None:
    groups = some_vectors(4, length=32)
    noise = 0.01 * np.random.default_rng(1).standard_normal((200, 32))
    vectors = unit(np.repeat(groups, 50, axis=0) + noise)
    order = finish(
        herding(
            vectors, np.arange(200), np.ones(200), np.array([], int), 4, np.random.default_rng(0)
        )
    )
    assert {int(row) // 50 for row in order.indices[:4]} == {0, 1, 2, 3}


def test_the_kernel_is_one_at_no_distance_and_falls_with_it() -> None:
    vectors = some_vectors(5)
    found = kernel(vectors, vectors, 0.5)
    squared = ((vectors[:, None] - vectors[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(found, np.exp(-squared / 0.5), rtol=1e-4)


# -- k-center --------------------------------------------------------------------------------------


def test_k_center_takes_the_farthest_from_all_that_is_labeled_or_picked() -> None:
    vectors = some_vectors(40)
    rows, labeled = np.arange(35), np.arange(35, 40)
    order = finish(k_center(vectors, rows, labeled, 10, np.random.default_rng(0)))
    known = list(labeled)
    for pick in order.indices[:10]:
        nearest = (vectors[rows] @ vectors[known].T).max(axis=1)
        assert nearest[pick] == pytest.approx(nearest.min(), abs=1e-6)
        known.append(pick)
    assert sorted(order.indices.tolist()) == rows.tolist()


# -- at random -------------------------------------------------------------------------------------


def test_a_random_order_holds_every_image_once_and_repeats_with_its_seed() -> None:
    rows = np.arange(100, 200)
    order = at_random(rows, np.random.default_rng(3))
    assert sorted(order.indices.tolist()) == rows.tolist()
    again = at_random(rows, np.random.default_rng(3))
    assert order.indices.tolist() == again.indices.tolist()
    assert (np.diff(order.scores) < 0).all()
    assert order.scores.min() > 0


@given(st.integers(1, 60), st.integers(0, 200), st.floats(0, 0.9), st.integers(0, 99))
def test_random_picks_double_and_drop_nothing_and_leave_the_sequence(
    count: int, others: int, share: float, seed: int
) -> None:
    rows = np.arange(count + others)
    order = in_sequence("margin", np.arange(count))
    mixed = with_random_share(order, rows, share, np.random.default_rng(seed))
    assert len(set(mixed.indices.tolist())) == len(mixed.indices)
    assert set(order.indices) <= set(mixed.indices)
    assert (np.diff(mixed.scores) <= 0).all()
    if mixed.control is not None:
        assert (np.diff(mixed.indices[~mixed.control]) > 0).all()


@given(st.integers(1, 60), st.floats(0, 0.9))
def test_a_random_share_of_any_beginning_is_random(count: int, share: float) -> None:
    order = in_sequence("margin", np.arange(count))
    mixed = with_random_share(order, np.arange(100, 2_000), share, np.random.default_rng(0))
    control = np.zeros(count, bool) if mixed.control is None else mixed.control
    due = share * np.arange(1, len(control) + 1)
    assert (np.cumsum(control) <= due + 1e-6).all()
    assert control.sum() >= due[-1] - 1


def test_a_tenth_at_random_is_a_tenth() -> None:
    order = in_sequence("margin", np.arange(900))
    mixed = with_random_share(order, np.arange(100_000), 0.1, np.random.default_rng(0))
    assert mixed.control is not None
    assert mixed.control[:500].sum() == pytest.approx(50, abs=2)
    assert mixed.control.sum() == pytest.approx(100, abs=2)


def test_random_picks_have_no_train_image_to_thank() -> None:
    from core.learning.search.neighbours import Neighbours

    found = Neighbours(
        np.arange(8).reshape(2, 4), np.full((2, 4), 0.5, np.float32), "exact", "", 1.0, 0.0
    )
    order = nearest_loss(np.array([2.0, 1.0]), found)
    mixed = with_random_share(order, np.arange(8, 30), 0.5, np.random.default_rng(0))
    assert mixed.why is not None
    assert mixed.control is not None
    assert (mixed.why.queries[mixed.control] == -1).all()
    assert mixed.why.queries[~mixed.control].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_an_impossible_share_is_refused(share: float) -> None:
    with pytest.raises(ConfigurationError, match="share"):
        with_random_share(
            in_sequence("x", np.arange(3)), np.arange(3), share, np.random.default_rng()
        )
