"""What has changed on a server that is not ours, asked in the ways that each has.

Which tasks are new and which changed since the former look it says itself. For those that are gone,
and for labels that left no trace, tasks and annotations are counted: where their number is another
than is known, the ids are halved until it is found where.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

from core.progress import Progress, Work
from core.studio.listings import TASK_PAGE
from core.studio.models import read_moment
from core.studio.project import OpenProject
from core.tasks.index.kept import KeptTasks

# What was begun to be written before a look may be there only after it.
_OVERLAP = timedelta(seconds=60)
# A part of the ids with no more tasks is listed; where more than so many parts are counted, listing
# all takes no longer.
_FEW = 500
_MOST_COUNTED = 200
_SINCE = "since"


def look_by_counts(opened: OpenProject, kept: KeptTasks, stage: str) -> Work[None]:
    """Take in what has changed."""
    client, project, key = opened.client, opened.id, opened.remote.image_key
    now, since = client.last_change(project), kept.fact(_SINCE)
    if since and (not now or read_moment(now) < read_moment(since)):
        kept.forget("the newest change of a task is older than it was")
        since = None
    if since is None:
        # From the beginning of a listing of all tasks on, for it may be cut off.
        kept.note(_SINCE, now)
    yield from _take_new(opened, kept, stage)
    if since:
        known = kept.last
        changed = client.tasks_changed(project, key, read_moment(since) - _OVERLAP)
        kept.put(task for task in changed if task.id <= known)
    if not (yield from _take_miscounted(opened, kept, stage)):
        kept.forget("the number of tasks or labels has changed in many places")
        yield from _take_new(opened, kept, stage)
    kept.note(_SINCE, now)


def _take_new(opened: OpenProject, kept: KeptTasks, stage: str) -> Work[None]:
    """Take in the tasks with an id above those known."""
    known = kept.count()[0]
    total = max(opened.client.task_count(opened.id), known)
    yield Progress(stage, known, total, kept.why_empty and f"all are listed: {kept.why_empty}")
    tasks = opened.client.tasks(opened.id, opened.remote.image_key, after=kept.last)
    while page := list(islice(tasks, TASK_PAGE)):
        kept.replace(kept.last + 1, page[-1].id, page)
        known += len(page)
        yield Progress(stage, known, max(total, known))


def _take_miscounted(opened: OpenProject, kept: KeptTasks, stage: str) -> Work[bool]:
    """Take in those parts that have another number of tasks or annotations than is known.

    False where they are too many.
    """
    client, project, key = opened.client, opened.id, opened.remote.image_key
    parts, counted = [(1, kept.last)], 0
    while parts:
        first, last = parts.pop()
        known = kept.count(first, last)
        if client.count_between(project, first, last) == known:
            continue
        counted += 1
        if counted > _MOST_COUNTED:
            return False
        if known[0] <= _FEW:
            kept.replace(first, last, client.tasks_between(project, key, first, last))
        else:
            middle = kept.middle(first, last)
            parts += [(first, middle - 1), (middle, last)]
        yield Progress(stage, known[0], None)
    return True
