"""The target storage's folder, written anew by Label Studio: what it lacks comes back.

Label Studio swallows its own write errors and calls such a sync completed, so that its answer
proves nothing: the folder has to be read again. Nothing here removes or writes a file.
"""

from __future__ import annotations

import time

from core.errors import ConfigurationError, LabelpilotError
from core.progress import Progress, Work
from core.studio.client import StudioClient
from core.studio.long_request import LongRequest, Silence
from core.studio.models import Storage
from core.studio.project import OpenProject, find_target_storage
from core.studio.transport import NoAnswer
from core.words import count
from core.workspace.consents import may_write

HEARTBEAT = 0.5
# Label Studio tells every 5 s how far it is; after so long without a word it is taken to have died.
SILENCE = 60.0
BUSY = ("queued", "in_progress")


def rewrite_folder(opened: OpenProject) -> Work[None]:
    """Have Label Studio write every annotation of the project to the workspace's folder anew.

    Closing the generator stops our waiting; the server goes on. Raises ConfigurationError where the
    project has no target storage for that folder, LabelpilotError where Label Studio gives up, and
    StudioRefused and StudioUnreachable.
    """
    client, workspace = opened.client, opened.workspace
    may_write(workspace, workspace.annotations.path)
    storage = find_target_storage(opened)
    if storage is None:
        folder = workspace.relative(workspace.annotations.path)
        raise ConfigurationError(
            f"The project has no target storage for {folder}.",
            next_step="Run `labelpilot setup`, which makes it.",
        )
    total = sum(1 for _ in client.annotation_ids(opened.id))
    yield Progress("rewrite", 0, total, f"Label Studio writes {count(total, 'annotation')} again")
    after = yield from _synced(client, storage, total)
    if after.status != "completed":
        raise LabelpilotError(
            "Label Studio did not write all annotations.",
            cause=after.problem.strip().rpartition("\n")[2] or f"Its status is {after.status}.",
            next_step="Look at its log, and try again: `labelpilot export --rewrite`.",
        )
    yield Progress("rewrite", total, total)


def refresh_folder(opened: OpenProject) -> Work[None]:
    """As `rewrite_folder`, where the project writes to a folder and there is something to write."""
    if find_target_storage(opened) is not None and opened.client.answer_count(opened.id):
        yield from rewrite_folder(opened)


def _synced(client: StudioClient, storage: Storage, total: int) -> Work[Storage]:
    """The storage after its sync, which may go on when its request has ended: behind a proxy."""
    request = LongRequest(lambda: client.sync_storage(storage))
    silence = Silence()
    while True:
        answered = request.ended(within=HEARTBEAT)
        seen = client.storage(storage)
        at_work = seen.status in BUSY
        # The answer may be lost on its way.
        if seen.runs > storage.runs and not at_work:
            break
        busy = at_work and silence.seconds(seen) < SILENCE
        if answered and not busy:
            break
        yield Progress("rewrite", min(seen.last_sync_count, total) if busy else 0, total)
        if answered:
            time.sleep(HEARTBEAT)
    if (error := request.error) and (seen.runs == storage.runs or not isinstance(error, NoAnswer)):
        raise error
    return client.storage(storage)
