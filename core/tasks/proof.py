"""The proof: which images are tasks, each how often, and which tasks have no image any more.

And what a sync says in the end: what it did, and what of it is proven.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from core.images import LOCAL_FILES, ImagePaths, is_local_file, served_path, url_maker
from core.progress import Progress, Work
from core.studio.models import Task
from core.tasks.index.kept import KeptTasks
from core.tasks.manifest import Manifest
from core.tasks.options import Mode
from core.words import count

_TASKS_AN_EVENT = 20_000
_PROOF = "proof"


@dataclass(frozen=True, slots=True)
class Proof:
    """The manifest held against the project's tasks.

    `images` is the number of images and `present` of those that are tasks; `missing` are those
    that are not (paths relative to the image folder); `duplicates` counts the tasks that an image
    has beyond its first; `missing_files` counts files of this folder that are tasks and not in the
    manifest; `own_tasks` are the tasks of this folder, `other_tasks` those of other places.
    `strays` counts the tasks of local files that are no image of the manifest, `stale` those that
    are one and that the server would look for in another place.
    """

    images: int
    present: int
    missing: tuple[str, ...]
    duplicates: int
    missing_files: int
    own_tasks: int
    other_tasks: int
    strays: int = 0
    stale: int = 0

    @property
    def may_have_moved(self) -> bool:
        """Whether tasks may belong to images that have moved."""
        return bool(self.stale or (self.strays and self.missing))

    @property
    def complete(self) -> bool:
        """Whether every image is one task and no more."""
        return not self.missing and not self.duplicates

    @property
    def tasks(self) -> int:
        """All tasks of the project."""
        return self.own_tasks + self.other_tasks

    def with_all_created(self) -> Proof:
        """The proof once each missing image has been made one task, and nothing else happened."""
        return replace(
            self,
            present=self.images,
            missing=(),
            own_tasks=self.own_tasks + len(self.missing),
        )


class Comparison:
    """Image paths held against tasks that are added one by one.

    `root` is the folder to which the server's file URLs are relative, where that is known.
    """

    def __init__(self, paths: Iterable[str], folder: Path, root: Path | None = None) -> None:
        self._paths = ImagePaths(folder)
        self._counts = dict.fromkeys(paths, 0)
        self._gone: Counter[str] = Counter()
        self._other = self._strays = self._stale = 0
        self._place = f"{folder.relative_to(root)}/" if root is not None else ""
        self._begins = url_maker(folder, root)("") if root is not None else LOCAL_FILES

    def add(self, task: Task) -> None:
        path = self._paths.inside(task.image)
        if path in self._counts:
            self._counts[path] += 1
            self._stale += not task.image.startswith(self._begins) and self._is_stale(task.image)
        elif path is None:
            self._other += 1
            self._strays += is_local_file(task.image)
        else:
            self._gone[path] += 1
            self._strays += 1

    def _is_stale(self, url: str) -> bool:
        """Whether the server would look for an image of this folder in another place."""
        return is_local_file(url) and not served_path(url).startswith(self._place)

    def proof(self) -> Proof:
        """What the tasks added so far prove."""
        counts, gone = self._counts, self._gone
        missing = tuple(path for path, count in counts.items() if count == 0)
        here = sum(counts.values())
        return Proof(
            images=len(counts),
            present=len(counts) - len(missing),
            missing=missing,
            duplicates=here - (len(counts) - len(missing)) + sum(gone.values()) - len(gone),
            missing_files=len(gone),
            own_tasks=here + sum(gone.values()),
            other_tasks=self._other,
            strays=self._strays,
            stale=self._stale,
        )


def compare(
    paths: Iterable[str], tasks: Iterable[Task], folder: Path, root: Path | None = None
) -> Proof:
    """Hold image `paths` (relative to `folder`) against a project's `tasks`. Pure."""
    comparison = Comparison(paths, folder, root)
    for task in tasks:
        comparison.add(task)
    return comparison.proof()


def prove(tasks: KeptTasks, manifest: Manifest, root: Path | None, stage: str) -> Work[Proof]:
    """Hold the manifest against the project's tasks; where both are as they were when that was done
    last, its proof stands. `root` is as in `Comparison`."""
    of = [manifest.digest, str(manifest.folder), str(root)]
    if (former := tasks.result(_PROOF, of)) is not None:
        return Proof(**{**former, "missing": ()})
    comparison = Comparison(manifest.paths, manifest.folder, root)
    total = tasks.count()[0]
    for number, task in enumerate(tasks.tasks(), start=1):
        comparison.add(task)
        if number % _TASKS_AN_EVENT == 0:
            yield Progress(stage, number, total)
    proof = comparison.proof()
    if not proof.missing:
        tasks.keep_result(_PROOF, of, asdict(proof))
    return proof


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import or a sync did: tasks that came to be, and how often something was retried.

    `newest` is the id of the last task where every task is accounted for: each POST answered, and
    their ids one after the other, with nobody else's in between. It is None otherwise.
    """

    created: int
    retries: int
    newest: int | None = None


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a sync did and what it proved. Durations are in seconds.

    `missing_files` counts the tasks whose file is gone; `moved` those that follow an image which
    has moved, and `doubtful` those that may be one of several. `remarks` are sentences on what of
    the images would make trouble later.
    """

    mode: Mode
    images: int
    created: int
    existing: int
    duplicates: int
    missing_files: int
    retries: int
    seconds: float
    complete: bool
    moved: int = 0
    doubtful: int = 0
    remarks: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot sync --json` prints."""
        return asdict(self)

    def __str__(self) -> str:
        tasks = self.existing + self.created
        gone = (
            f"{count(self.missing_files, 'task')} without their image, "
            if self.missing_files
            else ""
        )
        moved = f"{self.moved:,} follow an image that has moved, " if self.moved else ""
        doubtful = f"{self.doubtful:,} may be one of several images, " if self.doubtful else ""
        return (
            f"{min(tasks, self.images):,} of {self.images:,} images are tasks, "
            f"{count(self.duplicates, 'duplicate')}, {moved}{gone}{doubtful}"
            f"{count(self.retries, 'retry', 'retries')}, {self.seconds:.0f} s"
        )
