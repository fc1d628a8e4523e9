"""What herding weighs by: how much more labels could change, and nothing where none is there."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.datasets import load_digits

from core.learning.builtin import undecided as module
from core.learning.builtin.undecided import exclusive, undecided
from core.learning.inputs.pool import Labels, Pool, labels_of
from core.learning.orders.order import Numbers
from core.learning.orders.ranking import herding_weights, rank
from core.learning.rounds.options import RoundOptions
from core.progress import finish
from tests.unit.learning.test_uncertainty_orders import unit

DIGITS = load_digits()
VECTORS = unit(DIGITS.data)
TAGS = [str(row) for row in range(len(VECTORS))]
LABELED = np.arange(60)


def several(row: int) -> list[str]:
    """The classes of a digit, as where an image has several."""
    digit = int(DIGITS.target[row])
    return [str(digit), "even"] if digit % 2 == 0 else [str(digit)]


def pool(labels: Labels | None, labeled: int = 60) -> Pool:
    is_labeled = np.arange(len(TAGS)) < labeled
    return Pool(TAGS, VECTORS, is_labeled, ~is_labeled, np.full(len(TAGS), np.nan), labels)


def weights(labels: Labels) -> Numbers:
    rows = np.arange(60, len(TAGS))
    return finish(undecided(VECTORS, rows, labels, np.random.default_rng(0)))


def picks(given: Pool, count: int = 12, batch_size: int = 20) -> list[int]:
    options = RoundOptions("v", order="herding", batch_size=batch_size)
    found = finish(rank(given, options, seed=0))
    return found.order.indices[:count].tolist()


SEVERAL = labels_of(TAGS, {TAGS[row]: several(row) for row in LABELED})


def test_what_is_labeled_is_decided_and_what_is_unlike_it_is_not() -> None:
    unlike = np.vstack([VECTORS, -VECTORS[:1]])
    rows = np.array([*LABELED, len(VECTORS)])
    found = finish(undecided(unlike, rows, SEVERAL, np.random.default_rng(0)))
    assert found[-1] > np.quantile(found[:-1], 0.95)
    assert found.min() > 0


def test_classes_that_no_label_shows_are_asked_for_more_often_than_at_random() -> None:
    asked = 0
    for unseen in (0, 2, 4):
        rows = np.flatnonzero(DIGITS.target != unseen)[:60]
        labels = labels_of(TAGS, {TAGS[row]: several(row) for row in rows})
        labeled = np.isin(np.arange(len(TAGS)), rows)
        given = dataclasses.replace(pool(labels), labeled=labeled, candidates=~labeled)
        asked += int((DIGITS.target[picks(given, 40, batch_size=40)] == unseen).sum())
    assert asked > 1.5 * 3 * 4


def test_an_image_with_no_class_in_sight_counts_more_only_where_each_has_as_many() -> None:
    random = np.random.default_rng(0)
    by_itself = random.random((4_000, 6)) < 0.3
    one_or_two = np.zeros_like(by_itself)
    for row in one_or_two:
        row[random.choice(6, random.integers(1, 3), replace=False)] = True
    assert exclusive(by_itself) < 0.1
    assert exclusive(one_or_two) > 0.9
    assert exclusive(np.ones((3, 2), np.bool_)) == 0


def test_of_classes_that_exclude_others_one_in_sight_makes_an_image_count_less(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = weights(SEVERAL)
    monkeypatch.setattr(module, "exclusive", lambda given: 0.0)
    share = found / weights(SEVERAL)
    assert share.max() <= 1
    assert share.min() < 0.5 < share.max()


@pytest.mark.filterwarnings("error")
def test_with_labels_that_name_no_class_every_image_counts_the_same() -> None:
    none = labels_of(TAGS, {TAGS[row]: [] for row in LABELED})
    found = finish(herding_weights(pool(none), np.random.default_rng(0)))
    assert (found == 1).all()


def test_many_axes_are_cut_to_those_that_vary_most(monkeypatch: pytest.MonkeyPatch) -> None:
    every = weights(SEVERAL)
    monkeypatch.setattr(module, "AXES", 40)
    assert np.corrcoef(weights(SEVERAL), every)[0, 1] > 0.95


def test_beyond_the_most_that_can_be_weighed_images_follow_at_random(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.learning.orders.ranking.MOST_WEIGHED", 500)
    found = finish(rank(pool(SEVERAL), RoundOptions("v", order="herding"), seed=0)).order
    assert sorted(found.indices.tolist()) == list(range(60, len(TAGS)))
    assert (np.diff(found.scores) <= 0).all()


def test_with_one_class_an_image_herding_picks_what_it_always_did() -> None:
    one = labels_of(TAGS, {TAGS[row]: [str(DIGITS.target[row])] for row in LABELED})
    always = [1076, 1005, 1437, 1536, 991, 765, 1211, 1292, 154, 403, 1332, 885]
    assert picks(pool(one)) == always


def test_the_users_probabilities_and_the_heads_count_alike_with_several_classes() -> None:
    sure = np.full((len(TAGS), 11), 0.01)
    given = dataclasses.replace(pool(SEVERAL), probabilities=sure)
    alone = finish(herding_weights(pool(SEVERAL), np.random.default_rng(0)))
    both = finish(herding_weights(given, np.random.default_rng(0)))
    assert 0.1 < np.corrcoef(alone, both)[0, 1] <= 1
    np.testing.assert_allclose(both.mean(), 0.02)


def test_without_any_label_the_first_images_cover_all_kinds() -> None:
    first = picks(pool(None, labeled=0), 20)
    kinds = {int(DIGITS.target[row]) for row in first}
    assert len(kinds) == 10
