"""Label Studio's own sync, started and followed.

Without a queue the server scans the folder inside the request, for minutes; a proxy's timeout
strikes long before, and the server goes on. So one thread sends and waits, with no timeout of
ours, while the tasks are counted and the storage is looked at from here. An answer is not yet
success: the storage's status is. The sync goes on from where it ended, so trying again is safe, but
only once the former one has ended: two at once make every task twice.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone

from core.errors import LabelpilotError, StudioRefused, StudioUnreachable
from core.progress import Progress, Work
from core.studio.long_request import LongRequest, Silence
from core.studio.models import Storage
from core.studio.transport import NoAnswer, Postponed
from core.studio.waiting import Patience, pause, wait_for_server
from core.tasks import limits
from core.tasks.proof import Outcome
from core.tasks.session import Session


def sync_storage(session: Session, expected: int) -> Work[Outcome]:
    """Run Label Studio's own sync of the storage to its end, trying again while it gets on.

    `expected` is the number of tasks that the project will have. Nobody else may be syncing: see
    `await_end`. Closing the generator stops our waiting; the server goes on with what it was asked.
    Raises StudioRefused where the server will not sync, StudioUnreachable where it stays away,
    LabelpilotError where several attempts in a row bring nothing.
    """
    client = session.client
    at_start = count = client.task_count(session.project_id)
    retries, idle, refused = 0, 0, 0.0
    while True:
        before, runs = count, client.storage(session.storage).runs
        problem = yield from _attempt(session, expected, runs)
        storage = yield from await_end(session, expected, began_after=runs if problem else None)
        count = client.task_count(session.project_id)
        if storage.status == "completed" and storage.runs > runs:
            yield Progress("sync", count, expected)
            return Outcome(count - at_start, retries)
        if storage.runs > runs:
            problem = _last_line(storage.problem) or problem or f"status {storage.status}"
        elif not problem:
            # On PostgreSQL the server starts nothing while it takes a dead sync for living.
            problem = "Label Studio believes that the former sync still runs"
            note = "" if refused else f"{problem}; it will notice"
            refused = refused or time.monotonic()
            if time.monotonic() - refused < limits.REFUSED_SECONDS:
                yield from pause(1.0, Progress("sync", count, expected, note))
                continue
        idle = idle + 1 if count <= before else 0
        if idle >= limits.ATTEMPTS:
            raise LabelpilotError(
                f"Label Studio's sync brought nothing new in {limits.ATTEMPTS} attempts.",
                cause=problem,
                next_step="Look at the server's log, and run the sync again: it goes on from "
                "where it stopped.",
            )
        retries += 1
        note = f"{problem}; goes on from {count:,}"
        yield Progress("sync", count, expected, note, retries)
        time.sleep(min(2.0, 0.2 * 2**idle))


def await_end(session: Session, expected: int, *, began_after: int | None = None) -> Work[Storage]:
    """The storage once no sync of it is running, whoever started it.

    A server with a queue answers at once and works on; one whose answer got lost works on as well.
    The status alone tells too little: a killed server leaves `in_progress` for ever, and a sync
    that has not shown itself for 25 s is listed as `failed` while it goes on. So a sync has ended
    when it says so itself, or when neither its tasks nor its status move for long. Where a request
    got lost, `began_after` is the number of syncs before it: it is given time to begin.
    Raises StudioUnreachable where the server stays away, or is there and tells nothing.
    """
    client = session.client
    quiet, began, patience = Silence(), time.monotonic(), Patience(client.url, limits.ATTEMPTS)
    while True:
        try:
            storage = client.storage(session.storage)
            count = client.task_count(session.project_id)
        except StudioUnreachable as error:
            yield from patience.wait(error, Progress("sync", 0, expected))
            continue
        patience.failures = 0
        late = began_after is not None and storage.runs <= began_after
        if not storage.running and not (late and time.monotonic() - began < limits.BEGIN_SECONDS):
            return storage
        silence = quiet.seconds(_sign(storage, count))
        if storage.running and (_long_dead(session, storage) or silence > _quiet_limit(expected)):
            # A queue starts nothing for a storage that is at work; listing it ends that.
            client.source_storages(session.project_id)
            return client.storage(storage)
        yield Progress("sync", count, expected)
        time.sleep(limits.COUNT_SECONDS)


def _attempt(session: Session, expected: int, runs: int) -> Work[str]:
    """Start a sync and wait for its answer, or for its end if no answer comes.

    Returns what went wrong with the request, as words; how the sync went says the storage. `runs`
    is the number of syncs before it.
    """
    request = LongRequest(lambda: session.client.sync_storage(session.storage))
    lost, count = yield from _watch(session, expected, runs, request)
    error = request.error
    if lost or error is None:
        return lost
    if isinstance(error, Postponed):
        note = f"Label Studio asks to wait {error.wait:.0f} s"
        yield from pause(error.wait, Progress("sync", count, expected, note))
        return note
    if isinstance(error, StudioRefused) and not isinstance(error, NoAnswer):
        raise error
    problem = error.in_short
    yield Progress("sync", count, expected, problem)
    yield from wait_for_server(session.client.url, Progress("sync", count, expected))
    return problem


def _watch(
    session: Session, expected: int, runs: int, request: LongRequest
) -> Work[tuple[str, int]]:
    """Follow a sync until its `request` has ended, and return ""; or why it never will.

    The other value is the number of tasks seen last.
    """
    client, limit = session.client, _quiet_limit(expected)
    quiet, count = Silence(), 0
    looked = answered = time.monotonic()
    while not request.ended(within=limits.COUNT_SECONDS):
        try:
            count = client.task_count(session.project_id)
            if time.monotonic() - looked > limits.LOOK_SECONDS:
                looked = time.monotonic()
                storage = client.storage(session.storage)
                silence = quiet.seconds(_sign(storage, count))
                if storage.runs <= runs:
                    if silence > limit:
                        return "the request got lost", count
                elif not storage.running:
                    return "the answer got lost", count
                elif silence > limits.HANG * limit or _long_dead(session, storage):
                    return "no answer and no sign of life", count
            answered = time.monotonic()
        except StudioUnreachable as error:
            # It may be too busy to answer for a while: then its answer to the sync decides.
            if time.monotonic() - answered > limits.HANG * limit:
                return error.message, count
        yield Progress("sync", count, expected)
    return "", count


def _quiet_limit(expected: int) -> float:
    """Seconds without a sign of life after which a sync has ended, or never began."""
    return limits.QUIET_SECONDS + expected / limits.QUIET_IMAGES


def _sign(storage: Storage, count: int) -> tuple[object, ...]:
    """What changes while a sync is alive."""
    return count, storage.shown, storage.status, storage.runs


def _long_dead(session: Session, storage: Storage) -> bool:
    """Whether the sync last showed itself before our server began, or very long ago."""
    try:
        shown = datetime.fromisoformat(storage.shown)
    except ValueError:
        return False
    if shown.tzinfo is None:
        shown = shown.replace(tzinfo=timezone.utc)
    return shown.timestamp() < max(session.server_began(), time.time() - limits.DEAD_SECONDS)


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
