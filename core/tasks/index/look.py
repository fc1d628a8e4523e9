"""The project's tasks as they are now, of which only those are listed that may have changed.

In the end a sample, drawn at random, must be as it is known; or else every task is listed.
"""

from __future__ import annotations

import sqlite3

from core.progress import Progress, Work
from core.studio.project import OpenProject
from core.tasks.index.by_counts import look_by_counts
from core.tasks.index.by_marks import WIDTH, look_by_marks
from core.tasks.index.kept import KeptTasks

SAMPLE = 50
_WAY = "way"


def look_at_tasks(opened: OpenProject, stage: str = "tasks") -> Work[KeptTasks]:
    """The project's tasks as they are now, to be closed by the caller.

    Raises what the client does; what was seen until then is known the next time.
    """
    try:
        return (yield from _proven(opened, KeptTasks(opened), stage))
    except sqlite3.Error:
        # The disk refuses: nothing is kept.
        return (yield from _proven(opened, KeptTasks(opened, on_disk=False), stage))


def _proven(opened: OpenProject, kept: KeptTasks, stage: str) -> Work[KeptTasks]:
    try:
        yield from _look(opened, kept, stage)
        if not _sample_holds(opened, kept):
            # Somebody may have been at work between the two.
            yield from _look(opened, kept, stage)
            if not _sample_holds(opened, kept):
                kept.forget("a sample of those known has changed without a sign")
                yield from _look(opened, kept, stage)
    except BaseException:
        kept.close()
        raise
    return kept


def _look(opened: OpenProject, kept: KeptTasks, stage: str) -> Work[None]:
    marks = opened.client.task_marks(opened.id, WIDTH)
    way = "counts" if marks is None else "marks"
    if kept.last and kept.fact(_WAY) != way:
        kept.forget("this server is asked in another way now")
    kept.note(_WAY, way)
    if marks is not None:
        yield from look_by_marks(opened, kept, marks, stage)
    else:
        yield from look_by_counts(opened, kept, stage)
        # All may have been forgotten meanwhile.
        kept.note(_WAY, way)
    tasks = kept.count()[0]
    yield Progress(stage, tasks, tasks, _found(kept))


def _sample_holds(opened: OpenProject, kept: KeptTasks) -> bool:
    """Whether some tasks are as they are known."""
    sample = kept.sample(SAMPLE)
    ids = [task.id for task in sample]
    return set(opened.client.tasks_among(opened.id, opened.remote.image_key, ids)) == set(sample)


def _found(kept: KeptTasks) -> str:
    """What has become otherwise, as a sentence; empty where nothing has, or nothing was known."""
    if kept.why_empty:
        return ""
    found = (kept.new, "new"), (kept.changed, "changed"), (kept.gone, "gone")
    words = ", ".join(f"{count:,} {word}" for count, word in found if count)
    return f"tasks since the last look: {words}" if words else ""
