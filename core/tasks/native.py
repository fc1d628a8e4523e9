"""Label Studio's own sync, started and followed.

Without a queue the server scans the folder inside the request, for minutes; a proxy's timeout
strikes long before, and the server goes on. So one thread sends and waits, with no timeout of
ours, while the tasks are counted from here. An answer is not yet success: its `status` is. The
sync goes on from where it ended, so trying again is safe, one sender at a time.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, field

from core.errors import LabelpilotError, StudioRefused, StudioUnreachable
from core.progress import Progress, Work
from core.studio.client import StudioClient
from core.studio.records import Storage
from core.studio.server import wait_for_server
from core.tasks.bulk import Outcome

POLL_SECONDS = 0.5
# A sync that shows no new task for so long, with nobody waiting for its answer, has ended.
QUIET_SECONDS = 30.0
# Attempts in a row that bring no new task before it is given up.
ATTEMPTS = 5
FAILED = ("failed", "completed_with_errors")


@dataclass(slots=True)
class _Sender:
    """The one POST that starts a sync and waits for its end, in a thread that nobody waits for."""

    client: StudioClient
    storage: Storage
    answer: Storage | None = None
    error: LabelpilotError | None = None
    ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True, name="native sync").start()

    def _run(self) -> None:
        try:
            self.answer = self.client.sync_storage(self.storage)
        except LabelpilotError as error:
            self.error = error
        finally:
            self.ended.set()


def sync_storage(
    client: StudioClient, project_id: int, storage: Storage, images: int
) -> Work[Outcome]:
    """Run Label Studio's own sync of `storage` to its end, trying again while it gets on.

    `images` is the number of images expected, for progress. Closing the generator stops our
    waiting; the server goes on with what it was asked. Raises StudioRefused where the server will
    not sync, LabelpilotError where several attempts in a row bring nothing.
    """
    first = count = client.task_count(project_id)
    retries, idle = 0, 0
    while True:
        before = count
        sender = _Sender(client, storage)
        sender.start()
        while not sender.ended.wait(POLL_SECONDS):
            # The server may be too busy to answer: the sender's answer decides.
            with contextlib.suppress(StudioUnreachable):
                count = client.task_count(project_id)
            yield Progress("sync", count, images)
        problem = ""
        if isinstance(sender.error, StudioRefused) and sender.error.status < 500:
            raise sender.error
        if sender.error is not None:
            problem = f"{sender.error.message} {sender.error.cause}"
            yield Progress("sync", count, images, problem)
            yield from wait_for_server(client.url, Progress("sync", count, images))
        status = yield from _settled(client, project_id, storage, sender.answer, images)
        count = client.task_count(project_id)
        if status.status == "completed":
            yield Progress("sync", count, images)
            return Outcome(count - first, retries)
        problem = _last_line(status.problem) or problem or f"status {status.status}"
        idle = idle + 1 if count == before else 0
        if idle >= ATTEMPTS:
            raise LabelpilotError(
                f"Label Studio's sync brought nothing new in {ATTEMPTS} attempts.",
                cause=problem,
                next_step="Look at the server's log, and run the sync again: it goes on from "
                "where it stopped.",
            )
        retries += 1
        yield Progress("sync", count, images, f"{problem}; goes on from {count:,}")
        time.sleep(min(2.0, 0.2 * 2**idle))


def _settled(
    client: StudioClient,
    project_id: int,
    storage: Storage,
    answer: Storage | None,
    images: int,
) -> Work[Storage]:
    """The storage once its sync has ended.

    A server with a queue answers at once and works on; one whose answer got lost works on as well.
    A sync that says `in_progress` but shows no new task for long was killed with its server.
    """
    status = answer if answer is not None else client.storage(storage)
    count, moved = -1, time.monotonic()
    while status.status in ("queued", "in_progress"):
        now = client.task_count(project_id)
        if now != count:
            count, moved = now, time.monotonic()
        if time.monotonic() - moved > QUIET_SECONDS:
            # The list view turns a sync without a sign of life to `failed`, so that it can start
            # again.
            client.source_storages(project_id)
            return client.storage(storage)
        yield Progress("sync", now, images)
        time.sleep(POLL_SECONDS)
        status = client.storage(storage)
    return status


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
