"""The hooks of one run: they end with the labelpilot that runs them, and none takes another's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.learning.hooks.run import run_hooks
from core.processes import lives
from core.progress import finish
from core.workspace.locks import Busy
from tests.unit.learning.hooks_file import LOSSES, hooks_of, refusal, workspace

# Deaf to being asked, with a child that is too.
DEAF = """
import os, pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; print(1, flush=True); "
                          "time.sleep(600)"], stdout=subprocess.PIPE)
child.stdout.readline()
pathlib.Path("pids.new").write_text(f"{os.getpid()} {child.pid}")
os.rename("pids.new", "pids")
time.sleep(600)
"""
# A labelpilot that runs the hooks of the workspace in its folder.
LABELPILOT = """
import sys
from pathlib import Path
from core.learning.hooks.run import run_hooks
from core.progress import finish
from tests.unit.learning.hooks_file import workspace
root = Path(sys.argv[1])
finish(run_hooks(workspace(root, (root / "text").read_text()), root / "round"))
"""
SECONDS = 30.0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_hooks_end_with_the_labelpilot_that_runs_them(
    tmp_path: Path, number: signal.Signals
) -> None:
    import psutil

    (tmp_path / "text").write_text(DEAF)
    labelpilot = subprocess.Popen(
        [sys.executable, "-c", LABELPILOT, str(tmp_path)],
        # Under nohup, whatever it starts would ignore a hang-up too.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    try:
        until((tmp_path / "pids").exists)
        hooks = [psutil.Process(int(pid)) for pid in (tmp_path / "pids").read_text().split()]
        assert all(map(lives, hooks))
    finally:
        labelpilot.send_signal(number)
        labelpilot.wait(SECONDS)
    until(lambda: not any(map(lives, hooks)))


def test_a_second_run_waits_its_turn_and_the_first_comes_to_its_end(tmp_path: Path) -> None:
    text = (
        "import os, time\nprint('waiting')\nwhile not os.path.exists('go'): time.sleep(0.01)\n"
        "def get_embeddings(): return {'a': [1]}" + LOSSES
    )
    ready = workspace(tmp_path, text)
    first = run_hooks(ready, tmp_path / "round")
    for event in first:
        if event.note == "waiting":
            with pytest.raises(Busy):
                finish(run_hooks(ready, tmp_path / "round", reuse=True))
            (tmp_path / "go").touch()
    assert finish(run_hooks(ready, tmp_path / "round", reuse=True)).losses == {"a": 0.5}
    assert not [*(tmp_path / "round").glob("run-*")]


def test_a_result_that_another_run_left_meanwhile_is_not_this_ones(tmp_path: Path) -> None:
    hooks_of(tmp_path, "def get_embeddings(): return {'a': [1]}" + LOSSES)
    result = tmp_path / "round" / "result.json"
    text = f"open({str(result)!r}, 'w').write({result.read_text()!r})\n"
    error = refusal(tmp_path, text + "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert "Signal 9" in error.cause


def test_a_result_counts_only_if_the_run_ended_well(tmp_path: Path) -> None:
    text = (
        "import atexit, os\natexit.register(os._exit, 3)\n"
        "def get_embeddings(): return {'a': [1]}" + LOSSES
    )
    assert "exit code 3" in refusal(tmp_path, text).cause
    assert sorted(os.listdir(tmp_path / "round")) == ["hooks.log"]
