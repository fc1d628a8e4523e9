"""Finds what the workspace names on its Label Studio: the server, the project, the storages.

State is asked for, not remembered: nothing here is kept between two calls, and what is known from
before (`core.studio.identity`) is proven first.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import ConfigurationError, StudioRefused
from core.secrets.credentials import VARIABLE, find_secret
from core.studio.client import StudioClient
from core.studio.client.storages import storage_at, storage_of
from core.studio.door import door
from core.studio.identity import known_project, remember
from core.studio.models import RemoteProject, Storage
from core.workspace.settings import Workspace

# What labelpilot calls the storages that it makes.
SOURCE_TITLE = "labelpilot images"
TARGET_TITLE = "labelpilot annotations"


def connect(workspace: Workspace) -> StudioClient:
    """A client for the workspace's Label Studio, with its token; nothing is sent yet.

    Raises NotTrusted where the user has not agreed that it is sent there, StudioUnreachable where
    our own server does not run, StudioRefused without a token.
    """
    url, confirm = door(workspace)
    token = find_secret(workspace, "token")
    if token is None:
        own = "Run `labelpilot setup`." if workspace.owns_server else ""
        raise StudioRefused(
            f"There is no token for {url}.",
            next_step=own or f"Store one with `labelpilot token set`, or set {VARIABLE}.",
        )
    return StudioClient(url, token.value, confirm)


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
        project = require_project(client, workspace)
        remember(workspace, project)
        yield OpenProject(workspace, client, project)


def find_project(client: StudioClient, workspace: Workspace) -> RemoteProject | None:
    """The workspace's project; None if there is none.

    It is the one that labelpilot.toml names by its `id`; or else the one that is known to be the
    workspace's, whatever it is called by now; or else the one of that title that holds the
    workspace's folders. Raises ConfigurationError where the title is another project's.
    """
    if workspace.project.id is not None:
        return _numbered(client, workspace.project.id)
    return _known(client, workspace) or _titled(client, workspace)


def _numbered(client: StudioClient, number: int) -> RemoteProject:
    project = _existing(client, number)
    if project is None:
        raise ConfigurationError(
            f"Label Studio has no project with the number {number}.",
            next_step="Fix `id` under [project] in labelpilot.toml, or remove it.",
        )
    return project


def _existing(client: StudioClient, number: int) -> RemoteProject | None:
    try:
        return client.project(number)
    except StudioRefused as error:
        if error.status != 404:
            raise
        return None


def _known(client: StudioClient, workspace: Workspace) -> RemoteProject | None:
    """The project that was the workspace's before, if it still exists.

    Another title in labelpilot.toml than before asks for another project.
    """
    known = known_project(workspace)
    if known is None or known.title != workspace.project.title:
        return None
    project = _existing(client, known.id)
    return project if project is not None and known.is_of(project) else None


def _titled(client: StudioClient, workspace: Workspace) -> RemoteProject | None:
    """The project of the workspace's title that is its own."""
    titled = client.find_projects(workspace.project.title)
    ours = [project for project in titled if _is_ours(client, workspace, project)]
    if len(ours) == 1 or not titled:
        return ours[0] if ours else None
    numbers = ", ".join(str(project.id) for project in ours or titled)
    if ours:
        raise ConfigurationError(
            f"{len(ours)} projects with the title {ours[0].title!r} hold this workspace's folders.",
            cause=f"Their numbers: {numbers}.",
            next_step="Say which: `id` under [project] in labelpilot.toml.",
        )
    raise ConfigurationError(
        f"Label Studio has a project {titled[0].title!r} that is not known to be this "
        f"workspace's (number {numbers}).",
        cause="It holds neither this workspace's images nor its annotation folder. Nothing of it "
        "was changed.",
        next_step=f"If it is the one, say so: `id = {titled[0].id}` under [project] in "
        "labelpilot.toml. Or give this workspace's project another `title` there.",
    )


def _is_ours(client: StudioClient, workspace: Workspace, project: RemoteProject) -> bool:
    """Whether a project of the workspace's title holds its folders, or nothing at all.

    On our own server, which belongs to the workspace, storages that labelpilot named are its own
    too: their folders may have moved.
    """
    sources, targets = client.source_storages(project.id), client.target_storages(project.id)
    if not (sources or targets or project.tasks or project.has_config):
        # As a set-up leaves it that was killed right after it had made the project.
        return True
    titles = (SOURCE_TITLE, TARGET_TITLE) if workspace.owns_server else ()
    return (
        storage_of(sources, workspace.images) is not None
        or storage_at(targets, workspace.annotations.path) is not None
        or any(storage.title in titles for storage in (*sources, *targets))
    )


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


def find_target_storage(opened: OpenProject) -> Storage | None:
    """The project's target storage of local files for the workspace's annotations, or None."""
    return storage_at(opened.client.target_storages(opened.id), opened.workspace.annotations.path)
