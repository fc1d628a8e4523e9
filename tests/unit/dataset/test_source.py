"""Where annotations come from: the folder with or without a server, or the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from core.dataset.export import export_dataset, preview_dataset
from core.errors import ConfigurationError, LabelpilotError
from core.progress import finish
from core.workspace.settings import Workspace

Build = Callable[..., dict[str, Any]]
Write = Callable[..., None]


def test_the_folder_is_read_without_a_server_and_that_is_said(
    write: Write, annotation: Build, workspace: Workspace
) -> None:
    write(annotation(1, "ds/a.png", ["N"]))
    notes: list[str] = []
    result = finish(preview_dataset(workspace, "storage"), lambda event: notes.append(event.note))
    assert (result.images, result.unchecked, result.source) == (1, 1, "annotations")
    assert any(note.startswith("Label Studio was not asked") for note in notes)


def test_a_missing_folder_names_what_makes_it(workspace: Workspace) -> None:
    workspace.annotations.path.rmdir()
    with pytest.raises(ConfigurationError, match="does not exist") as raised:
        finish(preview_dataset(workspace, "storage"))
    assert "labelpilot setup" in raised.value.next_step


def test_the_api_needs_a_server(workspace: Workspace) -> None:
    with pytest.raises(LabelpilotError):
        finish(preview_dataset(workspace, "api"))


def test_only_the_folder_can_be_written_anew(workspace: Workspace) -> None:
    with pytest.raises(ConfigurationError, match="written again") as raised:
        finish(export_dataset(workspace, "api", rewrite=True))
    assert "--rewrite" in raised.value.next_step


def test_where_nothing_named_can_be_read_the_next_step_is_not_to_label(
    workspace: Workspace, write: Write
) -> None:
    file = workspace.root / "export.json"
    file.write_text('[{"id": 1, "image": "a.png", "kind": "cat", "annotation_id": 1}]')
    with pytest.raises(LabelpilotError, match="no annotation") as named:
        finish(preview_dataset(workspace, file))
    assert "as JSON" in named.value.next_step
    write({"id": 1, "result": "nothing"})
    with pytest.raises(LabelpilotError, match="no annotation") as found:
        finish(preview_dataset(workspace, "storage"))
    assert "--rewrite" in found.value.next_step
