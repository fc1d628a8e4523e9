"""One look at a workspace's set-up: what the steps of the checklist stand on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from core.labeling_config import LabelingConfig, read_labeling_config
from core.progress import Work, finish
from core.studio.client import StudioClient
from core.studio.models import RemoteProject, Storage
from core.studio.project import (
    OpenProject,
    connect,
    existing,
    find_project,
    find_source_storage,
    find_target_storage,
)
from core.studio.server import ServerStatus, server_status
from core.tasks.manifest import Manifest, scan_images
from core.workspace.settings import Workspace

StepId = Literal[
    "server",
    "account",
    "token",
    "project",
    "labeling-config",
    "source-storage",
    "images",
    "target-storage",
    "sampling",
]
StepState = Literal["done", "part", "to do", "wrong", "waiting", "skipped"]


class Setup:
    """One look at a workspace: what is found is kept until `forget`."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def forget(self) -> None:
        """Drop everything that was found, so that the next probe looks again."""
        if "client" in self.__dict__:
            self.client.close()
        workspace = self.workspace
        self.__dict__.clear()
        self.workspace = workspace

    @cached_property
    def server(self) -> ServerStatus:
        return server_status(self.workspace)

    @cached_property
    def client(self) -> StudioClient:
        return connect(self.workspace)

    @cached_property
    def project(self) -> RemoteProject | None:
        return find_project(self.client, self.workspace)

    @cached_property
    def opened(self) -> OpenProject:
        """The project, for what cannot be without one. Raises ConfigurationError."""
        return OpenProject(self.workspace, self.client, existing(self.project, self.workspace))

    @cached_property
    def source_storage(self) -> Storage | None:
        return find_source_storage(self.opened)

    @cached_property
    def target_storage(self) -> Storage | None:
        return find_target_storage(self.opened)

    @cached_property
    def config(self) -> LabelingConfig:
        return read_labeling_config(self.workspace.project.label_config)

    @cached_property
    def manifest(self) -> Manifest:
        return finish(scan_images(self.workspace.images))


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `needs` names the step without which a probe can see nothing."""

    id: StepId
    title: str
    why: str
    needs: StepId | None
    probe: Callable[[Setup], tuple[StepState, str]]
    apply: Callable[[Setup], Work[None]]
