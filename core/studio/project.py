"""Finds what the workspace names on its Label Studio: the server, the project, the storages.

State is asked for, not remembered: nothing here is kept between two calls.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.errors import ConfigurationError, StudioRefused
from core.secrets.credentials import VARIABLE, find_secret
from core.studio.client import StudioClient
from core.studio.models import RemoteProject, Storage, storage_at
from core.studio.server import server_url
from core.workspace.settings import Workspace


def connect(workspace: Workspace) -> StudioClient:
    """A client for the workspace's Label Studio, with its token; nothing is sent yet.

    Raises StudioUnreachable where our own server does not run, StudioRefused without a token.
    """
    url = server_url(workspace)
    token = find_secret(workspace, "token")
    if token is None:
        own = "Run `labelpilot setup`." if workspace.owns_server else ""
        raise StudioRefused(
            f"There is no token for {url}.",
            next_step=own or f"Store one with `labelpilot token set`, or set {VARIABLE}.",
        )
    return StudioClient(url, token.value)


@dataclass(frozen=True, slots=True)
class OpenProject:
    """The workspace's project on its Label Studio, and the client to speak to it with.

    `remote` is the project as it was when it was opened.
    """

    workspace: Workspace
    client: StudioClient
    remote: RemoteProject

    @property
    def id(self) -> int:
        return self.remote.id


@contextlib.contextmanager
def open_project(workspace: Workspace) -> Iterator[OpenProject]:
    """The workspace's project, looked up once for everything that is done with it in the block.

    Raises what `connect` and `require_project` raise.
    """
    with contextlib.closing(connect(workspace)) as client:
        yield OpenProject(workspace, client, require_project(client, workspace))


def find_project(client: StudioClient, workspace: Workspace) -> RemoteProject | None:
    """The workspace's project, by its number or else by its title; None if there is none."""
    number = workspace.project.id
    if number is None:
        return _only(client.find_projects(workspace.project.title))
    try:
        return client.project(number)
    except StudioRefused as error:
        if error.status != 404:
            raise
        raise ConfigurationError(
            f"Label Studio has no project with the number {number}.",
            next_step="Mend `id` under [project] in labelpilot.toml, or remove it.",
        ) from None


def _only(projects: Sequence[RemoteProject]) -> RemoteProject | None:
    """The only one of `projects`, or None. Raises ConfigurationError where there are several."""
    if len(projects) > 1:
        numbers = ", ".join(str(project.id) for project in projects)
        raise ConfigurationError(
            f"There are {len(projects)} projects with the title {projects[0].title!r}.",
            cause=f"Their numbers: {numbers}.",
            next_step="Say which: `id` under [project] in labelpilot.toml.",
        )
    return projects[0] if projects else None


def require_project(client: StudioClient, workspace: Workspace) -> RemoteProject:
    """As `find_project`; raises ConfigurationError where there is none."""
    return existing(find_project(client, workspace), workspace)


def existing(project: RemoteProject | None, workspace: Workspace) -> RemoteProject:
    """`project`, the workspace's; raises ConfigurationError where there is none."""
    if project is None:
        raise ConfigurationError(
            f"Label Studio has no project {workspace.project.title!r} yet.",
            next_step="Run `labelpilot setup`.",
        )
    return project


def find_source_storage(opened: OpenProject) -> Storage | None:
    """The project's source storage of local files for the workspace's images, or None."""
    return storage_at(opened.client.source_storages(opened.id), opened.workspace.images.path)


def find_target_storage(opened: OpenProject) -> Storage | None:
    """The project's target storage of local files for the workspace's annotations, or None."""
    return storage_at(opened.client.target_storages(opened.id), opened.workspace.annotations.path)
