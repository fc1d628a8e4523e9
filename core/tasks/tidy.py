"""Tasks whose image is gone: counted, and removed if somebody says so and nobody worked on them.

Gone is what the disk says is not there: a file that the pattern leaves out, or that cannot be
looked at, is not. A task that is labeled stays always, and so does one whose image may only have
moved.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from core.errors import ConfigurationError
from core.progress import Progress, Work
from core.studio.project import OpenProject
from core.tasks.duplicates import remove_tasks
from core.tasks.kept_manifest import look_at_images
from core.tasks.manifest import Manifest
from core.tasks.modes import served_root
from core.tasks.moves import find_moves
from core.tasks.native import await_end
from core.tasks.session import Session, open_session
from core.words import count

_NAMED = 5


@dataclass(frozen=True, slots=True)
class TidyPlan:
    """What tidying would do to a project.

    The image of `gone` tasks is gone; `labeled` of them stay, because somebody worked on them, and
    the tasks `remove` can go. `moved` more follow their images at the next sync, or may be one of
    several. `examples` are images that are gone.
    """

    project_id: int
    tasks: int
    gone: int
    labeled: int
    moved: int
    remove: tuple[int, ...]
    examples: tuple[str, ...]

    @property
    def to_do(self) -> bool:
        """Whether tidying would change anything."""
        return bool(self.remove)

    def as_json(self) -> dict[str, object]:
        """The object that it prints with `--json` where it only shows what it would do."""
        return {"gone": self.gone, "labeled": self.labeled, "removed": 0, "moved": self.moved}

    def __str__(self) -> str:
        text = f"No task is without its image ({count(self.tasks, 'task')})."
        if self.gone:
            text = (
                f"The image of {count(self.gone, 'task')} is gone ({', '.join(self.examples)}): "
                f"{len(self.remove):,} that nobody worked on would be removed"
            )
            text += f"; {_stay(self.labeled)}, because somebody did." if self.labeled else "."
        if self.moved:
            text += f" Images that have moved: {self.moved:,} more; sync first."
        return text


@dataclass(frozen=True, slots=True)
class TidyResult:
    """What tidying did and what it proved: the tasks and annotations before and after it."""

    gone: int
    labeled: int
    removed: int
    tasks_before: int
    tasks: int
    annotations_before: int
    annotations: int
    seconds: float

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot tidy --json --yes` prints."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{count(self.removed, 'task')} without their image removed, {self.tasks:,} left; "
            f"somebody worked on others: {_stay(self.labeled)}; "
            f"{count(self.annotations, 'annotation')} ({self.annotations_before:,} before)"
        )


def _stay(tasks: int) -> str:
    return "none stays" if not tasks else f"{tasks:,} {'stays' if tasks == 1 else 'stay'}"


def plan_tidy(opened: OpenProject) -> Work[TidyPlan]:
    """Look which tasks have lost their image; nothing is changed.

    Raises ConfigurationError where the project is not set up or there is no image at all, and Busy
    during a sync.
    """
    manifest = yield from look_at_images(opened.workspace)
    with open_session(opened) as session:
        return (yield from _plan(session, manifest))


def tidy_project(opened: OpenProject, plan: TidyPlan) -> Work[TidyResult]:
    """Remove the tasks that `plan` names, if they can still go, and prove what is left.

    Raises what `plan_tidy` does; tasks that somebody worked on since then stay.
    """
    began = time.monotonic()
    manifest = yield from look_at_images(opened.workspace)
    with open_session(opened) as session, (yield from session.lease()) as lease:
        client, project_id = session.client, session.project_id
        yield from await_end(session, plan.tasks)
        now = yield from _plan(session, manifest)
        before = client.answer_count(project_id)
        lease.keep()
        yield from remove_tasks(session, sorted(frozenset(plan.remove) & frozenset(now.remove)))
        after = yield from _plan(session, manifest)
        annotations = client.answer_count(project_id)
    return TidyResult(
        gone=now.gone,
        labeled=after.labeled,
        removed=now.tasks - after.tasks,
        tasks_before=now.tasks,
        tasks=after.tasks,
        annotations_before=before,
        annotations=annotations,
        seconds=round(time.monotonic() - began, 3),
    )


def _plan(session: Session, manifest: Manifest) -> Work[TidyPlan]:
    yield Progress("look", 0, None, "looking for tasks without their image")
    try:
        root = served_root(session)
    except ConfigurationError:
        root = None
    with (yield from session.tasks("look")) as known:
        total = known.count()[0]
        moves = find_moves(known.tasks(), manifest, root)
    gone = list(session.details(moves.gone))
    yield Progress("look", total, total)
    return TidyPlan(
        project_id=session.project_id,
        tasks=total,
        gone=len(gone),
        labeled=sum(task.touched for task in gone),
        moved=len(moves.found) + len(moves.doubtful),
        remove=tuple(task.id for task in gone if not task.touched),
        examples=tuple(task.image.rpartition("/")[2] for task in gone[:_NAMED]),
    )
