"""Where a sync works: a project, the storage of its images, and what keeps others away."""

from __future__ import annotations

import contextlib
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from core.errors import ConfigurationError, StudioUnreachable
from core.progress import Progress, Work
from core.studio.client import StudioClient
from core.studio.listings import TASK_PAGE
from core.studio.models import Storage, TaskDetail
from core.studio.project import connect, require_project, storage_at
from core.studio.server import server_status
from core.studio.waiting import Patience
from core.tasks.manifest import Manifest
from core.tasks.native import Followed
from core.tasks.proof import Comparison, Proof
from core.workspace.locks import only_one
from core.workspace.settings import Workspace

# How often the tasks are listed again from the beginning, before it is given up.
LISTINGS = 5


@dataclass(frozen=True, slots=True)
class Site:
    """A project in which this labelpilot alone makes tasks. `storages` are its source storages."""

    workspace: Workspace
    client: StudioClient
    project_id: int
    image_key: str
    storage: Storage
    storages: tuple[Storage, ...]

    @property
    def folder(self) -> Path:
        return self.workspace.images.path

    @property
    def journal(self) -> Path:
        """The file that says what the last import may still have on its way."""
        return self.workspace.state.locks / f"import-{self.project_id}.json"

    @property
    def signature(self) -> Path:
        """The file that remembers how this workspace signed its last sync."""
        return self.workspace.state.locks / f"sync-{self.project_id}.lease"

    def compared(self, manifest: Manifest, stage: str) -> Work[Proof]:
        """The manifest held against the project's tasks as they are now.

        A server that goes away meanwhile is waited for. Raises StudioUnreachable where it stays
        away.
        """
        patience = Patience(self.client.url, LISTINGS)
        while True:
            comparison = Comparison(manifest.paths, manifest.folder)
            try:
                tasks = self.client.tasks(self.project_id, self.image_key)
                for number, task in enumerate(tasks, start=1):
                    comparison.add(task)
                    if number % TASK_PAGE == 0:
                        yield Progress(stage, number)
                return comparison.proof()
            except StudioUnreachable as error:
                yield from patience.wait(error, Progress(stage))

    def details(self) -> Iterator[TaskDetail]:
        """The project's tasks as they are now, with what says whether they may be removed."""
        return self.client.task_details(self.project_id, self.image_key)

    def followed(self, tasks: int) -> Followed:
        """The storage's own sync, from which so many tasks are expected in all."""
        return Followed(self.project_id, self.storage, tasks, self._server_began)

    def _server_began(self) -> float:
        status = server_status(self.workspace) if self.workspace.owns_server else None
        try:
            return psutil.Process(status.pid).create_time() if status and status.pid else 0.0
        except psutil.Error:
            return 0.0


@contextlib.contextmanager
def at_site(workspace: Workspace, of_type: Container[str] = ()) -> Iterator[Site]:
    """The workspace's project, with the workspace's own lock on making tasks in it.

    Its storage is the one of the image folder, or else the first of one of the types `of_type`.

    Raises ConfigurationError where the project is not set up, Busy where another labelpilot of this
    workspace is at it.
    """
    with contextlib.closing(connect(workspace)) as client:
        project = require_project(client, workspace)
        with only_one(workspace, f"sync-{project.id}"):
            storages = client.source_storages(project.id)
            local = storage_at(storages, workspace.images.path)
            storage = local or next((one for one in storages if one.type in of_type), None)
            if storage is None:
                raise ConfigurationError(
                    f"The project has no source storage for {workspace.images.path} yet.",
                    next_step="Run `labelpilot setup`.",
                )
            yield Site(workspace, client, project.id, project.image_key, storage, tuple(storages))
