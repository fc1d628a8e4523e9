"""What a replay found, concluded: which order pays, and how surely.

All is an estimate for the user's own data, with its standard error over the seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.learning.orders.order import Numbers

# Orders are compared by the labels they need for what random reaches at this share of the budget.
TARGET_SHARE = 0.7
# A difference of this many standard errors is taken for more than chance.
CERTAIN = 2.0


@dataclass(frozen=True, slots=True)
class Curves:
    """What a replay measured: `accuracies[order]` is (seeds, budgets)."""

    budgets: tuple[int, ...]
    accuracies: Mapping[str, Numbers]


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """The mean accuracy over the seeds with `budget` labels, and its standard error."""

    order: str
    budget: int
    accuracy: float
    stderr: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """An order held against random, seed by seed.

    `gain` is the mean difference in accuracy over all budgets after the first, `stderr` its
    standard error. `labels` is how many labels the order needs for the accuracy `target`; None:
    more than were tried.
    """

    order: str
    gain: float
    stderr: float
    target: float
    labels: float | None


def rows_of(curves: Curves) -> list[ReplayRow]:
    """The curves as rows: the mean over the seeds, and its standard error."""
    return [
        ReplayRow(order, budget, float(mean), float(error))
        for order, found in curves.accuracies.items()
        for budget, mean, error in zip(
            curves.budgets, found.mean(axis=0), _standard_error(found), strict=True
        )
    ]


def _standard_error(found: Numbers) -> Numbers:
    seeds = len(found)
    if seeds < 2:
        return np.full(found.shape[1:], np.nan)
    return np.asarray(found.std(axis=0, ddof=1) / math.sqrt(seeds))


def compare(curves: Curves, control: str = "random") -> list[Comparison]:
    """Every order but `control` held against it, the one that gains most first."""
    random = curves.accuracies[control]
    at = int(np.abs(np.array(curves.budgets) - TARGET_SHARE * curves.budgets[-1]).argmin())
    target = float(random.mean(axis=0)[at])
    compared = []
    for order, found in curves.accuracies.items():
        if order == control:
            continue
        # The first budget is the same random labels for all.
        difference = (found - random)[:, 1:]
        compared.append(
            Comparison(
                order,
                float(difference.mean()),
                float(_standard_error(difference.mean(axis=1)[:, None])[0]),
                target,
                labels_to_reach(curves.budgets, found.mean(axis=0), target),
            )
        )
    return sorted(compared, key=lambda comparison: -comparison.gain)


def labels_to_reach(budgets: Sequence[int], accuracies: Numbers, target: float) -> float | None:
    """Where the line through (budgets, accuracies) first reaches `target`; None: it never does."""
    above = np.flatnonzero(accuracies >= target)
    if not len(above):
        return None
    reached = int(above[0])
    if reached == 0:
        return float(budgets[0])
    low, high = accuracies[reached - 1], accuracies[reached]
    step = budgets[reached] - budgets[reached - 1]
    return float(budgets[reached - 1] + step * (target - low) / (high - low))


def recommended(comparisons: Sequence[Comparison]) -> Comparison | None:
    """The order that gains most over random, beyond chance; None where random is as good."""
    certain = [c for c in comparisons if c.gain > CERTAIN * c.stderr]
    return max(certain, key=lambda comparison: comparison.gain, default=None)


def describe(curves: Curves) -> str:
    """The orders against random, as a table, and the one that pays most."""
    lines = ["order          points over random   labels for random's accuracy"]
    compared = compare(curves)
    for one in compared:
        labels = "more than tried" if one.labels is None else f"{one.labels:.0f}"
        gain = f"{100 * one.gain:+.1f} ({100 * one.stderr:.1f})"
        lines.append(f"{one.order:14} {gain:20} {labels}")
    best = recommended(compared)
    lines.append(
        "On these images, no order is surely better than random."
        if best is None
        else f"On these images, {best.order} pays most."
    )
    return "\n".join(lines)
