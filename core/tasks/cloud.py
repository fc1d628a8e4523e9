"""Images in the cloud storages that a project has already, by Label Studio's own sync.

What lies in a bucket only the server can see. So there is no manifest: the server's word that its
sync is complete counts, and the proof is that no image of the storages is two tasks.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace

from core.buckets import CLOUD_SCHEMES, bucket_url
from core.errors import ConfigurationError, LabelpilotError
from core.progress import Progress, Work
from core.studio.models import Storage, TaskDetail
from core.studio.project import OpenProject
from core.tasks.native import await_end, sync_storage
from core.tasks.options import Mode
from core.tasks.proof import SyncResult
from core.tasks.session import Session, open_session
from core.words import count

# What the index keeps of the last count.
_COUNTED = "in buckets"


@dataclass(frozen=True, slots=True)
class _Found:
    """The tasks of the storages' images: how many images, tasks beyond an image's first, and tasks
    that no sync made; and all tasks of the project."""

    images: int
    duplicates: int
    imported: int
    tasks: int


def has_cloud_storage(opened: OpenProject) -> bool:
    """Whether the images lie in a bucket: the workspace says so, or the project has a storage.

    Raises nothing: a project that cannot be asked has none.
    """
    if opened.workspace.images.bucket is not None:
        return True
    with contextlib.suppress(LabelpilotError):
        return any(one.type in CLOUD_SCHEMES for one in opened.client.source_storages(opened.id))
    return False


def sync_cloud(opened: OpenProject, mode: Mode | None = None) -> Work[SyncResult]:
    """Let Label Studio make a task of each image in the project's cloud storages.

    Raises ConfigurationError for bulk mode and for images that were imported as well, Busy where
    another labelpilot syncs this project, and what Label Studio's sync itself raises.
    """
    began = time.monotonic()
    if mode == "bulk":
        raise ConfigurationError(
            "Images in a cloud storage are synced in native mode.",
            cause="Only the server can see what lies there.",
            next_step="Run `labelpilot sync`.",
        )
    with (
        open_session(opened, of_type=CLOUD_SCHEMES) as session,
        (yield from session.lease()) as lease,
    ):
        cloud = [storage for storage in session.storages if storage.type in CLOUD_SCHEMES]
        if opened.workspace.images.bucket is not None:
            cloud = [session.storage]
        before = yield from _count(session, cloud)
        if before.imported:
            raise ConfigurationError(
                f"An import made tasks of {count(before.imported, 'image')} in the cloud storage.",
                cause="Label Studio's own sync would make each of them a second time.",
                next_step="Remove those tasks, or make a new project.",
            )
        retries = 0
        for storage in cloud:
            one = replace(session, storage=storage)
            yield from await_end(one, before.tasks)
            lease.keep()
            yield Progress("sync", before.tasks, None, f"{storage.type} {storage.path}")
            retries += (yield from sync_storage(one, before.tasks)).retries
        after = yield from _count(session, cloud)
    return SyncResult(
        mode="native",
        images=after.images,
        created=after.images - before.images,
        existing=before.images,
        duplicates=after.duplicates,
        missing_files=0,
        retries=retries,
        seconds=round(time.monotonic() - began, 3),
        complete=not after.duplicates,
    )


def _count(session: Session, cloud: list[Storage]) -> Work[_Found]:
    """Count the tasks of each image in the storages; what was counted last stands as long as the
    tasks are as they were then."""
    yield Progress("look", 0, None, "asking which images are tasks")
    beginnings = [bucket_url(one.type, one.path, one.prefix) for one in cloud if one.source_files]
    of = [[one.id for one in cloud], beginnings]
    with (yield from session.tasks("look")) as known:
        if (former := known.result(_COUNTED, of)) is not None:
            return _Found(**former)
        found = _counted(session.details(), tuple(beginnings))
        known.keep_result(_COUNTED, of, asdict(found))
        return found


def _counted(every: Iterable[TaskDetail], beginnings: tuple[str, ...]) -> _Found:
    counts: Counter[str] = Counter()
    imported = described = tasks = 0
    for task in every:
        tasks += 1
        if task.image.startswith(beginnings):
            counts[task.image] += 1
            imported += not task.linked
        else:
            # A storage may hold tasks as JSON files: several may share an image then.
            described += task.linked
    duplicates = counts.total() - len(counts)
    return _Found(len(counts) + described, duplicates, imported, tasks)
