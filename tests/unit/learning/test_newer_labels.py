"""What a plan says of labels that came after dataset.json was written."""

from __future__ import annotations

from pathlib import Path

from core.learning.rounds.planning import newer_labels
from core.workspace.settings import save_workspace


def test_labels_that_the_dataset_does_not_know_are_counted(tmp_path: Path) -> None:
    workspace = save_workspace(tmp_path, {"annotations": {"dataset": "dataset.json"}})
    assert newer_labels(workspace, {"a", "b"}) == 0
    workspace.annotations.dataset.write_text('{"a": ["cat"], "gone": []}')
    assert newer_labels(workspace, {"a", "b", "c"}) == 2
    assert newer_labels(workspace, {"a"}) == 0
