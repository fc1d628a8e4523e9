"""Rules: what several annotations make of one image.

Drafts were not submitted, and are not here. Skipped annotations are left out and counted. One
without a class makes an empty list, which says that the image has none of the classes. Annotations
that are gone from Label Studio are left out where its ids are known, and counted as unchecked
otherwise. Nothing here reads or writes.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass

from core.dataset.options import SETTLING, Rule
from core.dataset.reading.batch import Columns
from core.dataset.reading.records import Labels
from core.errors import LabelpilotError
from core.images import Tag, tag_of, tags_by_path


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rule made of the records.

    `labels` are by tag, in no order; `tags` are in order; `images` are the paths, and `chosen` the
    ids of the annotations that won (below 0 for one without), in the order of `labels`.
    `conflicts` are the tags of images whose annotations differ. `annotations` counts those that
    went in; `skipped` and `deleted` those that were skipped, and those that are gone from Label
    Studio. `missing` are the ids of annotations that Label Studio has and the records have not.
    """

    labels: dict[str, Labels]
    tags: list[str]
    images: list[str]
    chosen: array[int]
    conflicts: tuple[str, ...]
    annotations: int
    skipped: int
    deleted: int
    missing: tuple[int, ...]


class Tally:
    """Gathers records until the rule decides, in columns, for there may be a million.

    `live` are the ids of the annotations that Label Studio has, or None where they are not known.
    """

    def __init__(self, live: Set[int] | None = None) -> None:
        self.skipped = 0
        self.deleted = 0
        self._live = live
        self._missing = set(live or ())
        self._images: list[str] = []
        self._labels: list[Labels] = []
        self._moments = array("d")
        self._annotations = array("q")
        self._ground_truth = array("b")
        self._known: dict[Labels, Labels] = {}

    def __len__(self) -> int:
        """How many annotations count."""
        return len(self._images)

    @property
    def missing(self) -> int:
        """How many annotations that Label Studio has were not met yet."""
        return len(self._missing)

    def add(self, records: Columns) -> Columns:
        """Take `records` in, in any order. Returns those that are in Label Studio."""
        if self._live is not None:
            live = [number < 0 or number in self._live for number in records.annotations]
            self._missing.difference_update(records.annotations)
            self.deleted += live.count(False)
            records = records.where(live)
        live_records = records
        if True in records.cancelled:
            self.skipped += records.cancelled.count(True)
            records = records.where([not cancelled for cancelled in records.cancelled])
        table = [self._known.setdefault(labels, labels) for labels in records.label_table]
        self._images += records.images
        self._labels += map(table.__getitem__, records.labels)
        self._moments.extend(records.moments)
        self._annotations.extend(records.annotations)
        self._ground_truth.extend(records.ground_truth)
        return live_records

    def decide(
        self, rule: Rule, tag_rule: Tag, is_there: Callable[[str], bool] = lambda path: True
    ) -> Decision:
        """What `rule` makes of the records. The tally is empty afterwards.

        `is_there` says whether an image's file is there: of several paths with one tag, those that
        are gone are taken for the only one that is there, from where they moved. Raises
        ConfigurationError where two images have one tag, and LabelpilotError where the rule is
        "refuse" and annotations differ.
        """
        annotations, differing = len(self._images), list[str]()
        tags = [tag_of(image, tag_rule) for image in self._images]
        by_tag = dict(zip(tags, self._labels, strict=True))
        if len(by_tag) < len(tags):
            self._images = followed(self._images, tags, is_there)
            annotations, differing = self._settle(rule)
            by_tag = dict(zip(tags_by_path(self._images, tag_rule), self._labels, strict=True))
        images, self._images, self._labels = self._images, [], []
        conflicts = tuple(sorted(tag_of(image, tag_rule) for image in differing))
        if rule == "refuse" and conflicts:
            raise _refusal(conflicts)
        return Decision(
            labels=by_tag,
            tags=sorted(by_tag),
            images=images,
            chosen=self._annotations,
            conflicts=conflicts,
            annotations=annotations,
            skipped=self.skipped,
            deleted=self.deleted,
            missing=tuple(sorted(self._missing)),
        )

    def _settle(self, rule: Rule) -> tuple[int, list[str]]:
        """Leave one row for each image.

        Returns how many annotations there were, and the images whose annotations differ.
        """
        rows = dict(zip(self._images, range(len(self._images)), strict=True))
        several: dict[str, list[int]] = {}
        for row, image in enumerate(self._images):
            if rows[image] != row:
                several.setdefault(image, [rows[image]]).append(row)
        annotations, differing = len(rows) - len(several), []
        for image, found in several.items():
            by_age = self._by_age(found)
            annotations += len(by_age)
            truths = [row for row in by_age if self._ground_truth[row]]
            if rule in SETTLING and len({self._labels[row] for row in truths}) == 1:
                # Settled, whatever the others say.
                by_age = truths
            elif rule == "ground-truth":
                # Stable: among those that are alike in this, the one changed last stays the last.
                by_age.sort(key=self._ground_truth.__getitem__)
            answers = [self._labels[row] for row in by_age]
            if len(set(answers)) > 1:
                differing.append(image)
            rows[image] = by_age[-1]
            self._labels[by_age[-1]] = _decided(answers, rule)
        self._images = list(rows)
        self._labels = [self._labels[row] for row in rows.values()]
        self._annotations = array("q", [self._annotations[row] for row in rows.values()])
        return annotations, differing

    def _by_age(self, rows: list[int]) -> list[int]:
        """The rows of different annotations, from the one changed first to the one changed last.

        Of an annotation that is met twice, the row that was changed last.
        """
        last: dict[int, int] = {}
        for row in sorted(rows, key=lambda row: (self._moments[row], self._annotations[row])):
            number = self._annotations[row]
            last.pop(number, None)
            last[number] = row
        return list(last.values())


def followed(images: list[str], tags: list[str], is_there: Callable[[str], bool]) -> list[str]:
    """`images`, but for those that are gone and whose tag one image that is there has by now."""
    first: dict[str, str] = {}
    several: dict[str, set[str]] = {}
    for image, tag in zip(images, tags, strict=True):
        if (other := first.setdefault(tag, image)) != image:
            several.setdefault(tag, {other}).add(image)
    moved: dict[str, str] = {}
    for paths in several.values():
        there = [path for path in paths if is_there(path)]
        if len(there) == 1:
            moved |= dict.fromkeys(paths, there[0])
    return [moved.get(image, image) for image in images] if moved else images


def _decided(answers: list[Labels], rule: Rule) -> Labels:
    if rule in ("latest", "ground-truth", "refuse"):
        return answers[-1]
    votes = Counter(pair for labels in answers for pair in labels)
    needed = 1 if rule == "union" else len(answers) // 2 + 1
    return tuple(pair for pair, count in votes.items() if count >= needed)


def _refusal(conflicts: tuple[str, ...]) -> LabelpilotError:
    shown = ", ".join(conflicts[:5]) + (" ..." if len(conflicts) > 5 else "")
    return LabelpilotError(
        f"The annotations of the same image differ, on {len(conflicts):,} of them: {shown}.",
        next_step="Settle them in Label Studio, or choose another rule: latest, union or majority.",
    )
