"""What is known of a workspace by what it keeps."""

from __future__ import annotations

import os
from pathlib import Path

from core.setup.standing import Standing, look_at_standing
from core.workspace.settings import save_workspace


def test_the_last_sync_and_export_are_known_and_whether_labels_came_since(tmp_path: Path) -> None:
    workspace = save_workspace(tmp_path, {})
    assert look_at_standing(workspace) == Standing()
    folder, dataset = workspace.annotations.path, workspace.annotations.dataset
    folder.mkdir(parents=True)
    dataset.write_text("{}")
    signed = workspace.state.locks / "sync-7.lease"
    signed.parent.mkdir(parents=True)
    signed.touch()
    for path, moment in ((folder, 10.0), (dataset, 20.0), (signed, 5.0)):
        os.utime(path, (moment, moment))
    assert look_at_standing(workspace) == Standing(synced=5.0, exported=20.0, newer=False)
    os.utime(folder, (30.0, 30.0))
    assert look_at_standing(workspace).newer
