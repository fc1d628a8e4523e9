"""What a group of look-alikes costs in wrong labels, and how large it may be."""

from __future__ import annotations

import numpy as np
import pytest

from core.labeling.groups import GroupSizes, group_costs


def near(
    wrong: int, groups: int = 200, most: int = 12
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neighbours of so many images, the last `wrong` of each group of another label, how alike they
    are, and the labels of all."""
    labels = np.zeros(groups * most, np.int64)
    found = np.arange(groups * most).reshape(groups, most)
    labels[found[:, most - wrong :].ravel()] = 1
    likeness = np.tile(np.linspace(0.9, 0.1, most - 1), (groups, 1))
    return found[:, 1:], likeness, labels


def test_a_group_may_be_as_large_as_costs_little() -> None:
    neighbours, likeness, labels = near(wrong=4)
    sizes = group_costs(neighbours, likeness, np.zeros(200), labels)
    costs = {one.size: one.wrong for one in sizes.costs}
    assert costs[8] == 0
    assert costs[12] == 4 / 12
    assert sizes.largest == 8
    assert "up to 8: 0 % more wrong labels" in str(sizes)


def test_where_even_two_are_not_alike_groups_do_not_pay_and_it_says_why() -> None:
    neighbours, likeness, labels = near(wrong=11)
    sizes = group_costs(neighbours, likeness, np.zeros(200), labels)
    assert sizes.largest == 1
    assert "no look-alikes" in str(sizes) and "50 % more wrong labels" in str(sizes)


def test_with_few_labels_nothing_is_said_of_what_a_size_costs() -> None:
    neighbours, likeness, labels = near(wrong=0, groups=8)
    sizes = group_costs(neighbours, likeness, np.zeros(8), labels)
    assert sizes.costs == () and sizes.largest == 1
    assert "too few labels" in str(sizes)


def test_unlabeled_neighbours_are_passed_over() -> None:
    neighbours, likeness, labels = near(wrong=0)
    labels[neighbours[:, :6].ravel()] = -1
    sizes = group_costs(neighbours, likeness, np.zeros(200), labels)
    assert {one.size: one.compared for one in sizes.costs}[12] == 200 * 5


def test_the_size_that_the_user_sets_holds() -> None:
    neighbours, likeness, labels = near(wrong=4)
    costs = group_costs(neighbours, likeness, np.zeros(200), labels).costs
    chosen = GroupSizes(costs, chosen=10)
    assert chosen.largest == 10
    assert "up to 12: 33 % more wrong labels" in str(chosen)


@pytest.mark.parametrize("errs", [0.0, 0.03])
def test_the_annotators_own_errors_are_not_what_a_group_costs(errs: float) -> None:
    random = np.random.default_rng(0)
    # The last of each group shows something else, which is least like the others.
    neighbours, likeness, true = near(wrong=1, groups=400)
    images = np.arange(400 * 12).reshape(400, 12)
    given = np.where(random.random(true.shape) < errs, true + 1 + random.integers(0, 8), true)
    sizes = group_costs(neighbours, likeness, given[images[:, 0]], given)
    for one in sizes.costs:
        together, alone = true[neighbours[:, : one.size - 1]], given[neighbours[:, : one.size - 1]]
        wrong = (together != given[images[:, :1]]).mean() - (together != alone).mean()
        assert one.wrong == pytest.approx(max(wrong, 0) * (one.size - 1) / one.size, abs=0.012)
    assert sizes.largest == 8
