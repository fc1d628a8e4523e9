"""Images to tasks: one sync, from the lock to the proof.

The mode belongs to a project. Tasks that Label Studio's own sync made are linked to its storage,
bulk-imported ones are not, and a native sync after a bulk import makes every task a second time.
So the mode is read off what is there; asking for the other one is refused.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.errors import ConfigurationError
from core.labeling_config import parse_labeling_config
from core.locks import only_one
from core.progress import Progress, Work
from core.studio.client import StudioClient
from core.studio.environment import document_root
from core.studio.lookup import connect, find_source_storage, require_project
from core.studio.records import RemoteProject, Storage
from core.tasks.bulk import Outcome, import_images
from core.tasks.manifest import Manifest, scan_images
from core.tasks.native import sync_storage
from core.tasks.verification import Proof, compare
from core.workspace import Workspace

Mode = Literal["bulk", "native"]
STORAGE_TITLE = "labelpilot images"


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a sync did and what it proved. Durations are in seconds."""

    mode: Mode
    images: int
    created: int
    existing: int
    duplicates: int
    missing_files: int
    retries: int
    seconds: float
    complete: bool

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot sync --json` prints."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __str__(self) -> str:
        tasks = self.existing + self.created
        return (
            f"{min(tasks, self.images):,} of {self.images:,} images are tasks, "
            f"{self.duplicates:,} duplicates, {self.retries:,} retries, {self.seconds:.0f} s"
        )


def sync_images(workspace: Workspace, mode: Mode | None = None) -> Work[SyncResult]:
    """Make each image of the workspace one task, and prove it.

    `mode` None takes the mode that the project has, or else bulk import for our own server and
    Label Studio's own sync for another. Can be run again at any time: only what is missing is
    made. Raises ConfigurationError for a workspace, project or mode that does not fit, and what
    the import itself raises; what was made until then stays.
    """
    began = time.monotonic()
    manifest = yield from scan_images(workspace.images)
    with contextlib.closing(connect(workspace)) as client:
        project = require_project(client, workspace)
        with only_one(workspace, f"sync-{project.id}"):
            key = image_key(project)
            storage = find_source_storage(client, workspace, project.id)
            if storage is None:
                raise ConfigurationError(
                    f"The project has no source storage for {workspace.images.path} yet.",
                    next_step="Run `labelpilot setup`.",
                )
            yield Progress("look", 0, project.tasks, "asking which images are tasks")
            before = compare(manifest.paths, client.tasks(project.id, key), manifest.folder)
            chosen = choose_mode(workspace, client, project, storage, mode)
            outcome = Outcome(0, 0)
            if before.missing:
                if chosen == "bulk":
                    storage = set_synchronizable(client, storage, False)
                    outcome = yield from import_images(
                        client,
                        project.id,
                        key,
                        manifest.folder,
                        served_root(workspace, client, project.id),
                        before.missing,
                    )
                else:
                    storage = _fitted(client, workspace, storage)
                    outcome = yield from sync_storage(
                        client, project.id, storage, len(manifest.paths) + before.other_tasks
                    )
            yield Progress("proof", 0, len(manifest.paths), "counting the tasks of each image")
            proof = compare(manifest.paths, client.tasks(project.id, key), manifest.folder)
    yield Progress("proof", proof.present, proof.images)
    return _result(chosen, manifest, before, proof, outcome, time.monotonic() - began)


def choose_mode(
    workspace: Workspace,
    client: StudioClient,
    project: RemoteProject,
    storage: Storage,
    asked: Mode | None,
) -> Mode:
    """The mode of this project, or the one `asked` for where it has no task yet.

    Raises ConfigurationError where the project has the other mode.
    """
    held: Mode | None = None
    if project.tasks:
        held = "native" if client.has_linked_tasks(project.id) else "bulk"
    if held is None:
        return asked or ("bulk" if workspace.owns_server else "native")
    if asked is not None and asked != held:
        reason = {
            "bulk": "Its tasks were imported; Label Studio's own sync would make each of them "
            "a second time.",
            "native": "Its tasks came from Label Studio's own sync, which would make the ones "
            "imported now a second time.",
        }
        raise ConfigurationError(
            f"This project's images are synced in {held} mode, and stay so.",
            cause=reason[held],
            next_step=f"Run `labelpilot sync --mode {held}`, or make a new project.",
        )
    return held


def image_key(project: RemoteProject) -> str:
    """The key under which the project's tasks hold their image. Raises ConfigurationError."""
    if not project.label_config or project.label_config == "<View></View>":
        raise ConfigurationError(
            f"The project {project.title!r} has no labeling config yet.",
            next_step="Run `labelpilot setup`.",
        )
    return parse_labeling_config(project.label_config, "the project's labeling config").image_key


def served_root(workspace: Workspace, client: StudioClient, project_id: int) -> Path:
    """The folder to which the server's file URLs are relative.

    Ours is known. Another server tells it when it refuses a path: a storage may not be that folder
    itself or lie outside.
    """
    if workspace.owns_server:
        return document_root(workspace)
    root = client.document_root(project_id)
    if root is None or not workspace.images.path.is_relative_to(root):
        raise ConfigurationError(
            "It cannot be found out below which folder this Label Studio serves files.",
            next_step="Use its own sync: `labelpilot sync --mode native`.",
        )
    return Path(root)


def set_synchronizable(client: StudioClient, storage: Storage, wanted: bool) -> Storage:
    """Let the storage take part in Label Studio's own sync, or make it refuse."""
    if storage.synchronizable == wanted:
        return storage
    return client.update_source_storage(storage, {"synchronizable": wanted})


def _fitted(client: StudioClient, workspace: Workspace, storage: Storage) -> Storage:
    """The storage, set to take the very files that the manifest holds."""
    images = workspace.images
    storage = set_synchronizable(client, storage, True)
    wanted = {
        "regex_filter": images.pattern,
        "recursive_scan": images.recursive,
        "use_blob_urls": True,
    }
    has = (storage.pattern, storage.recursive, storage.source_files)
    if has != tuple(wanted.values()):
        storage = client.update_source_storage(storage, wanted)
    return storage


def _result(
    mode: Mode,
    manifest: Manifest,
    before: Proof,
    proof: Proof,
    outcome: Outcome,
    seconds: float,
) -> SyncResult:
    return SyncResult(
        mode=mode,
        images=len(manifest.paths),
        created=proof.present - before.present,
        existing=before.present,
        duplicates=proof.duplicates,
        missing_files=proof.missing_files,
        retries=outcome.retries,
        seconds=round(seconds, 3),
        complete=proof.complete,
    )
