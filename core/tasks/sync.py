"""Images to tasks: one sync, from the lock to the proof."""

from __future__ import annotations

import os
import time

from core.images import path_inside
from core.labeling_config import parse_labeling_config, refuse_more_data
from core.progress import Progress, Work
from core.studio.project import OpenProject
from core.tasks.bulk import import_images
from core.tasks.cloud import has_cloud_storage, sync_cloud
from core.tasks.duplicates import look_for_duplicates, remove_tasks
from core.tasks.journal import OpenImport, close_journal, read_journal, settle
from core.tasks.kept_manifest import forget_replaced, look_at_images
from core.tasks.lease import Lease
from core.tasks.manifest import Manifest
from core.tasks.modes import (
    choose_mode,
    fit_storage,
    held_mode,
    refuse_rivals,
    served_root,
)
from core.tasks.moves import Moves, follow_moves
from core.tasks.native import await_end, sync_storage
from core.tasks.oddities import known_odd_names, odd_files, replaced_files
from core.tasks.options import Mode
from core.tasks.proof import Outcome, Proof, SyncResult
from core.tasks.session import Session, open_session
from core.words import count
from core.workspace.settings import Workspace


def find_images(workspace: Workspace, *, full: bool = False) -> Work[Manifest | None]:
    """The images that are to be tasks; None without an image folder: they lie in a bucket, or may.

    `full` lists all of them, whatever is known already. It needs no server, so that what is wrong
    with the folder is told without one. Raises ConfigurationError for a folder that cannot be used.
    """
    if workspace.images.bucket is not None or not os.path.exists(workspace.images.path):
        return None
    return (yield from look_at_images(workspace, full=full))


def sync_images(
    opened: OpenProject, manifest: Manifest | None, mode: Mode | None = None
) -> Work[SyncResult]:
    """Make each image of the workspace one task, and prove it.

    Images are those of the `manifest`; where there is none, those of the cloud storages that the
    project has. `mode` None takes the mode that the project has, or else bulk import for our own
    server and Label Studio's own sync for another. Can be run again at any time: only what is
    missing is made. Raises ConfigurationError for a workspace, project or mode that does not fit,
    Busy where another labelpilot syncs this project, and what the import itself raises; what was
    made until then stays.
    """
    if manifest is None and has_cloud_storage(opened):
        return (yield from sync_cloud(opened, mode))
    if manifest is None:
        manifest = yield from look_at_images(opened.workspace)
    began = time.monotonic()
    with open_session(opened) as session, (yield from session.lease()) as lease:
        chosen, before, moves, proof, outcome = yield from _sync(session, manifest, lease, mode)
    remarks = known_odd_names(opened.workspace, manifest)
    remarks += yield from odd_files(manifest.folder, before.missing)
    remarks += replaced_files(manifest)
    for remark in remarks:
        yield Progress("look", note=remark)
    forget_replaced(opened.workspace)
    yield Progress("proof", proof.present, proof.images)
    return SyncResult(
        mode=chosen,
        images=proof.images,
        created=proof.present - before.present,
        existing=before.present,
        duplicates=proof.duplicates,
        missing_files=proof.missing_files,
        retries=outcome.retries,
        seconds=round(manifest.seconds + time.monotonic() - began, 3),
        complete=proof.complete,
        moved=len(moves.found),
        doubtful=len(moves.doubtful),
        remarks=tuple(remarks),
    )


def _sync(
    session: Session, manifest: Manifest, lease: Lease, wanted: Mode | None
) -> Work[tuple[Mode, Proof, Moves, Proof, Outcome]]:
    """The mode, what was there, what had moved, what is there now, and what was done for it."""
    total = manifest.count
    if session.storage.running:
        yield Progress("look", 0, None, "Label Studio's own sync is running; waiting for its end")
        yield from await_end(session, total)
    former = read_journal(session.journal)
    if former is not None:
        former = yield from settle(session, former)
    yield Progress("look", 0, total, "asking which images are tasks")
    before = yield from session.compared(manifest, "look")
    moves = Moves({}, (), ())
    if before.may_have_moved:
        moves = yield from follow_moves(session, manifest, lease)
    if moves.found:
        before = yield from session.compared(manifest, "look")
    held = "bulk" if moves.found else held_mode(session, before)
    mode = choose_mode(session.workspace, held, wanted, before)
    if before.missing:
        refuse_more_data(parse_labeling_config(session.label_config))
        refuse_rivals(session.workspace.images, session.storage, session.storages)
    if before.missing or held == "bulk":
        fit_storage(session, mode)
    proof, outcome = before, Outcome(0, 0)
    if before.missing and mode == "bulk":
        proof, outcome = yield from _import(session, manifest, lease, before, former)
    elif before.missing:
        lease.keep()
        outcome = yield from sync_storage(session, before.tasks + len(before.missing))
        yield Progress("proof", 0, total, "counting the tasks of each image")
        proof = yield from session.compared(manifest, "proof")
    if proof.duplicates and mode == "bulk":
        proof = yield from _undo_doubled(session, manifest, proof)
    close_journal(session.journal)
    return mode, before, moves, proof, outcome


def _import(
    session: Session, manifest: Manifest, lease: Lease, before: Proof, former: OpenImport | None
) -> Work[tuple[Proof, Outcome]]:
    """Import what is missing, and prove it."""
    newest = session.last_task()[1] if before.tasks else None
    last = newest.id if newest is not None else 0
    entry = OpenImport(
        after=last if former is None else min(former.after, last),
        newest=last,
        sent=0.0 if former is None else former.sent,
        doubtful=former is not None and former.may_land,
    )
    root = served_root(session)
    outcome = yield from import_images(session, root, lease, entry, before.missing)
    yield Progress("proof", 0, before.images, "counting the tasks of each image")
    if _accounted_for(session, before, outcome):
        return before.with_all_created(), outcome
    return (yield from session.compared(manifest, "proof")), outcome


def _accounted_for(session: Session, before: Proof, outcome: Outcome) -> bool:
    """Whether the project holds the tasks that were there, those the server has just named as
    made, and no other.

    The ones named have ids without a gap, and after the older ones; so their number and the last
    of them tell. That one is read by its key.
    """
    if outcome.newest is None:
        return False
    count, newest = session.last_task()
    return (
        newest is not None
        and newest.id == outcome.newest
        and path_inside(newest.image, session.folder) == before.missing[-1]
        and count == before.tasks + outcome.created
    )


def _undo_doubled(session: Session, manifest: Manifest, proof: Proof) -> Work[Proof]:
    """Remove the tasks that an import of ours made a second time, if nobody has worked on them.

    That happens where a POST landed after all when its batch had been sent again.
    """
    entry = read_journal(session.journal)
    if entry is None or not entry.recent:
        return proof
    ours = (yield from look_for_duplicates(session, entry.after)).remove
    if not ours:
        return proof
    note = f"{count(len(ours), 'task')} landed twice; taking what is too many back"
    yield Progress("proof", 0, proof.images, note)
    yield from remove_tasks(session, ours)
    return (yield from session.compared(manifest, "proof"))
