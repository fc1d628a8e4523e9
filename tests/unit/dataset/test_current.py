"""What learns from labels has them as they are now, and says so where it has not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core.dataset.current import current_labels
from core.dataset.export import ExportResult
from core.progress import finish
from core.workspace.settings import Workspace

Build = Callable[..., dict[str, Any]]
Export = Callable[..., ExportResult]
Write = Callable[..., None]


def test_labels_that_are_newer_than_the_dataset_count(
    write: Write, annotation: Build, export: Export, workspace: Workspace
) -> None:
    write(annotation(1, "ds/a.png", ["N"]))
    export()
    write(annotation(1, "ds/a.png", ["indoor"], second=5), annotation(2, "ds/b.png", ["N"]))
    assert finish(current_labels(workspace)) == {"a": ("indoor",), "b": ("N",)}


def test_the_workspaces_rule_counts(
    write: Write, annotation: Build, export: Export, workspace: Workspace
) -> None:
    write(annotation(1, "ds/a.png", ["N"]), annotation(2, "ds/a.png", ["indoor"]))
    annotations = replace(workspace.annotations, rule="union")
    ours = replace(workspace, annotations=annotations)
    assert finish(current_labels(ours)) == {"a": ("indoor", "N")}
    assert export(rule=None).rule == "latest"


def test_the_dataset_stands_in_for_annotations_that_are_gone_and_that_is_said(
    write: Write, annotation: Build, export: Export, workspace: Workspace
) -> None:
    write(annotation(1, "ds/a.png", ["N"]))
    export()
    (workspace.annotations.path / "1").unlink()
    notes: list[str] = []
    assert finish(current_labels(workspace), lambda event: notes.append(event.note)) == {"a": ["N"]}
    assert any("dataset.json" in note for note in notes)
    workspace.annotations.dataset.unlink()
    assert finish(current_labels(workspace)) is None
