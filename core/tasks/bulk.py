"""Bulk import: images to tasks in large POSTs, only those that are missing.

A POST is all or nothing on the server, but its answer can get lost: then nobody knows whether the
tasks are there. So after a doubtful answer the tasks are looked for before anything is sent again,
for as long as the server may still be working on it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import StudioUnreachable
from core.progress import Progress, Work
from core.studio.client import StudioClient
from core.studio.server import wait_for_server
from core.studio.transport import NoAnswer
from core.tags import path_inside
from core.tasks.manifest import task_url

# Tasks a POST: begun small, then sized so that a POST takes about `BATCH_SECONDS`: long enough for
# the server's overhead not to count, short enough for progress to be seen and a proxy to wait.
FIRST_BATCH = 500
LARGEST_BATCH = 5000
BATCH_SECONDS = 1.5
READ_SECONDS = 300.0
# After a doubtful answer: how long to look for the tasks before sending them again.
LOOK_SECONDS = 10.0
# How often in a row a batch may fail with nothing having arrived.
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import or a sync did: tasks that came to be, and how often something was retried."""

    created: int
    retries: int


def import_images(
    client: StudioClient,
    project_id: int,
    image_key: str,
    folder: Path,
    document_root: Path,
    paths: Sequence[str],
) -> Work[Outcome]:
    """Create a task for each of `paths` (relative to `folder`), which must have none yet.

    Raises StudioRefused for a batch that is not taken, StudioUnreachable where the server stays
    away. What was created until then stays, and is not sent again by the next run.
    """
    done, retries, failures = 0, 0, 0
    size = FIRST_BATCH
    newest = client.newest_task(project_id)
    while done < len(paths):
        batch = paths[done : done + size]
        data = [{image_key: task_url(folder / path, document_root)} for path in batch]
        began = time.monotonic()
        try:
            newest = max(client.import_tasks(project_id, data, READ_SECONDS))
            arrived = True
        except (NoAnswer, StudioUnreachable) as error:
            retries += 1
            failures += 1
            yield Progress("import", done, len(paths), f"{error.message} {error.cause}")
            if failures >= ATTEMPTS:
                raise
            yield from wait_for_server(client.url, Progress("import", done, len(paths)))
            patience = LOOK_SECONDS if isinstance(error, NoAnswer) else 0.0
            arrived = yield from _look(
                client, project_id, image_key, folder, batch, newest, patience
            )
            note = "looked: it had arrived" if arrived else "looked: it had not arrived, sent again"
            yield Progress("import", done, len(paths), note)
        if arrived:
            took = time.monotonic() - began
            if failures == 0:
                size = max(FIRST_BATCH, min(LARGEST_BATCH, int(len(batch) * BATCH_SECONDS / took)))
            failures = 0
            done += len(batch)
        yield Progress("import", done, len(paths))
    return Outcome(done, retries)


def _look(
    client: StudioClient,
    project_id: int,
    image_key: str,
    folder: Path,
    batch: Sequence[str],
    newest: int,
    patience: float,
) -> Work[bool]:
    """Whether the doubtful `batch` is there, looking for `patience` seconds before saying no."""
    wanted = set(batch)
    began = time.monotonic()
    while True:
        for task in client.tasks_after(project_id, image_key, newest):
            if path_inside(task.image, folder) in wanted:
                return True
        if time.monotonic() - began >= patience:
            return False
        yield Progress("look", 0, None)
        time.sleep(0.5)
