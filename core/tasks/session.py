"""A session of making tasks in a project: its storage, and what keeps others away."""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import ConfigurationError, StudioUnreachable
from core.progress import Progress, Work
from core.studio.client import StudioClient
from core.studio.environment import document_root
from core.studio.listings import TASK_PAGE
from core.studio.models import Storage, Task, TaskDetail, storage_at
from core.studio.process import began_at
from core.studio.project import OpenProject
from core.studio.waiting import Patience
from core.tasks.lease import Lease, take_lease
from core.tasks.manifest import Manifest
from core.tasks.proof import Comparison, Proof
from core.workspace.locks import only_one
from core.workspace.settings import Workspace

# How often the tasks are listed again from the beginning, before it is given up.
LISTINGS = 5


@dataclass(frozen=True, slots=True)
class Session:
    """A project in which this labelpilot alone makes tasks.

    `storage` is the source storage that it makes them of, `storages` are all that the project has.
    """

    workspace: Workspace
    client: StudioClient
    project_id: int
    image_key: str
    storage: Storage
    storages: tuple[Storage, ...]
    label_config: str

    @property
    def folder(self) -> Path:
        return self.workspace.images.path

    @property
    def journal(self) -> Path:
        """The file that says what the last import may still have on its way."""
        return self.workspace.state.locks / f"import-{self.project_id}.json"

    def lease(self) -> Work[Lease]:
        """The right to sync the project, before all that know nothing of this workspace."""
        signature = self.workspace.state.locks / f"sync-{self.project_id}.lease"
        return take_lease(self.client, self.storage, signature)

    def compared(self, manifest: Manifest, stage: str) -> Work[Proof]:
        """The manifest held against the project's tasks as they are now.

        A server that goes away meanwhile is waited for. Raises StudioUnreachable where it stays
        away.
        """
        patience = Patience(self.client.url, LISTINGS)
        while True:
            comparison = Comparison(manifest.paths, manifest.folder, known_root(self.workspace))
            try:
                tasks = self.client.tasks(self.project_id, self.image_key)
                for number, task in enumerate(tasks, start=1):
                    comparison.add(task)
                    if number % TASK_PAGE == 0:
                        yield Progress(stage, number)
                return comparison.proof()
            except StudioUnreachable as error:
                yield from patience.wait(error, Progress(stage))

    def last_task(self) -> tuple[int, Task | None]:
        """How many tasks the project has, and the newest."""
        return self.client.last_task(self.project_id, self.image_key)

    def details(self) -> Iterator[TaskDetail]:
        """The project's tasks as they are now, with what says whether they may be removed."""
        return self.client.task_details(self.project_id, self.image_key)

    def server_began(self) -> float:
        """When our own server's process began, in seconds since 1970; 0 if it isn't ours."""
        return began_at(self.workspace) if self.workspace.owns_server else 0.0


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
        local = storage_at(storages, workspace.images.path)
        storage = local or next((one for one in storages if one.type in of_type), None)
        if storage is None:
            raise ConfigurationError(
                f"The project has no source storage for {workspace.images.path} yet.",
                next_step="Run `labelpilot setup`.",
            )
        key, config = opened.remote.image_key, opened.remote.label_config
        yield Session(workspace, client, opened.id, key, storage, tuple(storages), config)
