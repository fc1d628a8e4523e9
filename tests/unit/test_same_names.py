"""Our packages are named `core` and `tui`. Others have such packages too, and none is taken for the
other's: Label Studio's `core` is met in tests/unit/studio/test_launcher.py and, by a real server,
in tests/security/test_server.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.dataset.reading.workers import Worker, WorkerSetup
from core.errors import LabelpilotError
from core.labeling_config import LabelingConfig
from core.learning.hooks.run import run_hooks
from core.progress import finish
from core.workspace.settings import load_workspace

LABELPILOT = [str(Path(sys.executable).with_name("labelpilot"))]
AS_A_MODULE = [sys.executable, "-m", "tui"]
NONE = {"source": None, "kind": None}
HOOKS = """
import core, tui
def get_embeddings():
    raise LookupError(f"{core.WHOSE} {tui.WHOSE}")
get_loss_trainset = get_embeddings
"""


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A workspace with packages `core` and `tui` of the user's own, which the hooks import."""
    for name in ("core", "tui"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"WHOSE = 'their {name}'\n")
    (tmp_path / "active_learning.py").write_text(HOOKS)
    (tmp_path / "labelpilot.toml").write_text('[learning]\nhooks = "active_learning.py"\n')
    return tmp_path


def token_show(folder: Path, *command: str, **variables: str) -> object:
    done = subprocess.run(
        [*command, "token", "show", "--json"],
        cwd=folder,
        env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_labelpilot_loads_its_own_in_a_folder_with_others(theirs: Path) -> None:
    assert token_show(theirs, *LABELPILOT) == NONE


@pytest.mark.parametrize("command", [LABELPILOT, AS_A_MODULE], ids=["labelpilot", "-m tui"])
def test_labelpilot_loads_its_own_core_where_pythonpath_names_another(
    theirs: Path, command: list[str]
) -> None:
    (theirs / "tui").rename(theirs / "tui_of_theirs")
    assert token_show(theirs, *command, PYTHONPATH=str(theirs)) == NONE


def test_its_workers_run_nothing_of_the_folder_they_are_started_in(
    theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(theirs)
    monkeypatch.syspath_prepend(theirs)
    worker = Worker(WorkerSetup(str(theirs), str(theirs), LabelingConfig()))
    try:
        worker.send([])
        assert len(worker.answers(60)) == 1
    finally:
        worker.close()


def test_the_users_hooks_import_theirs(theirs: Path) -> None:
    with pytest.raises(LabelpilotError) as error:
        finish(run_hooks(load_workspace(theirs), theirs / "round"))
    assert "their core their tui" in error.value.cause
