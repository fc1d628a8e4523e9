"""Statistics of annotations: who labeled what and when, and how far people agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import combinations

from core.dataset.reading.batch import Columns
from core.dataset.reading.records import Labels, Record


@dataclass(frozen=True, slots=True)
class Person:
    """How much somebody labeled. `name` is an e-mail address, or an account's number."""

    name: str
    annotations: int
    skipped: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the annotations of one image agree, over the `images` that have several.

    `alike` counts the images on which all say the same; `alpha` is, by class, Krippendorff's alpha
    of "has it" and "has it not": 1 is full agreement, 0 what chance gives, None where everybody
    always said the same, so that nothing can be told.
    """

    images: int
    alike: int
    alpha: dict[tuple[str, str], float | None]


@dataclass(frozen=True, slots=True)
class Answer:
    """What one person said of an image."""

    person: str
    labels: Labels


@dataclass(slots=True)
class Statistics:
    """Gathers records; the methods say what they show."""

    _records: dict[tuple[str, int], Record] = field(default_factory=dict)

    def add(self, records: Columns) -> None:
        """Take `records` in. Of an annotation that is met twice, the later state counts."""
        for record in records:
            key = (record.image, record.annotation)
            other = self._records.get(key)
            if other is None or other.moment <= record.moment:
                self._records[key] = record

    def people(self) -> list[Person]:
        """Everybody who labeled, the busiest first."""
        labeled, skipped = Counter[str](), Counter[str]()
        for record in self._records.values():
            (skipped if record.cancelled else labeled)[record.person] += 1
        names = sorted(labeled.keys() | skipped.keys(), key=lambda name: (-labeled[name], name))
        return [Person(name, labeled[name], skipped[name]) for name in names]

    def days(self) -> dict[str, int]:
        """Day (by UTC, as 2026-11-24) -> annotations changed last on it, in order."""
        counts = Counter(
            datetime.fromtimestamp(record.moment, timezone.utc).date().isoformat()
            for record in self._records.values()
            if record.moment and not record.cancelled
        )
        return dict(sorted(counts.items()))

    def several(self) -> dict[str, list[Answer]]:
        """Image -> its answers, for images that have more than one, the oldest first."""
        answers: dict[str, list[Answer]] = {}
        # They come in no settled order: of two with one moment, the lower number was first.
        for _, record in sorted(self._records.items(), key=lambda one: (one[1].moment, one[0])):
            if not record.cancelled:
                answers.setdefault(record.image, []).append(Answer(record.person, record.labels))
        return {image: its for image, its in answers.items() if len(its) > 1}


def agreement(several: Mapping[str, Sequence[Answer]]) -> Agreement:
    """How far the answers of each image agree, for images that have several."""
    units = [[set(answer.labels) for answer in answers] for answers in several.values()]
    pairs = sorted({pair for unit in units for labels in unit for pair in labels})
    return Agreement(
        images=len(units),
        alike=sum(all(labels == unit[0] for labels in unit) for unit in units),
        alpha={
            pair: binary_alpha(
                [(sum(pair in labels for labels in unit), len(unit)) for unit in units]
            )
            for pair in pairs
        },
    )


def binary_alpha(units: Iterable[tuple[int, int]]) -> float | None:
    """Krippendorff's alpha for a yes or no; each unit is (how many said yes, how many answered).

    1 - observed / expected disagreement, over all pairs of values (Krippendorff, "Computing
    Krippendorff's Alpha-Reliability", 2011). Units with one value say nothing. None where all
    values are the same.
    """
    observed = yes = values = 0.0
    for with_yes, answers in units:
        if answers > 1:
            observed += 2 * with_yes * (answers - with_yes) / (answers - 1)
            yes += with_yes
            values += answers
    expected = 2 * yes * (values - yes)
    return None if not expected else 1 - observed * (values - 1) / expected


def together(held: Iterable[tuple[Sequence[str], int]]) -> tuple[tuple[str, str, int], ...]:
    """Pairs of classes, and how many images have both, the most first.

    `held` are (classes, images that have just these); classes always stand in the same order.
    """
    counts = Counter[tuple[str, str]]()
    for classes, images in held:
        for pair in combinations(classes, 2):
            counts[pair] += images
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple((first, second, images) for (first, second), images in ordered)
