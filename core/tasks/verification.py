"""The proof: which images are tasks, each how often, and which tasks have no image any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.studio.records import Task
from core.tags import path_inside


@dataclass(frozen=True, slots=True)
class Proof:
    """The manifest held against the project's tasks.

    `images` is the number of images and `present` of those that are tasks; `missing` are those
    that are not (paths relative to the image folder); `duplicates` counts the tasks that an image
    has beyond its first; `missing_files` counts tasks of this folder whose file is not in the
    manifest; `other_tasks` those of other places.
    """

    images: int
    present: int
    missing: tuple[str, ...]
    duplicates: int
    missing_files: int
    other_tasks: int

    @property
    def complete(self) -> bool:
        """Whether every image is one task and no more."""
        return not self.missing and not self.duplicates


def compare(paths: Iterable[str], tasks: Iterable[Task], folder: Path) -> Proof:
    """Hold image `paths` (relative to `folder`) against a project's `tasks`. Pure."""
    counts = dict.fromkeys(paths, 0)
    gone: Counter[str] = Counter()
    other = 0
    for task in tasks:
        path = path_inside(task.image, folder)
        if path is None:
            other += 1
        elif path in counts:
            counts[path] += 1
        else:
            gone[path] += 1
    missing = tuple(path for path, count in counts.items() if count == 0)
    duplicates = sum(count - 1 for count in [*counts.values(), *gone.values()] if count > 1)
    return Proof(
        images=len(counts),
        present=len(counts) - len(missing),
        missing=missing,
        duplicates=duplicates,
        missing_files=len(gone),
        other_tasks=other,
    )
