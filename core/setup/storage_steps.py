"""The steps on the workspace's folders: where images come from, and where labels go."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator

from core.buckets import CREDENTIALS, Bucket
from core.dataset.drift import unwritten
from core.dataset.restore.former import keep_clear
from core.dataset.target_sync import refresh_folder, rewrite_folder
from core.errors import ConfigurationError, StudioRefused
from core.progress import Progress, Work
from core.setup.context import Found, Setup, Step, StepState
from core.studio.project import SOURCE_TITLE, TARGET_TITLE
from core.tasks.index.look import look_at_tasks
from core.tasks.modes import storage_fields
from core.tasks.oddities import known_odd_names
from core.tasks.proof import prove
from core.tasks.session import known_root
from core.tasks.sync import find_images, sync_images
from core.words import count
from core.workspace.consents import may_write


def _probe_source(setup: Setup) -> Found:
    images, storage = setup.workspace.images, setup.sources.here
    name = images.url or setup.workspace.relative(images.path)
    if storage is None:
        if setup.sources.moved:
            return "part", f"still looks in {setup.sources.moved[0].path}, not in {name}"
        return "to do", f"none for {name}"
    detail = f"{name} with {storage.pattern or 'every file'}"
    differs = (storage.pattern, storage.recursive) != (images.pattern, images.recursive)
    if differs or not storage.source_files:
        return "part", f"{detail}: not set as the workspace says"
    kind = "" if storage.synchronizable else ", filled by bulk import"
    return "done", detail + kind


def _apply_source(setup: Setup) -> Work[None]:
    yield Progress("source-storage")
    images, workspace = setup.workspace.images, setup.workspace
    fields = storage_fields(images)
    if setup.sources.here is not None:
        setup.client.update_storage(setup.sources.here, fields)
        return
    if images.bucket is not None:
        with _bucket_explained(setup, images.bucket):
            fields |= {"title": SOURCE_TITLE, **images.bucket.fields}
            setup.client.create_source_storage(setup.opened.id, fields, images.bucket.type)
        return
    fields |= {"path": str(images.path)}
    with _paths_explained(setup):
        if setup.sources.moved:
            setup.client.update_storage(setup.sources.moved[0], fields)
            return
        # Our own server is filled by bulk import, after which its own sync would double all.
        fields |= {"title": SOURCE_TITLE, "synchronizable": not workspace.owns_server}
        setup.client.create_source_storage(setup.opened.id, fields)


SOURCE_STORAGE = Step(
    id="source-storage",
    title="Source storage",
    why="Through it Label Studio may read the images; each file is one task.",
    needs="project",
    probe=_probe_source,
    apply=_apply_source,
)


def _probe_images(setup: Setup) -> Work[Found]:
    if setup.workspace.images.bucket is not None:
        return _in_bucket(setup)
    state, detail = yield from _found_images(setup)
    odd = known_odd_names(setup.workspace, setup.manifest)
    return state, "; ".join([detail, *(sentence.rstrip(".") for sentence in odd)])


def _in_bucket(setup: Setup) -> Found:
    """What is known of images in a bucket, without looking there."""
    storage, tasks = setup.sources.here, setup.opened.remote.tasks
    detail = f"{count(tasks, 'task')}; what is new in {setup.workspace.images.url} a sync finds"
    if not tasks:
        return "to do", detail
    return ("done" if storage is not None and storage.status == "completed" else "part"), detail


def _found_images(setup: Setup) -> Work[tuple[StepState, str]]:
    manifest = setup.manifest
    total = manifest.count
    if not setup.opened.remote.tasks:
        return "to do", f"none of {total:,} images is a task"
    with (yield from look_at_tasks(setup.opened, "images")) as tasks:
        proof = yield from prove(tasks, manifest, known_root(setup.workspace), "images")
    detail = f"{proof.present:,} of {total:,} images are tasks"
    if proof.duplicates:
        detail += f", {count(proof.duplicates, 'duplicate')}"
    if proof.missing_files:
        detail += f", {count(proof.missing_files, 'task')} without their image"
    if proof.stale:
        return "part", f"{detail}, {proof.stale:,} are shown from where they no longer are"
    return ("done" if proof.complete else "part" if proof.present else "to do"), detail


def _apply_images(setup: Setup) -> Work[None]:
    manifest = yield from find_images(setup.workspace)
    result = yield from sync_images(setup.opened, manifest)
    if result.moved:
        yield from refresh_folder(setup.opened)


IMAGES = Step(
    id="images",
    title="Images",
    why="Label Studio needs one task for each image.",
    needs="source-storage",
    probe=_probe_images,
    apply=_apply_images,
)


def _probe_target(setup: Setup) -> Found:
    path = setup.workspace.annotations.path
    name, moved = setup.workspace.relative(path), setup.targets.moved
    if setup.targets.here is None and not moved:
        there = "" if os.path.isdir(path) else f"{name} is not there yet"
        return "to do", there or f"no target storage for {name}"
    if moved:
        return "part", f"still written to {moved[0].path}, which is gone: every Submit fails"
    if not os.path.isdir(path):
        return "part", f"{name} is gone: every Submit in the browser fails"
    if not os.access(path, os.W_OK | os.X_OK):
        return "wrong", f"{name} cannot be written to"
    for other in setup.targets.others:
        if not setup.client.has_folder(setup.opened.id, other):
            return "wrong", (
                f"the project also writes to {other.path}, which is gone: every Submit fails. Make "
                f"that folder, or delete the target storage {other.title!r} (number {other.id}) in "
                "the project's settings"
            )
    if lacking := unwritten(setup.opened):
        return "part", f"at least {count(lacking, 'label')} not in any file of {name}"
    return "done", f"annotations are written to {name}"


def _apply_target(setup: Setup) -> Work[None]:
    yield Progress("target-storage")
    path = setup.workspace.annotations.path
    may_write(setup.workspace, path)
    client = setup.client
    try:
        path.mkdir(parents=True, exist_ok=True)
        # Label Studio swallows its own write errors, so it is tried here.
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"labelpilot")
    except OSError as error:
        raise ConfigurationError(
            f"The annotation folder {path} cannot be written to.",
            cause=error.strerror or str(error),
            next_step="Fix its rights, or `path` under [annotations] in labelpilot.toml.",
        ) from None
    moved = list(setup.targets.moved)
    if setup.targets.here is None:
        yield from keep_clear(setup.opened)
        with _paths_explained(setup):
            if moved:
                client.update_storage(moved.pop(0), {"path": str(path)})
            else:
                client.create_target_storage(setup.opened.id, TARGET_TITLE, str(path))
    for storage in moved:
        # Labels go to the folder through another storage already.
        client.delete_storage(storage)
    if unwritten(setup.opened):
        yield from rewrite_folder(setup.opened)


TARGET_STORAGE = Step(
    id="target-storage",
    title="Target storage",
    why="Each label is written to this folder as soon as it is submitted.",
    needs="project",
    probe=_probe_target,
    apply=_apply_target,
)


@contextlib.contextmanager
def _bucket_explained(setup: Setup, bucket: Bucket) -> Iterator[None]:
    """Say what to do where Label Studio cannot look into a bucket: credentials are its own."""
    try:
        yield
    except StudioRefused as error:
        if error.status in (401, 403) or error.status >= 500:
            raise
        names = " and ".join(CREDENTIALS[bucket.type])
        again = "`labelpilot server stop`, then `labelpilot setup`"
        raise ConfigurationError(
            f"Label Studio cannot look into {setup.workspace.images.url}.",
            cause=error.cause,
            next_step=f"Give it {names} in its environment, and restart it"
            + (f" ({again})" if setup.workspace.owns_server else "")
            + f"; or make the storage yourself, in the settings of its project "
            f"{setup.opened.remote.title!r}, Cloud Storage, for this bucket and prefix. It is "
            "taken as it is; labelpilot keeps no credentials.",
        ) from None


@contextlib.contextmanager
def _paths_explained(setup: Setup) -> Iterator[None]:
    """Say what a refused storage path means: Label Studio's words are about its own settings."""
    try:
        yield
    except StudioRefused as error:
        if error.status in (401, 403) or error.status >= 500:
            raise
        own = setup.workspace.owns_server
        raise ConfigurationError(
            "Label Studio does not take the folder as a storage.",
            cause=error.cause,
            next_step="Restart it: `labelpilot server stop`, then `labelpilot setup`."
            if own
            else "On that server, set LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and "
            "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT to a parent of the folder, and restart it.",
        ) from None
