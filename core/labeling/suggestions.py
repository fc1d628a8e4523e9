"""Suggestions: the answers that an image is likely to get, ticked before somebody looks at it.

The probabilities come from elsewhere. What they are worth is measured here on the user's own
labels: a class is ticked from the probability on at which enough ticks are right on labeled images
that neither what guesses nor this threshold has seen. Where there is no such threshold, or too few
labels tell, nothing is suggested, and a sentence says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.labeling.questionnaire import Answer, Answers, Questionnaire

# A question, and one of its answers.
Choice: TypeAlias = tuple[str, Answer]
Mask: TypeAlias = NDArray[np.bool_]

# So many of the ticks are to be right.
GOAL = 0.9
# A tick less likely than this costs more keys than it saves.
EVEN = 0.5
# With fewer labeled images, or fewer ticks on them, nothing can be said.
FEWEST_LABELS = 50
FEWEST_TICKS = 20
# The threshold is tried on each of so many parts of the images, and set by the others.
PARTS = 5
# Of fewer than this, a share in percent would say more than is known.
FEWEST_FOR_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Precision:
    """What suggestions are worth, by labeled images that were guessed unseen.

    A class is ticked from the probability `threshold` on. Of `ticks`, `right` were; of `images`
    that had a tick, `accepted` were labeled with just what was ticked. Where nothing can be
    trusted, `threshold` is None and `why` is the sentence that says so.
    """

    threshold: float | None = None
    ticks: int = 0
    right: int = 0
    images: int = 0
    accepted: int = 0
    why: str = ""

    @property
    def share(self) -> float | None:
        """How many of the ticks were right; None without any."""
        return round(self.right / self.ticks, 2) if self.ticks else None

    def __str__(self) -> str:
        if self.threshold is None:
            return self.why
        words = f"accepted as they are: {share(self.accepted, self.images)}"
        if (self.right, self.ticks) == (self.accepted, self.images):
            return words
        return f"{words}; right ticks: {share(self.right, self.ticks)}"


def share(part: int, whole: int) -> str:
    """`part` of `whole`, no finer than so many can tell."""
    if whole < FEWEST_FOR_PERCENT:
        return f"{part:,} of {whole:,}"
    return f"{100 * part // whole} % of {whole:,}"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What is ticked for an image, and the probability of each answer that can be."""

    answers: Answers
    probabilities: Mapping[Choice, float]


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What is suggested for each of the images in `rows` (tag -> row of `probabilities` (n, C),
    those of `choices`)."""

    precision: Precision
    choices: tuple[Choice, ...] = ()
    rows: Mapping[str, int] = field(default_factory=dict, repr=False)
    probabilities: NDArray[Any] = field(default_factory=lambda: np.empty((0, 0)), repr=False)
    exclusive: tuple[NDArray[np.int64], ...] = field(default=(), repr=False)

    def of(self, tag: str) -> Suggestion | None:
        """That for an image; None where nothing is known of it."""
        row = self.rows.get(tag)
        if row is None or self.precision.threshold is None:
            return None
        found = self.probabilities[row]
        on = ticked(found[None], self.precision.threshold, self.exclusive)[0]
        answers: dict[str, tuple[Answer, ...]] = {}
        for column in np.flatnonzero(on):
            question, answer = self.choices[column]
            answers[question] = (*answers.get(question, ()), answer)
        return Suggestion(answers, dict(zip(self.choices, found.tolist(), strict=True)))


def as_prediction(questions: Questionnaire, answers: Answers) -> list[dict[str, Any]]:
    """The results of a prediction that says `answers`: nothing where the config hides them."""
    keys = ("from_name", "to_name", "type", "value")
    return [{key: item[key] for key in keys} for item in questions.result(answers)]


def exclusive_choices(choices: Iterable[Choice], given: Mask) -> tuple[NDArray[np.int64], ...]:
    """The columns of each question that no labeled image (`given`, (L, C)) answers twice."""
    columns: dict[str, list[int]] = {}
    for column, (question, _) in enumerate(choices):
        columns.setdefault(question, []).append(column)
    found = (np.array(some, np.int64) for some in columns.values())
    return tuple(some for some in found if not (given[:, some].sum(axis=1) > 1).any())


def ticked(
    probabilities: NDArray[Any], threshold: float, exclusive: Iterable[NDArray[np.int64]]
) -> Mask:
    """Which classes are ticked, (n, C): of those that exclude each other, the likeliest alone."""
    return (probabilities >= threshold) & _likeliest(probabilities, exclusive)


def _likeliest(probabilities: NDArray[Any], exclusive: Iterable[NDArray[np.int64]]) -> Mask:
    found = np.ones(probabilities.shape, np.bool_)
    for columns in exclusive:
        best = probabilities[:, columns].argmax(axis=1)
        found[:, columns] = best[:, None] == np.arange(len(columns))
    return found


def measure(
    unseen: NDArray[Any],
    given: Mask,
    exclusive: Iterable[NDArray[np.int64]] = (),
    random: np.random.Generator | None = None,
) -> Precision:
    """What suggestions by probabilities like `unseen` (L, C) are worth, where those are of labeled
    images whose labels, `given` (L, C), what guesses has not seen."""
    if len(given) < FEWEST_LABELS:
        return Precision(why=too_few(len(given)))
    possible = _likeliest(unseen, exclusive)
    threshold = _threshold(unseen[possible], given[possible])
    # The figures are of thresholds that have not seen the images either.
    part = (random or np.random.default_rng(0)).permutation(len(given)) % PARTS
    on = np.zeros(given.shape, np.bool_)
    for number in range(PARTS):
        some, others = part == number, (part != number)[:, None] & possible
        own = _threshold(unseen[others], given[others])
        if own is not None:
            on[some] = (unseen[some] >= own) & possible[some]
    any_tick = on.any(axis=1)
    found = Precision(
        threshold,
        int(on.sum()),
        int((on & given).sum()),
        int(any_tick.sum()),
        int((on == given).all(axis=1)[any_tick].sum()),
    )
    if threshold is None or found.ticks < FEWEST_TICKS:
        return Precision(
            why=f"Nothing is suggested: on {len(given):,} labels no threshold was found at which "
            f"{GOAL * 100:.0f} % of the ticks are right."
        )
    return found


def too_few(labels: int, *, trained: bool = False) -> str:
    """Why nothing is suggested with so many labels; `trained`: those since the last training."""
    since = "since the last training" if trained else "so far"
    return f"No suggestions yet: they need {FEWEST_LABELS} labels, and {labels:,} came {since}."


def _threshold(probabilities: NDArray[Any], right: Mask) -> float | None:
    """The lowest probability from which on enough of the ticks (n,) are right; None without one."""
    order = np.argsort(-probabilities, kind="stable")
    falling = probabilities[order]
    count = np.arange(1, len(order) + 1)
    good = right[order].cumsum() >= GOAL * count
    good &= (count >= FEWEST_TICKS) & (falling >= EVEN)
    # A threshold lies between two, and never between equals.
    good &= falling > np.append(falling[1:], -np.inf)
    if not good.any():
        return None
    last = int(np.flatnonzero(good)[-1])
    below = falling[last + 1] if last + 1 < len(falling) else 0.0
    return float(max((falling[last] + below) / 2, EVEN))
