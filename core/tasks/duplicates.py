"""Duplicates: the tasks that an image has beyond the one it needs, and their removal.

Only tasks that nobody annotated, skipped or began are ever removed, and Label Studio is made to
look at that once more in the moment of removing. Label Studio's own action for it is not used: it
was seen to remove the wrong ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from core.images import ImagePaths
from core.progress import Progress, Work
from core.studio.models import TaskDetail
from core.studio.project import OpenProject
from core.tasks.modes import fit_storage
from core.tasks.native import await_end
from core.tasks.session import Session, open_session
from core.words import count

# Tasks removed by one request: few, so that a label that is submitted meanwhile waits for moments,
# and on a server that is not ours little lies between the look at a task and its removal.
BATCH = 50
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Duplicates:
    """The tasks that an image has beyond the one it needs.

    `doubled` counts the images with several tasks; `remove` are the ids of those that can go;
    `kept` counts the tasks beyond an image's first that stay, because somebody worked on more than
    one. `unlinked` says whether an image would be left with no task that its storage made: Label
    Studio's own sync would then make it again. `examples` names some of the images.
    """

    doubled: int
    remove: tuple[int, ...]
    kept: int
    unlinked: bool
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RepairPlan:
    """What a repair would do to a project.

    `doubled` images are several tasks; the tasks `remove` can go, `kept` tasks beyond an image's
    first stay, because somebody worked on more than one of them. `shuts_own_sync` says that the
    storage must refuse Label Studio's own sync afterwards, which would double images again.
    `examples` are paths of doubled images.
    """

    project_id: int
    tasks: int
    doubled: int
    remove: tuple[int, ...]
    kept: int
    shuts_own_sync: bool
    examples: tuple[str, ...]

    @property
    def to_do(self) -> bool:
        """Whether a repair would change anything."""
        return bool(self.remove) or self.shuts_own_sync

    def as_json(self) -> dict[str, object]:
        """The object that a repair prints with `--json` where it only shows what it would do."""
        return asdict(self)

    def __str__(self) -> str:
        if not self.doubled:
            return f"No image is more than one task ({count(self.tasks, 'task')})."
        text = (
            f"{count(self.doubled, 'image')} {'is' if self.doubled == 1 else 'are'} several tasks "
            f"({', '.join(self.examples)}): "
            f"{count(len(self.remove), 'task')} that nobody worked on would be removed"
        )
        if self.kept:
            kept = count(self.kept, "task")
            text += f"; {kept} kept, as somebody worked on several tasks of one image"
        if self.shuts_own_sync:
            text += ". The storage would then refuse Label Studio's own sync"
        if self.remove:
            text += ". Nobody should label meanwhile"
        return text + "."


@dataclass(frozen=True, slots=True)
class RepairResult:
    """What a repair did and what it proved: the tasks and annotations before and after it.

    `duplicates` counts the tasks that images still have beyond their first.
    """

    removed: int
    duplicates: int
    tasks_before: int
    tasks: int
    annotations_before: int
    annotations: int
    seconds: float

    def as_json(self) -> dict[str, object]:
        """The object that a repair with `--json` prints."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{count(self.removed, 'task')} removed, {self.tasks:,} left; "
            f"{count(self.duplicates, 'duplicate')}, "
            f"{count(self.annotations, 'annotation')} ({self.annotations_before:,} before)"
        )


def plan_repair(opened: OpenProject) -> Work[RepairPlan]:
    """Look which images are several tasks; nothing is changed.

    Raises ConfigurationError where the project is not set up, Busy during a sync.
    """
    with open_session(opened) as session:
        return (yield from _plan(session))


def repair_project(opened: OpenProject, plan: RepairPlan) -> Work[RepairResult]:
    """Remove the tasks that `plan` names, if they can still go, and prove what is left.

    Raises what `plan_repair` does; tasks that somebody worked on since then stay.
    """
    began = time.monotonic()
    with open_session(opened) as session, (yield from session.lease()) as lease:
        client, project_id = session.client, session.project_id
        yield from await_end(session, plan.tasks)
        now = yield from _plan(session)
        before = client.annotation_count(project_id)
        if now.shuts_own_sync:
            fit_storage(session, "bulk")
        lease.keep()
        chosen = sorted(frozenset(plan.remove) & frozenset(now.remove))
        yield from remove_tasks(session, chosen)
        after = yield from _plan(session)
        annotations = client.annotation_count(project_id)
    return RepairResult(
        removed=now.tasks - after.tasks,
        duplicates=after.kept + len(after.remove),
        tasks_before=now.tasks,
        tasks=after.tasks,
        annotations_before=before,
        annotations=annotations,
        seconds=round(time.monotonic() - began, 3),
    )


def look_for_duplicates(session: Session, after: int = 0) -> Work[Duplicates]:
    """Choose which of the project's tasks of one image stay, as `find_duplicates` does."""
    paths, firsts, several = ImagePaths(session.folder), dict[str, int](), set[int]()
    with (yield from session.tasks("look")) as known:
        for task in known.tasks():
            path = paths.inside(task.image)
            if path is not None and firsts.setdefault(path, task.id) != task.id:
                several |= {firsts[path], task.id}
    return find_duplicates(session.details(sorted(several)), session.folder, after)


def find_duplicates(tasks: Iterable[TaskDetail], folder: Path, after: int = 0) -> Duplicates:
    """Choose which tasks of an image stay. Pure.

    All that somebody worked on stay; where there is none, the one that a storage made, or else the
    oldest. Only tasks with an id above `after` are chosen to go.
    """
    seen: dict[str, TaskDetail] = {}
    several: dict[str, list[TaskDetail]] = {}
    paths = ImagePaths(folder)
    for task in tasks:
        path = paths.inside(task.image)
        if path is None:
            continue
        if path in several:
            several[path].append(task)
        elif path in seen:
            several[path] = [seen[path], task]
        else:
            seen[path] = task
    remove: list[int] = []
    kept, unlinked = 0, False
    for copies in several.values():
        stay = [task for task in copies if task.touched] or [
            min(copies, key=lambda task: (not task.linked, task.id))
        ]
        stay += [task for task in copies if task not in stay and task.id <= after]
        gone = [task for task in copies if task not in stay]
        remove += [task.id for task in gone]
        kept += len(stay) - 1
        unlinked = unlinked or not any(task.linked for task in stay)
    return Duplicates(len(several), tuple(sorted(remove)), kept, unlinked, tuple(several)[:_NAMED])


def remove_tasks(session: Session, ids: Iterable[int]) -> Work[None]:
    """Remove the tasks `ids`, but for those that somebody has worked on by then."""
    wanted = list(ids)
    for start in range(0, len(wanted), BATCH):
        yield Progress("remove", start, len(wanted))
        session.client.delete_untouched(session.project_id, wanted[start : start + BATCH])
    yield Progress("remove", len(wanted), len(wanted))


def _plan(session: Session) -> Work[RepairPlan]:
    total = session.client.task_count(session.project_id)
    yield Progress("look", 0, total, "looking for images that are several tasks")
    found = yield from look_for_duplicates(session)
    yield Progress("look", total, total)
    return RepairPlan(
        project_id=session.project_id,
        tasks=total,
        doubled=found.doubled,
        remove=found.remove,
        kept=found.kept,
        shuts_own_sync=found.unlinked and session.storage.synchronizable,
        examples=found.examples,
    )
