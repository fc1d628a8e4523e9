"""Where annotations come from: the target storage's folder, or Label Studio itself.

The folder can be exported without a server. Where one answers, it is asked which annotations it
has, since the folder is no mirror of it, and for the labeling config in force.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.dataset.export import (
    AnnotationSource,
    ExportResult,
    FolderSource,
    TaskSource,
    export_dataset,
    preview,
)
from core.dataset.options import FormatName, Origin, Rule
from core.dataset.split import Split
from core.dataset.target_sync import rewrite_folder
from core.errors import ConfigurationError, LabelpilotError
from core.progress import Progress, Work
from core.studio.project import connect, require_project
from core.workspace.settings import Workspace

if TYPE_CHECKING:
    from core.dataset.report.report import Report


def export_from(
    workspace: Workspace,
    origin: Origin = "storage",
    *,
    out: Path | None = None,
    format: FormatName = "json",
    rule: Rule = "latest",
    split: Split | None = None,
    rewrite: bool = False,
) -> Work[ExportResult]:
    """Write the workspace's dataset; with `rewrite`, after Label Studio wrote its folder anew.

    Raises what `export_dataset` and `rewrite_folder` raise, and, from the API, StudioRefused and
    StudioUnreachable.
    """
    if rewrite:
        if origin != "storage":
            raise ConfigurationError(
                "Only the target storage's folder can be written anew.",
                next_step="Leave out `--rewrite`: from the API, nothing is missing.",
            )
        yield from rewrite_folder(workspace)
    yield Progress("ask", note="asking Label Studio which annotations it has")
    with _opened(workspace, origin) as found:
        if found.note:
            yield Progress("ask", note=found.note)
        return (
            yield from export_dataset(
                workspace,
                found.source,
                out=out,
                format=format,
                rule=rule,
                label_config=found.label_config,
                split=split,
            )
        )


def preview_from(
    workspace: Workspace, origin: Origin = "storage", *, rule: Rule = "latest"
) -> Work[ExportResult]:
    """What `export_from` would write, without writing it."""
    yield Progress("ask", note="asking Label Studio which annotations it has")
    with _opened(workspace, origin) as found:
        if found.note:
            yield Progress("ask", note=found.note)
        return (
            yield from preview(workspace, found.source, rule=rule, label_config=found.label_config)
        )


def report_from(
    workspace: Workspace, origin: Origin = "storage", *, rule: Rule = "latest"
) -> Work[Report]:
    """The health report on what `export_from` would write. Raises as it does."""
    from core.dataset.report.report import make_report

    yield Progress("ask", note="asking Label Studio which annotations it has")
    with _opened(workspace, origin) as found:
        if found.note:
            yield Progress("ask", note=found.note)
        return (
            yield from make_report(
                workspace, found.source, rule=rule, label_config=found.label_config
            )
        )


@dataclass(frozen=True, slots=True)
class _Found:
    """A source, the labeling config in force (None: the workspace's file), and what to tell."""

    source: AnnotationSource
    label_config: str | None
    note: str = ""


@contextlib.contextmanager
def _opened(workspace: Workspace, origin: Origin) -> Iterator[_Found]:
    if origin == "api":
        with contextlib.closing(connect(workspace)) as client:
            project = require_project(client, workspace)
            total = len(client.annotated_task_ids(project.id))
            tasks = client.annotated_tasks(project.id)
            yield _Found(TaskSource(tasks, total), project.label_config)
        return
    if not workspace.annotations.path.is_dir():
        raise ConfigurationError(
            f"The annotation folder {workspace.annotations.path} does not exist.",
            next_step="Run `labelpilot setup`, which makes it; or export from Label Studio "
            "itself: `labelpilot export --from api`.",
        )
    yield _folder(workspace)


def _folder(workspace: Workspace) -> _Found:
    path = workspace.annotations.path
    try:
        with contextlib.closing(connect(workspace)) as client:
            project = require_project(client, workspace)
            live = frozenset(client.annotation_ids(project.id))
            return _Found(FolderSource(path, live), project.label_config)
    except LabelpilotError as error:
        note = f"Label Studio was not asked which annotations are still there: {error.message}"
        return _Found(FolderSource(path), None, note)
