"""What has changed on our own server, which sums up its tasks by ranges of their ids.

A range that has another sum than when its tasks were listed is listed anew, and no other. The sums
are asked for before the tasks, so that none is newer than the tasks that are kept with it.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.progress import Progress, Work
from core.studio.models import Mark
from core.studio.project import OpenProject
from core.tasks.index.kept import KeptTasks

# How many ids a range has. Few: where labels are drawn at random from a million tasks, each changes
# another range.
WIDTH = 64
# Of how many ranges the tasks are asked for at once.
_RANGES = 200
# The mark of a range without a task.
_EMPTY = (0, 0)


def look_by_marks(
    opened: OpenProject, kept: KeptTasks, marks: Mapping[int, Mark], stage: str
) -> Work[None]:
    """Take in the ranges whose `marks` are others than those known."""
    known = kept.marks()
    now = {number: marks.get(number, _EMPTY) for number in known.keys() | marks.keys()}
    other = sorted(number for number, mark in now.items() if known.get(number) != mark)
    total = sum(now[number][0] for number in other)
    yield Progress(stage, 0, total, kept.why_empty and f"all are listed: {kept.why_empty}")
    done = 0
    for start in range(0, len(other), _RANGES):
        some = {number: now[number] for number in other[start : start + _RANGES]}
        key = opened.remote.image_key
        tasks = opened.client.tasks_of_ranges(opened.id, key, WIDTH, list(some))
        kept.replace_ranges(WIDTH, some, tasks)
        done += len(tasks)
        yield Progress(stage, done, total)
