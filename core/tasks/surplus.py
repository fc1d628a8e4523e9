"""The tasks that an image has beyond the one it needs, and their removal.

Only tasks that nobody annotated, skipped or began are ever removed, and Label Studio is made to
look at that once more in the moment of removing. Label Studio's own action for it is not used: it
was seen to remove the wrong ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.images import path_inside
from core.progress import Progress, Work
from core.studio.client import StudioClient
from core.studio.models import TaskDetail

# Tasks removed by one request.
BATCH = 1000
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Surplus:
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


def find_surplus(tasks: Iterable[TaskDetail], folder: Path, after: int = 0) -> Surplus:
    """Choose which tasks of an image stay. Pure.

    All that somebody worked on stay; where there is none, the one that a storage made, or else the
    oldest. Only tasks with an id above `after` are chosen to go.
    """
    first: dict[str, TaskDetail] = {}
    several: dict[str, list[TaskDetail]] = {}
    for task in tasks:
        path = path_inside(task.image, folder)
        if path is None:
            continue
        if path in several:
            several[path].append(task)
        elif path in first:
            several[path] = [first[path], task]
        else:
            first[path] = task
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
    return Surplus(len(several), tuple(sorted(remove)), kept, unlinked, tuple(several)[:_NAMED])


def remove_tasks(client: StudioClient, project_id: int, ids: Iterable[int]) -> Work[None]:
    """Remove the tasks `ids`, but for those that somebody has worked on by then."""
    wanted = list(ids)
    for start in range(0, len(wanted), BATCH):
        yield Progress("remove", start, len(wanted))
        client.delete_untouched(project_id, wanted[start : start + BATCH])
    yield Progress("remove", len(wanted), len(wanted))
