"""Images to tasks: one sync, from the lock to the proof."""

from __future__ import annotations

import time

from core.images import path_inside
from core.progress import Progress, Work
from core.tasks.bulk import Outcome, Target, import_images
from core.tasks.cloud import has_cloud_storage, sync_cloud
from core.tasks.journal import OpenImport, close_journal, read_journal, settle
from core.tasks.lease import Lease, take_lease
from core.tasks.manifest import Manifest, scan_images
from core.tasks.modes import (
    Mode,
    choose_mode,
    fit_storage,
    held_mode,
    refuse_rivals,
    served_root,
)
from core.tasks.native import await_end, sync_storage
from core.tasks.proof import Proof
from core.tasks.result import SyncResult as SyncResult
from core.tasks.session import Site, at_site
from core.tasks.surplus import find_surplus, remove_tasks
from core.workspace.settings import Workspace

STORAGE_TITLE = "labelpilot images"


def sync_images(workspace: Workspace, mode: Mode | None = None) -> Work[SyncResult]:
    """Make each image of the workspace one task, and prove it.

    Images are those of the folder; where there is none, those of the cloud storages that the
    project has. `mode` None takes the mode that the project has, or else bulk import for our own
    server and Label Studio's own sync for another. Can be run again at any time: only what is
    missing is made. Raises ConfigurationError for a workspace, project or mode that does not fit,
    Busy where another labelpilot syncs this project, and what the import itself raises; what was
    made until then stays.
    """
    if not workspace.images.path.exists() and has_cloud_storage(workspace):
        return (yield from sync_cloud(workspace, mode))
    began = time.monotonic()
    manifest = yield from scan_images(workspace.images)
    with at_site(workspace) as site:
        lease = yield from take_lease(site.client, site.storage, site.signature)
        try:
            chosen, before, proof, outcome = yield from _sync(site, manifest, lease, mode)
        finally:
            lease.release()
    yield Progress("proof", proof.present, proof.images)
    return SyncResult(
        mode=chosen,
        images=proof.images,
        created=proof.present - before.present,
        existing=before.present,
        duplicates=proof.duplicates,
        missing_files=proof.missing_files,
        retries=outcome.retries,
        seconds=round(time.monotonic() - began, 3),
        complete=proof.complete,
    )


def _sync(
    site: Site, manifest: Manifest, lease: Lease, asked: Mode | None
) -> Work[tuple[Mode, Proof, Proof, Outcome]]:
    """The mode, what was there, what is there now, and what was done for it."""
    total = len(manifest.paths)
    if site.storage.running:
        yield Progress("look", 0, None, "Label Studio's own sync is running; waiting for its end")
        yield from await_end(site.client, site.followed(total))
    former = read_journal(site.journal)
    if former is not None:
        former = yield from settle(site.client, site.project_id, site.image_key, former)
    yield Progress("look", 0, total, "asking which images are tasks")
    before = yield from site.compared(manifest, "look")
    held = held_mode(site.client, site.project_id, site.folder, before)
    mode = choose_mode(site.workspace, held, asked, before)
    if before.missing:
        refuse_rivals(site.workspace.images, site.storage, site.storages)
    if before.missing or held == "bulk":
        fit_storage(site.client, site.workspace.images, site.storage, mode)
    proof, outcome = before, Outcome(0, 0)
    if before.missing and mode == "bulk":
        proof, outcome = yield from _import(site, manifest, lease, before, former)
    elif before.missing:
        lease.keep()
        expected = before.tasks + len(before.missing)
        outcome = yield from sync_storage(site.client, site.followed(expected))
        yield Progress("proof", 0, total, "counting the tasks of each image")
        proof = yield from site.compared(manifest, "proof")
    if proof.duplicates and mode == "bulk":
        proof = yield from _undo_doubled(site, manifest, proof)
    close_journal(site.journal)
    return mode, before, proof, outcome


def _import(
    site: Site, manifest: Manifest, lease: Lease, before: Proof, former: OpenImport | None
) -> Work[tuple[Proof, Outcome]]:
    """Import what is missing, and prove it."""
    newest = site.client.last_task(site.project_id, site.image_key)[1] if before.tasks else None
    last = newest.id if newest is not None else 0
    entry = OpenImport(
        after=last if former is None else min(former.after, last),
        newest=last,
        sent=0.0 if former is None else former.sent,
        doubtful=former is not None and former.may_land,
    )
    root = served_root(site.workspace, site.client, site.project_id)
    target = Target(site.project_id, site.image_key, site.folder, root, site.journal)
    outcome = yield from import_images(site.client, target, lease, entry, before.missing)
    yield Progress("proof", 0, before.images, "counting the tasks of each image")
    if _accounted_for(site, before, outcome):
        return before.with_all_created(), outcome
    return (yield from site.compared(manifest, "proof")), outcome


def _accounted_for(site: Site, before: Proof, outcome: Outcome) -> bool:
    """Whether the project holds the tasks that were there, those the server has just named as
    made, and no other.

    The ones named have ids without a gap, and after the older ones; so their number and the last
    of them tell. That one is read by its key.
    """
    if outcome.newest is None:
        return False
    count, newest = site.client.last_task(site.project_id, site.image_key)
    return (
        newest is not None
        and newest.id == outcome.newest
        and path_inside(newest.image, site.folder) == before.missing[-1]
        and count == before.tasks + outcome.created
    )


def _undo_doubled(site: Site, manifest: Manifest, proof: Proof) -> Work[Proof]:
    """Remove the tasks that an import of ours made a second time, if nobody has worked on them.

    That happens where a POST landed after all when its batch had been sent again.
    """
    entry = read_journal(site.journal)
    if entry is None or not entry.recent:
        return proof
    ours = find_surplus(site.details(), site.folder, after=entry.after).remove
    if not ours:
        return proof
    note = f"{len(ours):,} tasks landed twice; taking the second ones back"
    yield Progress("proof", 0, proof.images, note)
    yield from remove_tasks(site.client, site.project_id, ours)
    return (yield from site.compared(manifest, "proof"))
