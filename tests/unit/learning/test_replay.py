"""A replay tells which order pays, on images that are labeled already."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.datasets import load_digits

from core.errors import ConfigurationError
from core.learning.hooks.vector_files import TaggedVectors
from core.learning.measuring.comparison import (
    Comparison,
    Curves,
    compare,
    labels_to_reach,
    recommended,
    rows_of,
)
from core.learning.measuring.replay import Plan, default_plan, on_own_axes, replay
from core.progress import Progress, finish

DIGITS = load_digits()
TAGS = [f"digit_{row:04d}" for row in range(600)]
EMBEDDINGS = TaggedVectors(TAGS, DIGITS.data[:600])
LABELS = {tag: [str(digit)] for tag, digit in zip(TAGS, DIGITS.target, strict=False)}
SMALL = Plan(start=20, step=20, most=80, seeds=2)


def test_every_order_gets_a_row_for_each_budget_with_its_standard_error() -> None:
    rows = rows_of(finish(replay(EMBEDDINGS, LABELS, orders=["random", "k-center"], plan=SMALL)))
    assert [(row.order, row.budget) for row in rows] == list(
        itertools.product(["random", "k-center"], [20, 40, 60, 80])
    )
    assert all(0 < row.accuracy <= 1 and row.stderr >= 0 for row in rows)


def test_a_replay_repeats_and_all_orders_start_from_the_same_labels() -> None:
    orders = ["random", "herding", "nearest-loss"]
    once = finish(replay(EMBEDDINGS, LABELS, orders=orders, plan=SMALL))  # type: ignore[arg-type]
    again = finish(replay(EMBEDDINGS, LABELS, orders=orders, plan=SMALL))  # type: ignore[arg-type]
    for order in orders:
        np.testing.assert_array_equal(once.measured[order], again.measured[order])
        np.testing.assert_array_equal(once.of(order)[:, 0], once.of("random")[:, 0])


def test_herding_beats_random_on_real_digits() -> None:
    plan = Plan(start=20, step=20, most=100, seeds=3)
    curves = finish(replay(EMBEDDINGS, LABELS, orders=["random", "herding"], plan=plan))
    best = recommended(compare(curves))
    assert best is not None
    assert best.order == "herding"
    assert best.labels is not None
    assert best.labels < 80


def test_images_with_several_classes_are_replayed_too() -> None:
    classes = {
        tag: [name, "even"] if int(name) % 2 == 0 else [name] for tag, (name,) in LABELS.items()
    }
    rows = rows_of(finish(replay(EMBEDDINGS, classes, orders=["random", "margin"], plan=SMALL)))
    assert rows[3].accuracy > rows[0].accuracy


def test_with_several_classes_an_image_precision_and_f1_decide_and_all_measures_are_told() -> None:
    found = [[0.5, 0.6, 0.7], [0.3, 0.4, 0.5]], [[0.5, 0.7, 0.8], [0.3, 0.5, 0.61]]
    better = curves(single=False, random=found[0], better=found[1])
    assert better.decisive == "average_precision"
    assert recommended(compare(better)) is not None
    # What wins by one measure and surely loses by the other is not recommended.
    worse = curves(single=False, f1=-0.3, random=found[0], better=found[1])
    assert compare(worse)[0].gain > 0 > compare(worse)[0].f1_gain
    assert recommended(compare(worse)) is None
    row = rows_of(worse)[-1]
    assert (row.average_precision, row.macro_f1) == (pytest.approx(0.705), pytest.approx(0.405))


def test_more_numbers_than_images_are_as_few_with_the_same_inner_products() -> None:
    random = np.random.default_rng(0)
    long = random.standard_normal((30, 200)).astype(np.float32)
    own = on_own_axes(long)
    assert own.shape == (30, 30)
    np.testing.assert_allclose(own @ own.T, long @ long.T, atol=1e-3)
    assert on_own_axes(own) is own
    # Also where images are all alike.
    alike = on_own_axes(np.ones((3, 5), np.float32))
    np.testing.assert_allclose(alike @ alike.T, np.full((3, 3), 5), atol=1e-5)


def test_progress_counts_to_the_end() -> None:
    events: list[Progress] = []
    finish(replay(EMBEDDINGS, LABELS, orders=["random"], plan=SMALL), events.append)
    assert (events[-1].done, events[-1].total) == (8, 8)


def test_labels_without_embeddings_and_the_reverse_are_passed_over() -> None:
    some = {tag: LABELS[tag] for tag in TAGS[:300]} | {"no embedding": ["3"]}
    rows = rows_of(finish(replay(EMBEDDINGS, some, orders=["random"], plan=SMALL)))
    assert len(rows) == 4


@pytest.mark.parametrize("labels", [{}, {t: ["3"] for t in TAGS}, {t: LABELS[t] for t in TAGS[:9]}])
def test_too_little_to_replay_is_said_in_a_sentence(labels: dict[str, list[str]]) -> None:
    with pytest.raises(ConfigurationError, match="at least"):
        finish(replay(EMBEDDINGS, labels))


@pytest.mark.parametrize("images", [20, 60, 500, 1797, 100_000])
def test_the_default_plan_fits_any_number_of_images(images: int) -> None:
    plan = default_plan(images)
    assert 2 <= plan.start <= plan.most <= 400
    assert plan.most <= images * 0.7
    assert len(plan.budgets) > 1


def test_labels_to_reach_is_where_the_line_crosses() -> None:
    accuracies = np.array([0.5, 0.7, 0.9])
    assert labels_to_reach((10, 20, 30), accuracies, 0.8) == pytest.approx(25)
    assert labels_to_reach((10, 20, 30), accuracies, 0.4) == 10
    assert labels_to_reach((10, 20, 30), accuracies, 0.95) is None


def curves(single: bool = True, f1: float = 0.0, **found: list[list[float]]) -> Curves:
    """Curves of one measure; `f1` is what every order but random adds by the others."""
    add = {name: np.array([0, 0, 0 if name == "random" else f1, 0]) for name in found}
    measured = {name: np.array(of)[..., None] + add[name] for name, of in found.items()}
    return Curves((10, 20, 30), measured, single)


def test_a_comparison_is_made_seed_by_seed() -> None:
    found = curves(
        random=[[0.5, 0.6, 0.7], [0.3, 0.4, 0.5]], better=[[0.5, 0.7, 0.8], [0.3, 0.5, 0.6]]
    )
    (comparison,) = compare(found)
    assert comparison.gain == pytest.approx(0.1)
    assert comparison.stderr == pytest.approx(0)
    assert comparison.target == pytest.approx(0.5)
    assert comparison.labels == pytest.approx(15)


def test_the_standard_error_is_that_of_the_mean() -> None:
    rows = rows_of(curves(random=[[0.5, 0, 0], [0.7, 0, 0]]))
    assert rows[0].accuracy == pytest.approx(0.6)
    assert rows[0].stderr == pytest.approx(0.1)


def test_an_order_within_chance_of_random_is_not_recommended() -> None:
    def gains(gain: float, error: float) -> Comparison:
        return Comparison("x", gain, error, 0.9, None, 0, 0)

    assert recommended([gains(0.01, 0.01), gains(-0.1, 0.01)]) is None
    assert recommended([gains(0.01, 0.001), gains(0.05, 0.04)]) == gains(0.01, 0.001)
