"""Look-alikes labeled together, and what a group of them costs in wrong labels.

Somebody who labels a group sees every image of it, and takes out what does not belong. What a size
costs is told as if nobody looked, which is the most that it can: of labeled images that stand in
one group, how many are labeled otherwise than the one whose look-alikes they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIZES = (2, 4, 6, 8, 12, 16, 24, 36, 48)
# With fewer pairs of labeled images to compare, a size is not judged.
FEWEST = 100
# By default a group costs no more than people err anyway: on 3.3 % of the labels of ten well-known
# sets (Northcutt, Athalye and Mueller, Pervasive label errors, 2021).
USUAL_ERROR = 0.033


@dataclass(frozen=True, slots=True)
class GroupCost:
    """Of `compared` labeled images in groups of so many, `differing` were labeled otherwise than
    the first of their group."""

    size: int
    compared: int
    differing: int

    @property
    def wrong(self) -> float:
        """The share of wrong labels in such groups, if nobody looked."""
        return self.differing / self.compared * (self.size - 1) / self.size

    def __str__(self) -> str:
        return f"groups of up to {self.size}: {100 * self.wrong:.0f} % wrong labels if nobody looks"


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


def group_costs(near: NDArray[np.int64], first: NDArray[Any], labels: NDArray[Any]) -> GroupSizes:
    """What each size costs.

    `near` (L, K) are the images nearest to each of some labeled ones, whose labels are `first`
    (L,): the nearest first, labeled or not, so that they lie as near as those of a real group.
    `labels` (N,) are the labels of all images as numbers, below 0 for the unlabeled.
    """
    found = labels[near]
    known = found >= 0
    differs = known & (found != first[:, None])
    costs = []
    for size in SIZES:
        compared = int(known[:, : size - 1].sum())
        if compared >= FEWEST and near.shape[1] >= size - 1:
            costs.append(GroupCost(size, compared, int(differs[:, : size - 1].sum())))
    return GroupSizes(tuple(costs))
