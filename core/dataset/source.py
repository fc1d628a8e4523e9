"""Where annotations come from: the target storage's folder, or Label Studio itself.

The folder can be read without a server. Where one answers, it is asked which annotations it has,
since the folder is no mirror of it, and for the labeling config in force.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from core.dataset.options import Origin
from core.errors import ConfigurationError, LabelpilotError
from core.workspace.settings import Workspace


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
class TaskSource:
    """Tasks with their annotations as the API returns them; `total` is how many will come.

    `label_config` is as in FolderSource.
    """

    tasks: Iterable[object]
    total: int | None = None
    label_config: str | None = None


Source: TypeAlias = "FolderSource | TaskSource"


@contextlib.contextmanager
def open_source(workspace: Workspace, origin: Origin) -> Iterator[Source]:
    """The workspace's annotations, for as long as the block lasts.

    Raises ConfigurationError where the annotation folder is missing, and, from the API, what
    `open_project` raises, StudioRefused and StudioUnreachable.
    """
    if origin == "api":
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            total = len(opened.client.annotated_task_ids(opened.id))
            tasks = opened.client.annotated_tasks(opened.id)
            yield TaskSource(tasks, total, opened.remote.label_config)
        return
    if not workspace.annotations.path.is_dir():
        raise ConfigurationError(
            f"The annotation folder {workspace.annotations.path} does not exist.",
            next_step="Run `labelpilot setup`, which makes it; or export from Label Studio "
            "itself: `labelpilot export --from api`.",
        )
    yield _folder(workspace)


def _folder(workspace: Workspace) -> FolderSource:
    """The annotation folder, with what Label Studio knows of it if it can be asked."""
    from core.studio.project import open_project

    path = workspace.annotations.path
    try:
        with open_project(workspace) as opened:
            live = frozenset(opened.client.annotation_ids(opened.id))
            return FolderSource(path, live, opened.remote.label_config)
    except LabelpilotError as error:
        note = f"Label Studio was not asked which annotations are still there: {error.message}"
        return FolderSource(path, note=note)
