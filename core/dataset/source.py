"""Where annotations come from: the target storage's folder, Label Studio itself, or what is named.

The folder can be read without a server. Where one answers, it is asked which annotations it has,
since the folder is no mirror of it, and for the labeling config in force.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from core.dataset.options import Origin
from core.errors import ConfigurationError, LabelpilotError
from core.workspace.settings import Workspace

if TYPE_CHECKING:
    from core.studio.project import OpenProject


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A target storage's folder. `live` are the ids of the annotations that Label Studio has.

    The folder is no mirror of the database (the file of a deleted annotation stays); without `live`
    that goes unchecked, and is counted so; `note` says why, where Label Studio should have been
    asked. `label_config` is the labeling config in force (None: the workspace's file, if there is
    one).
    """

    path: Path
    live: Set[int] | None = None
    label_config: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class FileSource:
    """One file: an export of Label Studio's (tasks with their annotations), or an annotation."""

    path: Path


@dataclass(frozen=True, slots=True)
class TaskSource:
    """Tasks with their annotations as the API returns them; `total` is how many will come.

    `label_config` is as in FolderSource.
    """

    tasks: Iterable[object]
    total: int | None = None
    label_config: str | None = None


Source: TypeAlias = "FolderSource | FileSource | TaskSource"
# Which source is meant: by its name, or by the path of another folder or file.
Named: TypeAlias = "Origin | Path"
# What is said while a source is opened.
ASKING = "asking Label Studio which annotations it has"


@contextlib.contextmanager
def open_source(
    workspace: Workspace, origin: Named, project: OpenProject | None = None
) -> Iterator[Source]:
    """The workspace's annotations, or those that a path names, for as long as the block lasts.

    Label Studio is asked by way of `project`, where that is open already. Raises ConfigurationError
    where the folder or the file is missing, and, from the API, what `open_project` raises,
    StudioRefused and StudioUnreachable.
    """
    if isinstance(origin, Path):
        if not origin.exists():
            raise ConfigurationError(
                f"There is no folder and no file {origin}.",
                next_step="Name a folder of annotations, or an export of Label Studio's (JSON).",
            )
        yield FolderSource(origin) if origin.is_dir() else FileSource(origin)
        return
    if origin == "api":
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            total = len(opened.client.annotated_task_ids(opened.id))
            tasks = opened.client.annotated_tasks(opened.id)
            yield TaskSource(tasks, total, opened.remote.label_config)
        return
    if not os.path.isdir(workspace.annotations.path):
        raise ConfigurationError(
            f"The annotation folder {workspace.annotations.path} does not exist.",
            next_step="Run `labelpilot setup`, which makes it; or export from Label Studio "
            "itself: `labelpilot export --from api`.",
        )
    yield _folder(workspace, project)


def _folder(workspace: Workspace, project: OpenProject | None) -> FolderSource:
    """The annotation folder, with what Label Studio knows of it if it can be asked."""
    from core.studio.project import open_project

    path = workspace.annotations.path
    try:
        with (
            open_project(workspace)
            if project is None
            else contextlib.nullcontext(project) as opened
        ):
            live = frozenset(opened.client.annotation_ids(opened.id))
            return FolderSource(path, live, opened.remote.label_config)
    except LabelpilotError as error:
        note = f"Label Studio was not asked which annotations are still there. {error.message}"
        return FolderSource(path, note=note)
