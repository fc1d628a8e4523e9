"""One look at a workspace's set-up: what the steps of the checklist stand on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from core.errors import ConfigurationError
from core.labeling_config import (
    LabelingConfig,
    fingerprint,
    parse_labeling_config,
    read_labeling_config,
    same_text,
    text_diff,
)
from core.progress import Work, finish
from core.studio.client import StudioClient
from core.studio.identity import known_project, remember
from core.studio.models import RemoteProject
from core.studio.project import (
    OpenProject,
    connect,
    existing,
    find_project,
)
from core.studio.server import ServerStatus, server_status
from core.studio.storages import Storages, source_storages, target_storages
from core.tasks.kept_manifest import look_at_images
from core.tasks.manifest import Manifest
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
    "labels",
    "sampling",
    "stream",
]
StepState = Literal["done", "part", "to do", "wrong", "waiting", "skipped"]
# What a probe found: the state, a sentence, and, where doing the step would write over what
# somebody else may want, what would change.
Found: TypeAlias = "tuple[StepState, str] | tuple[StepState, str, str]"


class NeedsYes(ConfigurationError):
    """A step would write over what somebody else may want, and nobody has said yes to it."""


class Setup:
    """One look at a workspace: what is found is kept until `forget`.

    `replace_config` says that the project's labeling config may be replaced, whoever wrote it.
    """

    def __init__(self, workspace: Workspace, replace_config: bool = False) -> None:
        self.workspace = workspace
        self.replace_config = replace_config

    def forget(self) -> None:
        """Drop everything that was found, so that the next probe looks again."""
        if "client" in self.__dict__:
            self.client.close()
        for name in self.__dict__.keys() - {"workspace", "replace_config"}:
            del self.__dict__[name]

    def remember(self) -> None:
        """Keep which project and storages are the workspace's, and the config they agree on."""
        project = self.project
        if project is not None:
            agreed = same_text(project.label_config, self.config.text)
            remember(
                self.workspace,
                project,
                config=project.label_config if agreed else "",
                source=self.sources.here,
                target=self.targets.here,
            )

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
    def sources(self) -> Storages:
        return source_storages(self.opened)

    @cached_property
    def targets(self) -> Storages:
        return target_storages(self.opened)

    @cached_property
    def config_diff(self) -> str:
        """What replacing the project's labeling config would change of what labels stand on or
        somebody else wrote; empty where nothing would suffer."""
        project, config = self.opened.remote, self.config
        if not project.has_config or same_text(project.label_config, config.text):
            return ""
        known = known_project(self.workspace)
        agreed = known.config if known is not None and known.is_of(project) else ""
        if agreed == fingerprint(project.label_config):
            with contextlib.suppress(ConfigurationError):
                if config.holds(parse_labeling_config(project.label_config)):
                    return ""
            if not self.client.annotation_count(project.id):
                return ""
        return text_diff(project.label_config, config.text)

    @cached_property
    def config(self) -> LabelingConfig:
        return read_labeling_config(self.workspace.project.label_config)

    @cached_property
    def manifest(self) -> Manifest:
        return finish(look_at_images(self.workspace))


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `needs` names the step without which a probe can see nothing; one that may take
    long is work, with progress."""

    id: StepId
    title: str
    why: str
    needs: StepId | None
    probe: Callable[[Setup], Found | Work[Found]]
    apply: Callable[[Setup], Work[None]]
