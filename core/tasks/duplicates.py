"""Repair of a project in which images are several tasks: look and show, then remove and prove."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from core.progress import Progress, Work
from core.tasks.lease import take_lease
from core.tasks.modes import fit_storage
from core.tasks.native import await_end
from core.tasks.session import Site, at_site
from core.tasks.surplus import find_surplus, remove_tasks
from core.workspace.settings import Workspace


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
            return f"No image is more than one task ({self.tasks:,} tasks)."
        words = (
            f"{self.doubled:,} images are several tasks ({', '.join(self.examples)}): "
            f"{len(self.remove):,} tasks that nobody worked on would be removed"
        )
        if self.kept:
            words += f"; {self.kept:,} stay, because somebody worked on several tasks of one image"
        if self.shuts_own_sync:
            words += ". The storage would then refuse Label Studio's own sync"
        return words + "."


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
            f"{self.removed:,} tasks removed, {self.tasks:,} left; {self.duplicates:,} duplicates, "
            f"{self.annotations:,} annotations ({self.annotations_before:,} before)"
        )


def plan_repair(workspace: Workspace) -> Work[RepairPlan]:
    """Look which images are several tasks; nothing is changed.

    Raises ConfigurationError where the project is not set up, Busy during a sync.
    """
    with at_site(workspace) as site:
        return (yield from _plan(site))


def repair_project(workspace: Workspace, plan: RepairPlan) -> Work[RepairResult]:
    """Remove the tasks that `plan` names, if they can still go, and prove what is left.

    Raises what `plan_repair` does; tasks that somebody worked on since then stay.
    """
    began = time.monotonic()
    with at_site(workspace) as site:
        lease = yield from take_lease(site.client, site.storage, site.signature)
        try:
            yield from await_end(site.client, site.followed(plan.tasks))
            now = yield from _plan(site)
            before = site.client.annotation_count(site.project_id)
            if now.shuts_own_sync:
                fit_storage(site.client, workspace.images, site.storage, "bulk")
            lease.keep()
            chosen = sorted(frozenset(plan.remove) & frozenset(now.remove))
            yield from remove_tasks(site.client, site.project_id, chosen)
            after = yield from _plan(site)
            annotations = site.client.annotation_count(site.project_id)
        finally:
            lease.release()
    return RepairResult(
        removed=now.tasks - after.tasks,
        duplicates=after.kept + len(after.remove),
        tasks_before=now.tasks,
        tasks=after.tasks,
        annotations_before=before,
        annotations=annotations,
        seconds=round(time.monotonic() - began, 3),
    )


def _plan(site: Site) -> Work[RepairPlan]:
    total = site.client.task_count(site.project_id)
    yield Progress("look", 0, total, "looking for images that are several tasks")
    found = find_surplus(site.details(), site.folder)
    yield Progress("look", total, total)
    return RepairPlan(
        project_id=site.project_id,
        tasks=total,
        doubled=found.doubled,
        remove=found.remove,
        kept=found.kept,
        shuts_own_sync=found.unlinked and site.storage.synchronizable,
        examples=found.examples,
    )
