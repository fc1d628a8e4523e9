"""What the next labels would bring, as a range that was checked against the past.

Two things tell: how much better a linear head answers, on images drawn at random, than one with
fewer labels by the factor that the next ones are more by; and on how many unlabeled images the last
labels changed the answer. What came of both in labeling that was simulated on several sets makes
the range; `forecast.json` holds it, which `tests/benchmarks/forecast.py --save` writes. The same
forecast is made for earlier counts of the user's own labels too, and held against what came of it.
"""

from __future__ import annotations

import functools
import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from core.errors import ConfigurationError
from core.learning.builtin.head import MOST_ROWS
from core.learning.inputs.pool import Labels
from core.learning.measuring.label_history import LabelHistory
from core.learning.measuring.measures import in_words
from core.learning.measuring.replay import one_thread
from core.learning.orders.order import Mask
from core.learning.search.exact import Floats, Indices
from core.progress import Progress, Work

FILE = Path(__file__).with_name("forecast.json")
METHOD = "gain out of fold, and changed answers, of a linear head"
STEP = 100
FEWEST = 100
# Fewer images that were drawn at random cannot tell a gain of a few points from chance.
FEWEST_DRAWN = 50
# Of so many unlabeled images times classes the answers are compared at most.
MOST_ANSWERS = 10_000_000
# So many earlier forecasts are looked back on at most.
CHECKS = 3


@dataclass(frozen=True, slots=True)
class Evidence:
    """What tells at `labels` labels: the last of them `gained` so much on images drawn at random,
    out of fold, and `changed` the answer on a share of the unlabeled images."""

    labels: int
    gained: float
    changed: float

    @property
    def spread(self) -> float:
        """What the errors of a forecast grow with."""
        return math.log((self.labels + STEP) / self.labels) + self.changed


@dataclass(frozen=True, slots=True)
class Scale:
    """What came of the evidence in simulated labeling: a gain of about so many times `gained` and
    `changed`, and `low` to `high` times its spread beside that. Of `cases` such ranges `held` did.
    """

    gained: float
    changed: float
    low: float
    high: float
    held: int
    cases: int

    def middle(self, evidence: Evidence) -> float:
        """The likeliest gain."""
        return self.gained * evidence.gained + self.changed * evidence.changed

    def range(self, evidence: Evidence) -> tuple[float, float]:
        """The lowest and the highest gain to be expected, in whole points."""
        middle = self.middle(evidence)
        low = math.floor(100 * (middle + self.low * evidence.spread)) / 100
        return low, math.ceil(100 * (middle + self.high * evidence.spread)) / 100


@functools.cache
def scale() -> Scale:
    """What the benchmark has measured."""
    return Scale(**json.loads(FILE.read_text(encoding="utf-8")))


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the next STEP labels would bring beyond `labels`, by `measure`: about `gain`, from `low`
    to `high`; None where too little is known. On a share `changed` of the unlabeled images the last
    `changing` labels changed the answer.

    Of `checked` earlier forecasts on these labels `held` did, as far as the `drawn` images can tell
    that were drawn at random; `missing` says in a sentence what more would need. The training
    behind the embeddings had seen `learned` of the labels, as far as it says so.
    """

    labels: int
    gain: float | None
    low: float | None
    high: float | None
    changed: float
    changing: int
    measure: str
    drawn: int
    checked: int
    held: int
    scale: Scale
    missing: str = ""
    method: str = METHOD
    learned: int = 0

    def stays_below(self, points: float) -> bool:
        """Whether less than so many percentage points are surely to be expected."""
        return self.high is not None and 100 * self.high < points

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot forecast --json` prints."""
        return asdict(self)

    @property
    def in_short(self) -> str:
        """The range, as half a sentence."""
        if self.gain is None or self.low is None or self.high is None:
            return f"what the next {STEP} labels would bring cannot be said yet"
        return (
            f"the next {STEP} labels would bring about {_points(self.gain)} points of "
            f"{self.measure}, from {_points(self.low)} to {_points(self.high)}"
        )

    def lines(self) -> list[str]:
        """The range, what it rests on, and how far it can be believed, in sentences."""
        shown = [
            f"{self.in_short[0].upper()}{self.in_short[1:]}.",
            f"The last {self.changing} of {self.labels:,} labels changed the answer on "
            f"{100 * self.changed:.0f} % of the unlabeled images.",
        ]
        if self.gain is not None:
            shown.append(f"Of {self.scale.cases} such ranges in simulated labeling {_held(self)}.")
            if self.learned:
                shown.append(
                    f"The training behind the embeddings has seen {self.learned:,} of the labels: "
                    "if it made the embeddings fit them, new labels bring more than this says."
                )
        return [*shown, self.missing] if self.missing else shown


def _points(share: float) -> str:
    return f"{100 * share:+.0f}" if round(100 * share) else "0"


def _held(found: Forecast) -> str:
    if not found.checked:
        return f"{found.scale.held} held"
    return (
        f"{found.scale.held} held, and {found.held} of {found.checked} on your own labels so far, "
        f"as far as {found.drawn:,} images drawn at random can tell"
    )


def forecast(
    vectors: Floats, labels: Labels, drawn: Mask, random: np.random.Generator
) -> Work[Forecast]:
    """What the next labels would bring. `vectors` (N, d) have length 1; `labels` are in the order
    in which they were given, and `drawn` (L,) says which of those images were drawn at random.

    Raises ConfigurationError with too few labels or unlabeled images, and as `fit_head` does.
    """
    count = len(labels.rows)
    unlabeled = np.setdiff1d(np.arange(len(vectors)), labels.rows)
    enough = count >= FEWEST and len(unlabeled) >= STEP
    if not enough or labels.alike:
        raise ConfigurationError(
            f"A forecast needs {FEWEST} labeled images with an embedding, not all labeled alike, "
            f"and {STEP} unlabeled ones.",
            cause=f"All {count:,} are labeled alike."
            if enough
            else f"There are {count:,} and {len(unlabeled):,}.",
            next_step="Label some of another class first."
            if enough
            else "Label some more first, or add images to label.",
        )
    most = min(MOST_ROWS, max(MOST_ANSWERS // len(labels.classes), STEP))
    if len(unlabeled) > most:
        unlabeled = np.sort(random.choice(unlabeled, most, replace=False))
    with one_thread():
        return (yield from _forecast(LabelHistory(vectors, labels, unlabeled, random), drawn))


def _forecast(past: LabelHistory, drawn: Mask) -> Work[Forecast]:
    count, control = len(drawn), np.flatnonzero(drawn)
    yield Progress("forecast", note="Fitting linear heads")
    found = Forecast(
        labels=count,
        gain=None,
        low=None,
        high=None,
        changed=round(past.changed(_before(count), count), 2),
        changing=count - _before(count),
        measure=in_words(past.labels.single),
        drawn=len(control),
        checked=0,
        held=0,
        scale=scale(),
        missing=_missing(len(control)),
    )
    if found.missing:
        return found
    now = yield from evidence(past, count, control)
    low, high = scale().range(now)
    held, checked = yield from _looked_back(past, count, control)
    return replace(
        found,
        gain=round(scale().middle(now), 2),
        low=low,
        high=high,
        checked=checked,
        held=held,
    )


def evidence(past: LabelHistory, count: int, control: Indices) -> Work[Evidence]:
    """What could be known at `count` labels; `control` are the positions of those images among them
    that were drawn at random."""
    share = count / (count + STEP)
    fewer = yield from past.out_of_fold(count, share, control)
    whole = yield from past.out_of_fold(count, 1.0, control)
    gained, _ = past.gained(fewer, whole, control)
    return Evidence(count, gained, past.changed(_before(count), count))


def _looked_back(past: LabelHistory, count: int, control: Indices) -> Work[tuple[int, int]]:
    """How many of how many earlier forecasts held, as far as the images `control` can tell."""
    held = checked = 0
    after = yield from past.out_of_fold(count, 1.0, control)
    for number in range(1, CHECKS + 1):
        earlier = count - STEP * number
        known = control[control < earlier]
        if earlier < FEWEST or len(known) < FEWEST_DRAWN:
            break
        low, high = scale().range((yield from evidence(past, earlier, known)))
        before = yield from past.out_of_fold(earlier, 1.0, control)
        gained, error = past.gained(before, after, control)
        held += low - error <= gained <= high + error
        checked, after = number, before
    return held, checked


def _before(count: int) -> int:
    """How many labels there were before the last ones: a hundred less, or half of fewer."""
    return count - min(STEP, count // 2)


def _missing(drawn: int) -> str:
    if drawn >= FEWEST_DRAWN:
        return ""
    return (
        f"Of the labeled images only {drawn:,} were drawn at random, and {FEWEST_DRAWN} are "
        "needed to judge by: give the next rounds a random share, such as `--random-share 0.2`."
    )
