"""What labelpilot reads of the patches that do not hold in its server."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.studio import patches
from core.studio.launcher.patches import RECORD
from core.studio.patches import UNKNOWN, ClosedPatch, closed_patches
from core.studio.process import ServerRecord, write_record
from core.workspace.settings import Studio, Workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """One whose server, process 7, is said to run."""
    workspace = Workspace(tmp_path)
    workspace.state.server.mkdir(parents=True)
    write_record(workspace, ServerRecord(7, 8080, ""))
    monkeypatch.setattr(patches, "living", lambda workspace, record: object())
    return workspace


@pytest.mark.parametrize(
    ("content", "closed"),
    [
        ('{"pid": 7, "closed": []}', ()),
        ('{"pid": 7, "closed": [{"name": "a", "without": "B."}]}', (ClosedPatch("a", "B."),)),
        ('{"pid": 8, "closed": []}', (UNKNOWN,)),
        ('{"pid": 7, "closed": [1]}', (UNKNOWN,)),
        ("[]", (UNKNOWN,)),
        ("{", (UNKNOWN,)),
    ],
)
def test_a_patch_holds_only_where_the_server_that_runs_wrote_so(
    workspace: Workspace, content: str, closed: tuple[ClosedPatch, ...]
) -> None:
    assert closed_patches(workspace) == (UNKNOWN,)
    (workspace.state.server / RECORD).write_text(content)
    assert closed_patches(workspace) == closed


def test_nothing_is_said_of_a_server_that_is_not_ours_or_does_not_run(tmp_path: Path) -> None:
    assert closed_patches(Workspace(tmp_path)) == ()
    assert closed_patches(Workspace(tmp_path, studio=Studio("http://127.0.0.1:1"))) == ()
