"""Bulk import: images to tasks in large POSTs, only those that are missing.

A POST is all or nothing on the server, but its answer can get lost: then nobody knows whether the
tasks are there, or will be. So after a doubtful answer the tasks are looked for before anything is
sent again, and the journal keeps in mind that they may still come.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import PartlyDone, StudioRefused, StudioUnreachable
from core.images import ImagePaths, url_maker
from core.progress import Progress, Work
from core.studio.transport import NoAnswer, Postponed
from core.studio.waiting import pause, wait_for_server
from core.tasks import limits
from core.tasks.journal import OpenImport, write_journal
from core.tasks.lease import Lease
from core.tasks.proof import Outcome
from core.tasks.session import Session


@dataclass(slots=True)
class _State:
    """How far an import has come. `doubt` is set while the batch sent last may have arrived."""

    entry: OpenImport
    size: int
    done: int = 0
    retries: int = 0
    failures: int = 0
    postponed: int = 0
    doubt: bool = False
    accounted: bool = True


def import_images(
    session: Session, root: Path, lease: Lease, entry: OpenImport, paths: Sequence[str]
) -> Work[Outcome]:
    """Create a task for each of `paths` (relative to the folder), which must have none yet.

    The server's file URLs are relative to `root`; `entry` says from which task on the project's
    tasks are this import's. Raises StudioRefused for a batch that is not taken, StudioUnreachable
    or PartlyDone where the server stays away, Busy where another labelpilot syncs. What was created
    until then stays, and is not sent again by the next run.
    """
    state, url = _State(entry, limits.FIRST_BATCH), url_maker(session.folder, root)
    batch: Sequence[str] = ()
    while state.done < len(paths):
        if not state.doubt:
            batch = paths[state.done : state.done + state.size]
        try:
            # After a doubtful answer: a write that gets through tells that the server has caught
            # up with itself.
            lease.keep(write=state.doubt)
            if state.doubt:
                arrived = yield from _has_arrived(session, batch, state)
                found = "it had arrived" if arrived else "it had not arrived, sent again"
                yield Progress("import", state.done, len(paths), f"looked: {found}")
            else:
                arrived = False
            if not arrived:
                _send(session, [url(path) for path in batch], state)
        except Postponed as busy:
            state.postponed += 1
            if state.postponed > limits.POSTPONEMENTS:
                raise
            state.retries += 1
            note = f"Label Studio asks to wait {busy.wait:.0f} s"
            event = Progress("import", state.done, len(paths), note, state.retries)
            yield from pause(busy.wait, event)
            continue
        except StudioUnreachable as error:
            state.retries += 1
            state.failures += 1
            yield Progress("import", state.done, len(paths), error.in_short, state.retries)
            if state.failures >= limits.ATTEMPTS:
                raise _given_up(error, state.done, len(paths)) from None
            try:
                yield from wait_for_server(
                    session.client.url, Progress("import", state.done, len(paths))
                )
            except StudioUnreachable as gone:
                raise _given_up(gone, state.done, len(paths)) from None
            continue
        except StudioRefused as error:
            # A proxy may take smaller requests only.
            if error.status != 413 or len(batch) == 1:
                raise
            state.size = len(batch) // 2
            yield Progress("import", state.done, len(paths), f"{error.cause}: sending less at once")
            continue
        state.doubt = False
        state.failures = state.postponed = 0
        state.done += len(batch)
        yield Progress("import", state.done, len(paths))
    return Outcome(state.done, state.retries, state.entry.newest if state.accounted else None)


def _send(session: Session, urls: Sequence[str], state: _State) -> None:
    """Make a task of each of `urls`, and note what its answer says. Raises what the client does."""
    if state.doubt:
        state.entry = replace(state.entry, doubtful=True)
        state.doubt = False
    state.entry = replace(state.entry, sent=time.time())
    write_journal(session.journal, state.entry)
    data = [{session.image_key: url} for url in urls]
    began = time.monotonic()
    try:
        ids = session.client.import_tasks(session.project_id, data, limits.ANSWER_SECONDS)
    except NoAnswer:
        state.doubt = True
        state.accounted = False
        raise
    took = time.monotonic() - began
    start = ids[0] if state.done == 0 else state.entry.newest + 1
    state.accounted = state.accounted and ids == list(range(start, start + len(ids)))
    state.entry = replace(state.entry, newest=max(ids))
    state.size = fitting_batch(len(urls), took)


def fitting_batch(sent: int, seconds: float) -> int:
    """How many tasks to send at once, after so many took so long."""
    fitting = int(sent * limits.BATCH_SECONDS / max(seconds, 0.001))
    # On a busy machine a POST takes seconds whatever is in it: fewer tasks would not make it
    # quicker, only more of them.
    least = min(sent, limits.FIRST_BATCH) if seconds < limits.SLOW_SECONDS else 1
    # Not by leaps: one fast answer must not make the next POST run into a proxy's timeout.
    return max(least, min(limits.LARGEST_BATCH, fitting, 4 * sent))


def _has_arrived(session: Session, batch: Sequence[str], state: _State) -> Work[bool]:
    """Whether the doubtful `batch` is there, looking for a while before saying no."""
    wanted, paths = set(batch), ImagePaths(session.folder)
    began = time.monotonic()
    while True:
        newest = state.entry.newest
        arrived = False
        for task in session.client.tasks(session.project_id, session.image_key, after=newest):
            newest = task.id
            arrived = arrived or paths.inside(task.image) in wanted
        if arrived:
            state.entry = replace(state.entry, newest=newest)
            return True
        if time.monotonic() - began >= limits.SEARCH_SECONDS:
            return False
        yield Progress("look", 0, None)
        time.sleep(0.5)


def _given_up(error: StudioUnreachable, done: int, total: int) -> StudioUnreachable | PartlyDone:
    if not done:
        return error
    return PartlyDone(
        f"{done:,} of {total:,} missing images were made tasks; then Label Studio stopped "
        "answering.",
        cause=error.in_short,
        next_step="Check that it is running, and sync again: it goes on from there.",
    )
