"""What changed between two datasets: labels, classes, and, where annotations say it, people.

The order in which a dataset lists an image's classes is none of its labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.dataset.dataset import gather
from core.dataset.formats.dataset_json import is_dataset, read_dataset
from core.dataset.report.statistics import Statistics
from core.dataset.source import Named
from core.errors import ConfigurationError
from core.progress import Progress, Work
from core.workspace.settings import Rule, Workspace

Labels = Mapping[str, Sequence[str]]
# How often something was there, and is.
Counts = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Labeled:
    """A dataset: tag -> classes, and, where that is known, who made how many annotations."""

    labels: Labels
    people: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed. `added` and `removed` are tag -> classes, `changed` is tag -> (old, new).

    `classes` and `people` are those whose number of images and of annotations is another one.
    """

    added: Labels
    removed: Labels
    changed: Mapping[str, tuple[Sequence[str], Sequence[str]]]
    classes: Mapping[str, Counts]
    people: Mapping[str, Counts]

    def __bool__(self) -> bool:
        """Whether any label changed."""
        return bool(self.added or self.removed or self.changed)

    def as_json(self) -> dict[str, Any]:
        """The command line's JSON object."""
        images = [
            *((tag, None, names) for tag, names in self.added.items()),
            *((tag, names, None) for tag, names in self.removed.items()),
            *((tag, *both) for tag, both in self.changed.items()),
        ]
        return {
            "added": len(self.added),
            "removed": len(self.removed),
            "changed": len(self.changed),
            "classes": _as_json(self.classes),
            "people": _as_json(self.people),
            "images": {tag: {"old": old, "new": new} for tag, old, new in sorted(images)},
        }

    def __str__(self) -> str:
        lines = [f"+ {tag}: {_named(names)}" for tag, names in self.added.items()]
        lines += [f"- {tag}: {_named(names)}" for tag, names in self.removed.items()]
        changed = self.changed.items()
        lines += [f"  {tag}: {_named(old)} -> {_named(new)}" for tag, (old, new) in changed]
        for what, counts in (("images of", self.classes), ("annotations by", self.people)):
            lines += [f"{what} {name}: {old:,} -> {new:,}" for name, (old, new) in counts.items()]
        added, removed = len(self.added), len(self.removed)
        lines.append(f"{added:,} added, {removed:,} removed, {len(self.changed):,} changed")
        return "\n".join(lines)


def difference(old: Labeled, new: Labeled) -> Difference:
    """What changed from `old` to `new`."""
    before, now = old.labels, new.labels
    return Difference(
        added={tag: now[tag] for tag in sorted(now.keys() - before.keys())},
        removed={tag: before[tag] for tag in sorted(before.keys() - now.keys())},
        changed={
            tag: (before[tag], now[tag])
            for tag in sorted(before.keys() & now.keys())
            if set(before[tag]) != set(now[tag])
        },
        classes=_changes(_counts(before), _counts(now)),
        people=_changes(old.people, new.people) if _comparable(old.people, new.people) else {},
    )


def compare_datasets(old: Path, new: Path, workspace: Callable[[], Workspace]) -> Work[Difference]:
    """What changed between two datasets: each a dataset.json, or annotations in a folder or a file.

    Annotations are read as the `workspace` says, which is asked for only then. Raises
    ConfigurationError where one is missing or nothing of the kind, and what `gather` raises.
    """
    before = yield from _read(old, workspace)
    return difference(before, (yield from _read(new, workspace)))


def check_dataset(
    workspace: Workspace, source: Named, dataset: Path, *, rule: Rule | None = None
) -> Work[Difference]:
    """How `dataset` would change if it were written anew. Raises what `gather` raises."""
    yield Progress("read")
    written = Labeled(read_dataset(dataset) or {})
    found = yield from gather(workspace, source, rule, out=dataset)
    return difference(written, Labeled(found.classes()))


def _read(path: Path, workspace: Callable[[], Workspace]) -> Work[Labeled]:
    yield Progress("read")
    if not path.exists():
        raise ConfigurationError(
            f"There is no dataset {path}.",
            next_step="Name a dataset.json, or annotations: a folder, or an export as JSON.",
        )
    if path.is_file() and is_dataset(path):
        return Labeled(read_dataset(path) or {})
    ours, statistics = workspace(), Statistics()
    out = ours.annotations.dataset
    found = yield from gather(ours, path, None, out=out, on_records=statistics.add)
    people = {person.name: person.annotations for person in statistics.people() if person.name}
    return Labeled(found.classes(), people)


def _comparable(old: Mapping[str, int], new: Mapping[str, int]) -> bool:
    """Whether both name people, and alike: an export has a number where a folder has an address."""
    kinds = [{"@" in name for name in people} for people in (old, new)]
    return kinds[0] == kinds[1] and bool(old)


def _counts(labels: Labels) -> Counter[str]:
    return Counter(name for names in labels.values() for name in set(names))


def _changes(old: Mapping[str, int], new: Mapping[str, int]) -> dict[str, Counts]:
    names = sorted(old.keys() | new.keys())
    both = {name: (old.get(name, 0), new.get(name, 0)) for name in names}
    return {name: counts for name, counts in both.items() if counts[0] != counts[1]}


def _as_json(counts: Mapping[str, Counts]) -> dict[str, dict[str, int]]:
    return {name: {"old": old, "new": new} for name, (old, new) in counts.items()}


def _named(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
