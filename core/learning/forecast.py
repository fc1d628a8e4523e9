"""What the next labels would bring, as a range that was checked against the past.

A linear head is fitted to all labels, and to all but the last hundred: on how many unlabeled images
the two answer differently says how much labels still change. What share of such changes was gain,
in labeling that was simulated on several sets, makes the range; `forecast.json` holds it, which
`tests/benchmarks/forecast.py --save` writes. The same forecast is made for earlier counts of the
user's own labels too, and held against what came of it on the images that were drawn at random.
"""

from __future__ import annotations

import functools
import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from core.errors import ConfigurationError
from core.learning.builtin.head import MOST_ROWS, fit_head
from core.learning.orders.order import Mask, Numbers
from core.learning.pool import Labels
from core.learning.search.exact import Floats, Indices
from core.progress import Progress, Work

FILE = Path(__file__).with_name("forecast.json")
STEP = 100
FEWEST = 100
# Fewer images that were drawn at random cannot tell a gain of a few points from chance.
FEWEST_DRAWN = 50
# So many earlier forecasts are looked back on, in so many folds, with so many draws to tell a gain
# from chance.
CHECKS = 3
FOLDS = 5
DRAWS = 30


@dataclass(frozen=True, slots=True)
class Scale:
    """What share of the changed answers was gain, in simulated labeling: about `middle`, and from
    `low` to `high`, give or take `floor`. Such a range held in `held` of `cases`."""

    low: float
    middle: float
    high: float
    floor: float
    held: int
    cases: int

    def gain(self, changed: float) -> tuple[float, float, float]:
        """The lowest, the likeliest and the highest gain, to be expected where `changed` is the
        share of images that are answered differently. No gain can be finer than a point."""
        low = math.floor(100 * (self.low * changed - self.floor)) / 100
        high = math.ceil(100 * (self.high * changed + self.floor)) / 100
        return low, round(self.middle * changed, 2), high


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the next STEP labels would bring beyond `labels`, by `measure`: about `gain`, from `low`
    to `high`, all shares of 1. `changed` is on what share of the unlabeled images the last
    `changing` labels changed the answer.

    Of `checked` earlier forecasts on these labels `held` did, as far as `drawn` images tell that
    were drawn at random; `missing` says in a sentence what is lacking for more.
    """

    labels: int
    gain: float
    low: float
    high: float
    changed: float
    changing: int
    measure: str
    drawn: int
    checked: int
    held: int
    scale: Scale
    missing: str = ""
    method: str = "changed answers of a linear head"

    def stays_below(self, points: float) -> bool:
        """Whether no more than `points` percentage points are to be expected."""
        return 100 * self.high < points

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot forecast --json` prints."""
        return asdict(self)

    @property
    def in_short(self) -> str:
        """The range, as half a sentence."""
        return (
            f"the next {STEP} labels would bring about {_points(self.gain)} points of "
            f"{self.measure}, from {_points(self.low)} to {_points(self.high)}"
        )

    def lines(self) -> list[str]:
        """The range, what it rests on, and how far it can be believed, in sentences."""
        scale = self.scale
        checked = (
            f", and {self.held} of {self.checked} on your own labels so far, as far as "
            f"{self.drawn:,} images drawn at random can tell"
            if self.checked
            else ""
        )
        return [
            f"{self.in_short[0].upper()}{self.in_short[1:]}.",
            f"The last {self.changing} of {self.labels:,} labels changed the answer on "
            f"{100 * self.changed:.0f} % of the unlabeled images.",
            f"Of {scale.cases} such ranges in simulated labeling {scale.held} held{checked}.",
            *([self.missing] if self.missing else []),
        ]


def _points(share: float) -> str:
    return f"{100 * share:+.0f}" if round(100 * share) else "0"


@functools.cache
def scale() -> Scale:
    """What the benchmark has measured."""
    return Scale(**json.loads(FILE.read_text(encoding="utf-8")))


def forecast(
    vectors: Floats, labels: Labels, drawn: Mask, random: np.random.Generator
) -> Work[Forecast]:
    """What the next labels would bring. `vectors` (N, d) have length 1; `labels` are in the order
    in which they were given, and `drawn` (L,) says which of those images were drawn at random.

    Raises ConfigurationError with too few labels or unlabeled images, and as `fit_head` does.
    """
    count = len(labels.rows)
    rows = np.setdiff1d(np.arange(len(vectors)), labels.rows)
    if count < FEWEST or len(rows) < STEP or (labels.matrix == labels.matrix[0]).all():
        raise ConfigurationError(
            f"A forecast needs {FEWEST} labeled images with an embedding, of two classes at least, "
            f"and {STEP} unlabeled ones.",
            cause=f"There are {count:,} and {len(rows):,}.",
            next_step="Label some more first.",
        )
    if len(rows) > MOST_ROWS:
        rows = np.sort(random.choice(rows, MOST_ROWS, replace=False))
    past = _Past(vectors, labels, rows, random)
    control = np.flatnonzero(drawn)
    earlier = [c for j in range(1, CHECKS + 1) if (c := count - STEP * j) >= FEWEST]
    if len(control) < FEWEST_DRAWN:
        earlier = []
    yield Progress("forecast", 0, 1 + len(earlier), "Fitting linear heads")
    changed = past.changed(count)
    held = 0
    for number, before in enumerate(earlier, start=1):
        yield Progress("forecast", number, 1 + len(earlier))
        low, _, high = scale().gain(past.changed(before))
        gain, error = yield from past.gained(before, control)
        held += low - error <= gain <= high + error
    low, gain, high = scale().gain(changed)
    return Forecast(
        labels=count,
        gain=gain,
        low=low,
        high=high,
        changed=round(changed, 2),
        changing=_back(count),
        measure="accuracy" if labels.single else "mean average precision",
        drawn=len(control),
        checked=len(earlier),
        held=held,
        scale=scale(),
        missing=_missing(count, len(control)),
    )


def _back(count: int) -> int:
    """How many of the last of `count` labels are looked at: a hundred, or half of fewer."""
    return min(STEP, count // 2)


def _missing(count: int, drawn: int) -> str:
    if drawn < FEWEST_DRAWN:
        return (
            f"Only {drawn:,} of the labeled images were drawn at random: {FEWEST_DRAWN} are needed "
            "to check this on your own labels. Give the next rounds a random share "
            "(`--random-share 0.1`)."
        )
    if count < FEWEST + STEP:
        return f"With {FEWEST + STEP} labels, this can be checked on your own labels too."
    return ""


class _Past:
    """What heads would have said when only the first so many of the labels were there.

    `rows` are the unlabeled images whose answers are compared.
    """

    def __init__(
        self, vectors: Floats, labels: Labels, rows: Indices, random: np.random.Generator
    ) -> None:
        self._vectors, self._labels, self._random = vectors, labels, random
        self._rows = rows
        self._answers: dict[int, Mask] = {}

    def changed(self, count: int) -> float:
        """On what share of the rows the last of `count` labels changed the answer."""
        before, now = self._answered(count - _back(count)), self._answered(count)
        return float((before != now).any(axis=1).mean())

    def gained(self, count: int, control: Indices) -> Work[tuple[float, float]]:
        """What STEP labels after `count` gained on the labeled images `control`, and the standard
        error of that. Each is judged by heads that were fitted without it."""
        shape = (2, len(control), self._labels.matrix.shape[1])
        found = np.empty(shape)
        for part in np.array_split(self._random.permutation(len(control)), FOLDS):
            yield Progress("forecast")
            for known, into in zip((count, count + STEP), found, strict=True):
                fitted = np.setdiff1d(np.arange(known), control[part])
                into[part] = self._probabilities(fitted, self._labels.rows[control[part]])
        given = self._labels.matrix[control]

        def gain(some: Indices) -> float:
            before, after = (self._quality(one[some], given[some]) for one in found)
            return after - before

        everything = np.arange(len(control))
        drawn = self._random.choice(everything, (DRAWS, len(control)))
        return gain(everything), float(np.std([gain(some) for some in drawn]))

    def _answered(self, count: int) -> Mask:
        if count not in self._answers:
            found = self._probabilities(np.arange(count), self._rows)
            most = found.argmax(axis=1)[:, None] == np.arange(found.shape[1])
            self._answers[count] = most if self._labels.single else found > 0.5
        return self._answers[count]

    def _probabilities(self, fitted: Indices, rows: Indices) -> Numbers:
        """Those of the images `rows` by a head that knows the labels at the positions `fitted`."""
        labels = self._labels
        known = replace(labels, rows=labels.rows[fitted], matrix=labels.matrix[fitted])
        head = fit_head(self._vectors, known, self._random)
        if head is None:
            return np.tile(known.matrix[0].astype(np.float64), (len(rows), 1))
        return head.probabilities(self._vectors[rows])

    def _quality(self, probabilities: Numbers, given: Mask) -> float:
        if self._labels.single:
            return float((probabilities.argmax(axis=1) == given.argmax(axis=1)).mean())
        return mean_average_precision(probabilities, given)


def mean_average_precision(probabilities: Numbers, given: Mask) -> float:
    """The mean over the classes that some image has of the average precision, (n, C) each."""
    falling = np.argsort(-probabilities, axis=0, kind="stable")
    right = np.take_along_axis(given, falling, axis=0)
    count = right.sum(axis=0)
    precision = right.cumsum(axis=0) / np.arange(1, len(right) + 1)[:, None]
    found = (precision * right).sum(axis=0)[count > 0] / count[count > 0]
    return float(found.mean()) if len(found) else 0.0
