"""What a replay found, concluded: which order pays, and how surely.

All is an estimate for the user's own data, with its standard error over the seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.learning.measuring.measures import Measures, in_words
from core.learning.orders.order import Numbers

# Orders are compared by the labels they need for what random reaches at this share of the budget.
TARGET_SHARE = 0.7
# A difference of this many standard errors is taken for more than chance.
CERTAIN = 2.0


@dataclass(frozen=True, slots=True)
class Curves:
    """What a replay measured: `measured[order]` is (seeds, budgets, the fields of Measures).

    `single`: each image has one class. `images` are how many labeled ones it was measured on.
    """

    budgets: tuple[int, ...]
    measured: Mapping[str, Numbers]
    single: bool = True
    images: int = 0

    @property
    def decisive(self) -> str:
        """The measure by which orders are compared."""
        return "accuracy" if self.single else "average_precision"

    @property
    def words(self) -> str:
        """The decisive measure, in words."""
        return in_words(self.single)

    def of(self, order: str, measure: str = "") -> Numbers:
        """What `order` reached by `measure`, or by the decisive one: (seeds, budgets)."""
        found: Numbers = self.measured[order][..., Measures._fields.index(measure or self.decisive)]
        return found


@dataclass(frozen=True, slots=True)
class ReplayRow:
    """The means over the seeds with `budget` labels; `stderr` is the accuracy's standard error."""

    order: str
    budget: int
    accuracy: float
    stderr: float
    average_precision: float
    macro_f1: float
    micro_f1: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """An order held against random, seed by seed.

    `gain` is the mean difference in the decisive measure over all budgets after the first, `stderr`
    its standard error; `f1_gain` and `f1_stderr` are those in macro F1, 0 where each image has one
    class. `labels` is how many labels the order needs for what random reaches, `target`; None: more
    than were tried.
    """

    order: str
    gain: float
    stderr: float
    target: float
    labels: float | None
    f1_gain: float
    f1_stderr: float

    @property
    def points(self) -> str:
        """The gain with its standard error, in percentage points."""
        return f"{100 * self.gain:+.1f} ± {100 * self.stderr:.1f}"


def rows_of(curves: Curves) -> list[ReplayRow]:
    """The curves as rows: the means over the seeds, and the accuracy's standard error."""
    return [
        ReplayRow(
            order,
            budget,
            float(accuracy),
            float(error),
            float(precision),
            float(macro),
            float(micro),
        )
        for order, found in curves.measured.items()
        for budget, (accuracy, precision, macro, micro), error in zip(
            curves.budgets,
            found.mean(axis=0),
            standard_error(curves.of(order, "accuracy")),
            strict=True,
        )
    ]


def standard_error(found: Numbers) -> Numbers:
    """The standard error of the mean over the seeds, (budgets,), of `found` (seeds, budgets)."""
    seeds = len(found)
    if seeds < 2:
        return np.full(found.shape[1:], np.nan)
    return np.asarray(found.std(axis=0, ddof=1) / math.sqrt(seeds))


def compare(curves: Curves, control: str = "random") -> list[Comparison]:
    """Every order but `control` held against it, the one that gains most first."""
    at = int(np.abs(np.array(curves.budgets) - TARGET_SHARE * curves.budgets[-1]).argmin())
    target = float(curves.of(control).mean(axis=0)[at])
    compared = []
    for order in curves.measured:
        if order == control:
            continue
        f1 = (0.0, 0.0)
        if not curves.single:
            f1 = _gained(curves.of(order, "macro_f1"), curves.of(control, "macro_f1"))
        compared.append(
            Comparison(
                order,
                *_gained(curves.of(order), curves.of(control)),
                target,
                labels_to_reach(curves.budgets, curves.of(order).mean(axis=0), target),
                *f1,
            )
        )
    return sorted(compared, key=lambda comparison: -comparison.gain)


def _gained(found: Numbers, random: Numbers) -> tuple[float, float]:
    """The mean difference over all budgets, and its standard error over the seeds."""
    # The first budget is the same random labels for all.
    difference = (found - random)[:, 1:].mean(axis=1)
    return float(difference.mean()), float(standard_error(difference[:, None])[0])


def labels_to_reach(budgets: Sequence[int], curve: Numbers, target: float) -> float | None:
    """Where the line through (budgets, curve) first reaches `target`; None: it never does."""
    above = np.flatnonzero(curve >= target)
    if not len(above):
        return None
    reached = int(above[0])
    if reached == 0:
        return float(budgets[0])
    low, high = curve[reached - 1], curve[reached]
    step = budgets[reached] - budgets[reached - 1]
    return float(budgets[reached - 1] + step * (target - low) / (high - low))


def recommended(comparisons: Sequence[Comparison]) -> Comparison | None:
    """The order that gains most over random, beyond chance, and surely loses nothing by macro F1.

    None where random is as good.
    """
    certain = [
        c
        for c in comparisons
        if c.gain > CERTAIN * c.stderr and c.f1_gain >= -CERTAIN * c.f1_stderr
    ]
    return max(certain, key=lambda comparison: comparison.gain, default=None)


def summary(curves: Curves, order: str = "") -> str:
    """The order that pays most on the user's labels, and what `order` does, in a sentence."""
    compared = compare(curves)
    best = recommended(compared)
    found = "no order is surely better than random"
    if best is not None:
        found = f"{best.order} pays most, {best.points} points of {curves.words} over random"
    if best is None or order != best.order:
        found += "".join(f"; {o.order} {o.points}" for o in compared if o.order == order)
    return f"Measured on your {curves.images:,} labels: {found}."


def describe(curves: Curves) -> str:
    """The orders against random, as a table, and the one that pays most."""
    lines = [
        f"by {curves.words}, on images kept apart",
        "order          points over random   labels for what random reaches",
    ]
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
