"""Rules: what several annotations make of one image.

Skipped annotations are left out and counted; an annotation without a class makes an empty list,
which says that the image has none of the classes; annotations that are gone from Label Studio are
left out where its ids are known, and counted as unchecked otherwise. Nothing here reads or writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import Literal, get_args

from msgspec import Struct

from core.dataset.records import Labels, Record
from core.errors import LabelpilotError
from core.tags import tags_by_path
from core.workspace import Tag

Rule = Literal["latest", "union", "majority", "refuse"]
RULES: tuple[Rule, ...] = get_args(Rule)

# What each rule does, in words fit for the screen and the sidecar file.
RULE_WORDS: dict[Rule, str] = {
    "latest": "the annotation changed last wins",
    "union": "a class counts when any annotation has it",
    "majority": "a class counts when more than half of the annotations have it",
    "refuse": "annotations that differ stop the export",
}


class _Said(Struct, frozen=True, gc=False):
    """What is kept of a record: as little as the rules need, for there may be a million."""

    labels: Labels
    moment: float
    annotation: int | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rule made of the records.

    `labels` and `images` are by tag, in the order of the tags; `conflicts` are the tags of images
    whose annotations differ. `annotations` counts those that went in; `skipped` and `deleted` those
    that were skipped, and those that are gone from Label Studio. `missing` are the ids of
    annotations that Label Studio has and the records have not.
    """

    labels: dict[str, Labels]
    images: dict[str, str]
    conflicts: tuple[str, ...]
    annotations: int
    skipped: int
    deleted: int
    missing: tuple[int, ...]


class Tally:
    """Gathers records, image by image, until the rule decides.

    `live` are the ids of the annotations that Label Studio has, or None where they are not known.
    """

    def __init__(self, live: Set[int] | None = None) -> None:
        self._said: dict[str, _Said | list[_Said]] = {}
        self._live = live
        self._missing = set(live or ())
        self._skipped = self._deleted = 0

    def add(self, records: Iterable[Record]) -> None:
        """Take `records` in, in any order."""
        for record in records:
            if self._live is not None and record.annotation is not None:
                if record.annotation not in self._live:
                    self._deleted += 1
                    continue
                self._missing.discard(record.annotation)
            if record.cancelled:
                self._skipped += 1
                continue
            said = _Said(record.labels, record.moment, record.annotation)
            other = self._said.setdefault(record.image, said)
            if other is not said:
                self._said[record.image] = _joined(other, said)

    @property
    def images(self) -> int:
        """How many images have an annotation that counts."""
        return len(self._said)

    @property
    def skipped(self) -> int:
        """How many annotations were skipped."""
        return self._skipped

    def decide(self, rule: Rule, tag_rule: Tag) -> Decision:
        """What `rule` makes of the records. The tally is empty afterwards.

        Raises ConfigurationError where two images have one tag, and LabelpilotError where the rule
        is "refuse" and annotations differ.
        """
        images = tags_by_path(self._said, tag_rule)
        labels: dict[str, Labels] = {}
        conflicts: list[str] = []
        annotations = 0
        for tag in sorted(images):
            said = self._said.pop(images[tag])
            if isinstance(said, list):
                annotations += len(said)
                if len({one.labels for one in said}) > 1:
                    conflicts.append(tag)
                labels[tag] = _decided(said, rule)
            else:
                annotations += 1
                labels[tag] = said.labels
        if rule == "refuse" and conflicts:
            raise _refusal(conflicts)
        return Decision(
            labels=labels,
            images={tag: images[tag] for tag in labels},
            conflicts=tuple(conflicts),
            annotations=annotations,
            skipped=self._skipped,
            deleted=self._deleted,
            missing=tuple(sorted(self._missing)),
        )


def _joined(before: _Said | list[_Said], new: _Said) -> _Said | list[_Said]:
    """`before` and `new`; of one annotation met twice, the later state."""
    known = before if isinstance(before, list) else [before]
    for number, one in enumerate(known):
        if one.annotation is not None and one.annotation == new.annotation:
            known[number] = max(one, new, key=lambda said: said.moment)
            return known if len(known) > 1 else known[0]
    return [*known, new]


def _decided(said: list[_Said], rule: Rule) -> Labels:
    if rule in ("latest", "refuse"):
        return max(said, key=lambda one: (one.moment, one.annotation or 0)).labels
    votes = Counter(pair for one in said for pair in one.labels)
    needed = 1 if rule == "union" else len(said) // 2 + 1
    # The order is that of whoever named a class first, oldest first, so that it is always the same.
    ordered = sorted(said, key=lambda one: (one.moment, one.annotation or 0))
    named = dict.fromkeys(pair for one in ordered for pair in one.labels)
    return tuple(pair for pair in named if votes[pair] >= needed)


def _refusal(conflicts: list[str]) -> LabelpilotError:
    shown = ", ".join(conflicts[:5]) + (" ..." if len(conflicts) > 5 else "")
    return LabelpilotError(
        f"{len(conflicts):,} images have annotations that differ: {shown}.",
        next_step="Settle them in Label Studio, or choose another rule: latest, union or majority.",
    )
