"""Look-alikes labeled together, and what a group of them costs in wrong labels.

Somebody who labels a group sees every image of it, and takes out what does not belong. What a size
costs is told as if nobody looked, which is the most that it can: how many more labels are wrong
then than one at a time. It is counted on labeled images that stand in one group: how many are
labeled otherwise than the one whose look-alikes they are. Two of one kind differ as well where
either was labeled wrongly. How often that is show the pairs that are most alike, and so much does
not count, as labels that are wrong anyway cost no group anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZES = (2, 4, 6, 8, 12, 16, 24, 36, 48)
# With fewer pairs of labeled images to compare, a size is not judged.
FEWEST = 100
# Of all pairs, so many are most alike.
MOST_ALIKE = 0.1
# By default a group costs no more than people err anyway: on 3.3 % of the labels of ten well-known
# sets (Northcutt, Athalye and Mueller, Pervasive label errors, 2021). Nor is it believed that they
# err more: pairs that differ more often are of several kinds.
USUAL_ERROR = 0.033


@dataclass(frozen=True, slots=True)
class GroupCost:
    """Of `compared` labeled images in groups of so many, `differing` were labeled otherwise than
    the first of their group. A share `by_error` of all pairs does so because a label is wrong."""

    size: int
    compared: int
    differing: int
    by_error: float = 0.0

    @property
    def wrong(self) -> float:
        """The share of labels that are wrong in such groups, if nobody looked, and are not wrong
        one at a time."""
        differing = self.differing / self.compared
        unlike = max(differing - self.by_error, 0.0) / (1 - self.by_error)
        return unlike * (self.size - 1) / self.size

    def __str__(self) -> str:
        wrong = f"{100 * self.wrong:.0f} % more wrong labels if nobody looks"
        return f"groups of up to {self.size}: {wrong}"


@dataclass(frozen=True, slots=True)
class GroupSizes:
    """What each size costs, and how large a group may be: as the user set it, or as the costs
    say."""

    costs: tuple[GroupCost, ...] = ()
    chosen: int | None = None

    @property
    def largest(self) -> int:
        """How many images are labeled together at most; 1 where groups do not pay."""
        if self.chosen is not None:
            return self.chosen
        return max((one.size for one in self.costs if one.wrong <= USUAL_ERROR), default=1)

    def cost(self, size: int) -> GroupCost | None:
        """What groups of so many cost, by the next larger size that was judged."""
        return next((one for one in self.costs if one.size >= size), None)

    def __str__(self) -> str:
        found = self.cost(self.largest)
        if self.largest > 1:
            return str(found) if found else f"groups of up to {self.largest}, not judged yet"
        if not self.costs:
            return "too few labels to tell what groups cost; `group_size` under [labeling] sets one"
        return f"no look-alikes: already {self.costs[0]}"


def group_costs(
    near: NDArray[np.int64],
    likeness: NDArray[np.floating],
    first: NDArray[Any],
    labels: NDArray[Any],
) -> GroupSizes:
    """What each size costs.

    `near` (L, K) are the images nearest to each of some labeled ones, whose labels are `first`
    (L,): the nearest first, labeled or not, so that they lie as near as those of a real group. How
    near is their `likeness`. `labels` (N,) are the labels of all images as numbers, below 0 for the
    unlabeled.
    """
    found = labels[near]
    known = found >= 0
    differs = known & (found != first[:, None])
    by_error = _differing_by_error(likeness[known], differs[known])
    costs = []
    for size in SIZES:
        compared = int(known[:, : size - 1].sum())
        if compared >= FEWEST and near.shape[1] >= size - 1:
            differing = int(differs[:, : size - 1].sum())
            costs.append(GroupCost(size, compared, differing, by_error))
    return GroupSizes(tuple(costs))


def _differing_by_error(likeness: NDArray[np.floating], differs: NDArray[np.bool_]) -> float:
    """How many pairs (n,) of one kind are labeled differently; 0 where too few can tell."""
    most_alike = int(len(differs) * MOST_ALIKE)
    if most_alike < FEWEST:
        return 0.0
    order = np.argsort(-likeness, kind="stable")[:most_alike]
    return min(float(differs[order].mean()), 2 * USUAL_ERROR)
