"""A session of making tasks in a project: its storage, and what keeps others away."""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import ConfigurationError, StudioUnreachable
from core.progress import Progress, Work
from core.studio.client import StudioClient
from core.studio.client.storages import storage_of
from core.studio.environment import document_root
from core.studio.models import Storage, Task, TaskDetail
from core.studio.process import began_at
from core.studio.project import OpenProject
from core.studio.waiting import Patience
from core.tasks.index.kept import KeptTasks
from core.tasks.index.look import look_at_tasks
from core.tasks.lease import Lease, take_lease
from core.tasks.manifest import Manifest
from core.tasks.proof import Proof, prove
from core.workspace.locks import only_one
from core.workspace.settings import Workspace

# How often the tasks are looked at again, before it is given up.
LISTINGS = 5
# What the index keeps of who made the tasks.
_LINKED = "linked"
# The file that a sync signs as it begins, by the project's number.
_SIGNATURE = "sync-{}.lease"


@dataclass(frozen=True, slots=True)
class Session:
    """A project in which this labelpilot alone makes tasks.

    `storage` is the source storage that it makes them of, `storages` are all that the project has.
    """

    opened: OpenProject
    image_key: str
    storage: Storage
    storages: tuple[Storage, ...]

    @property
    def workspace(self) -> Workspace:
        return self.opened.workspace

    @property
    def client(self) -> StudioClient:
        return self.opened.client

    @property
    def project_id(self) -> int:
        return self.opened.id

    @property
    def label_config(self) -> str:
        return self.opened.remote.label_config

    @property
    def folder(self) -> Path:
        return self.workspace.images.path

    @property
    def journal(self) -> Path:
        """The file that says what the last import may still have on its way."""
        return self.workspace.state.locks / f"import-{self.project_id}.json"

    def lease(self) -> Work[Lease]:
        """The right to sync the project, before all that know nothing of this workspace."""
        signature = self.workspace.state.locks / _SIGNATURE.format(self.project_id)
        return take_lease(self.client, self.storage, signature)

    def tasks(self, stage: str) -> Work[KeptTasks]:
        """The project's tasks as they are now, to be closed by the caller.

        A server that goes away meanwhile is waited for. Raises StudioUnreachable where it stays
        away.
        """
        patience = Patience(self.client.url, LISTINGS)
        while True:
            try:
                return (yield from look_at_tasks(self.opened, stage))
            except StudioUnreachable as error:
                yield from patience.wait(error, Progress(stage))

    def compared(self, manifest: Manifest, stage: str) -> Work[Proof]:
        """The manifest held against the project's tasks as they are now. Raises as `tasks` does."""
        with (yield from self.tasks(stage)) as tasks:
            return (yield from prove(tasks, manifest, known_root(self.workspace), stage))

    def linked_tasks(self) -> int:
        """How many of the tasks that were seen last a local storage's own sync of the folder made.

        Asked once for as long as they are as they were: the server looks at every task for it.
        """
        folder = str(self.folder)
        with KeptTasks(self.opened) as known:
            count = known.result(_LINKED, [self.storage.id, folder])
            if count is None:
                count = self.client.linked_tasks(self.project_id, folder)
                known.keep_result(_LINKED, [self.storage.id, folder], count)
            return int(count)

    def last_task(self) -> tuple[int, Task | None]:
        """How many tasks the project has, and the newest."""
        return self.client.last_task(self.project_id, self.image_key)

    def details(self, ids: Sequence[int] | None = None) -> Iterator[TaskDetail]:
        """The project's tasks as they are now, or those of `ids`, with what says whether they may
        be removed."""
        return self.client.task_details(self.project_id, self.image_key, ids)

    def server_began(self) -> float:
        """When our own server's process began, in seconds since 1970; 0 if it isn't ours."""
        return began_at(self.workspace) if self.workspace.owns_server else 0.0


def last_sync(workspace: Workspace) -> float | None:
    """When a sync of this workspace began last, in seconds since 1970; None where none is known."""
    with contextlib.suppress(OSError):
        signed = workspace.state.locks.glob(_SIGNATURE.format("*"))
        return max((file.lstat().st_mtime for file in signed), default=None)
    return None


def known_root(workspace: Workspace) -> Path | None:
    """The folder to which the server's file URLs are relative, where it need not be asked."""
    return document_root(workspace) if workspace.owns_server else None


@contextlib.contextmanager
def open_session(opened: OpenProject, of_type: Container[str] = ()) -> Iterator[Session]:
    """A session in the project, with the workspace's own lock on making tasks in it.

    Its storage is the one of the image folder, or else the first of one of the types `of_type`.

    Raises ConfigurationError where the project is not set up, Busy where another labelpilot of this
    workspace is at it.
    """
    workspace, client = opened.workspace, opened.client
    with only_one(workspace, f"sync-{opened.id}"):
        storages = client.source_storages(opened.id)
        local = storage_of(storages, workspace.images)
        storage = local or next((one for one in storages if one.type in of_type), None)
        if storage is None:
            raise ConfigurationError(
                f"The project has no source storage for {workspace.images.place} yet.",
                next_step="Run `labelpilot setup`.",
            )
        yield Session(opened, opened.remote.image_key, storage, tuple(storages))
