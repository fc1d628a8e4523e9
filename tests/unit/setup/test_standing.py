"""What is known of a workspace by what it keeps."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from core.setup.standing import PATIENCE, Standing, StandingWatch
from core.workspace.settings import Workspace, save_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Synced at 5, labeled at 10 and exported at 20."""
    made = save_workspace(tmp_path, {})
    folder, signed = made.annotations.path, made.state.locks / "sync-7.lease"
    folder.mkdir(parents=True)
    signed.parent.mkdir(parents=True)
    (folder / "1").write_text("{}")
    made.annotations.dataset.write_text("{}")
    signed.touch()
    moments = {signed: 5.0, folder / "1": 10.0, folder: 10.0, made.annotations.dataset: 20.0}
    for path, moment in moments.items():
        os.utime(path, (moment, moment))
    return made


def test_the_last_sync_and_export_are_known_and_whether_labels_came_since(
    workspace: Workspace, tmp_path: Path
) -> None:
    assert StandingWatch().look(save_workspace(tmp_path / "other", {})) == Standing()
    watch = StandingWatch()
    assert watch.look(workspace) == Standing(synced=5.0, exported=20.0, newer=False)
    os.utime(workspace.annotations.path, (30.0, 30.0))
    assert watch.look(workspace).newer


def test_a_label_that_was_changed_in_place_is_newer_and_is_looked_for_with_patience(
    workspace: Workspace,
) -> None:
    # Each look at the folder takes a second, and so does each question whether it is time.
    seconds = itertools.count()
    watch = StandingWatch(lambda: float(next(seconds)))
    assert not watch.look(workspace).newer
    os.utime(workspace.annotations.path / "1", (30.0, 30.0))
    looks = next(looks for looks in itertools.count(1) if watch.look(workspace).newer)
    assert looks == PATIENCE
    dataset = workspace.annotations.dataset
    os.utime(dataset, (40.0, 40.0))
    assert not watch.look(workspace).newer
