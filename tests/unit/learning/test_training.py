"""The user's training ends with labelpilot, and its failure is told with its last words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from core.errors import ConfigurationError, LabelpilotError
from core.learning.rounds.training import LOG, check_command, train
from core.processes import lives
from core.progress import finish
from core.workspace.settings import Workspace
from tests.unit.learning.test_hooks_runs import SECONDS, until

# Writes its number, and that of a child that heeds nothing.
LONG = """
import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import signal, time; "
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)"],
    stdout=subprocess.PIPE)
child.stdout.readline()
open("pids.new", "w").write(f"{os.getpid()} {child.pid}")
os.rename("pids.new", "pids")
time.sleep(600)
"""
LABELPILOT = """
import signal, sys
from pathlib import Path
from core.learning.rounds.training import train
from core.progress import finish
from core.workspace.settings import Workspace
signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the tests
finish(train(Workspace(Path.cwd()), [sys.executable, "-c", sys.argv[1]]))
"""


def test_what_it_prints_goes_to_a_log_and_its_end_is_waited_for(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert finish(train(workspace, [sys.executable, "-c", "print('epoch 1')"])) > 0
    assert (workspace.state.logs / LOG).read_text() == "epoch 1\n"


def test_a_failure_is_told_with_its_last_lines(tmp_path: Path) -> None:
    code = "for n in range(9): print('line', n)\nprint('10 %\\r100 %')\nraise SystemExit(7)"
    with pytest.raises(LabelpilotError) as caught:
        finish(train(Workspace(tmp_path), [sys.executable, "-c", code]))
    assert "exit code 7" in caught.value.message
    assert caught.value.cause == "line 7 / line 8 / 100 %"
    assert LOG in caught.value.next_step


def test_no_program_is_a_mistake_before_anything_begins() -> None:
    with pytest.raises(ConfigurationError, match="'nonesuch'"):
        check_command(["nonesuch", "train.py"])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_it_ends_with_all_that_it_started_when_labelpilot_does(
    tmp_path: Path, number: signal.Signals
) -> None:
    search = os.pathsep.join(sys.path)
    labelpilot = subprocess.Popen(
        [sys.executable, "-c", LABELPILOT, LONG],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": search},
        stderr=subprocess.DEVNULL,
    )
    try:
        until((tmp_path / "pids").exists)
        training = [psutil.Process(int(pid)) for pid in (tmp_path / "pids").read_text().split()]
        assert all(map(lives, training))
    finally:
        labelpilot.send_signal(number)
        labelpilot.wait(SECONDS)
    until(lambda: not any(map(lives, training)))
