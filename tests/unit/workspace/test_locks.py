"""One at a time, and a lock that ends with its holder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import LabelpilotError
from core.workspace.locks import Busy, only_one
from core.workspace.settings import Workspace

HOLD = """
import sys
from pathlib import Path
from core.workspace.locks import only_one
from core.workspace.settings import Workspace
with only_one(Workspace(Path(sys.argv[1])), "sync-1"):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_one_is_told_who_holds_it(tmp_path: Path) -> None:
    process = holder(tmp_path)
    try:
        with pytest.raises(Busy) as raised, only_one(Workspace(tmp_path), "sync-1"):
            pass
    finally:
        process.communicate()
    assert f"process {process.pid}" in raised.value.cause


def test_another_name_is_another_lock(tmp_path: Path) -> None:
    with only_one(Workspace(tmp_path), "sync-1"), only_one(Workspace(tmp_path), "sync-2"):
        pass


def test_a_holder_that_was_killed_leaves_the_lock_free(tmp_path: Path) -> None:
    process = holder(tmp_path)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with only_one(Workspace(tmp_path), "sync-1"):
        pass


def test_a_block_that_fails_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), only_one(Workspace(tmp_path), "server"):
        raise ZeroDivisionError
    with only_one(Workspace(tmp_path), "server"):
        pass


def test_a_folder_that_takes_no_lock_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".labelpilot").mkdir()
    (tmp_path / ".labelpilot" / "locks").write_text("a file, where the folder is to be")
    with (
        pytest.raises(LabelpilotError, match="cannot be locked"),
        only_one(Workspace(tmp_path), "server"),
    ):
        pass


def test_a_workspace_that_cannot_be_written_to_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".labelpilot").write_text("a file, where the folder is to be")
    with (
        pytest.raises(LabelpilotError, match="cannot write to its folder"),
        only_one(Workspace(tmp_path), "server"),
    ):
        pass
