from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from core.processes import end, lives, start

# Starts one that heeds nothing and is left behind, and says its number.
PARENT = """
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", '''
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
'''], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
"""


def family(then: str) -> list[psutil.Process]:
    """A program that goes on with `then`, and the one that it has started."""
    process = start([sys.executable, "-c", PARENT + then], stdout=subprocess.PIPE)
    child = psutil.Process(int(process.stdout.readline()))
    return [process, child]


@pytest.mark.parametrize("then", ["child.wait()", ""])
def test_ending_a_program_ends_what_it_started_too(then: str) -> None:
    process, child = family(then)
    if not then:
        # Until it has ended, and left the other behind.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert lives(child)
    assert end(process, 0.2)
    assert not lives(process) and not lives(child)
    assert end(process, 0.2)


def test_what_heeds_a_request_is_given_the_time_to_end_in_order(tmp_path: Path) -> None:
    orderly = """
import pathlib, signal, sys, time
def ended(*_):
    pathlib.Path(sys.argv[1]).write_text("in order")
    sys.exit()
signal.signal(signal.SIGTERM, ended)
print("up", flush=True)
time.sleep(600)
"""
    note = tmp_path / "note"
    process = start([sys.executable, "-c", orderly, str(note)], stdout=subprocess.PIPE)
    process.stdout.readline()
    assert end(process, 10.0)
    assert note.read_text() == "in order"
    assert process.returncode == 0


def test_a_program_has_a_session_of_its_own_and_the_environment_it_is_given() -> None:
    code = (
        "import os, sys; print(os.getsid(0) == os.getpid(), sorted(os.environ), sys.stdin.read())"
    )
    process = start([sys.executable, "-c", code], environment={"A": "1"}, stdout=subprocess.PIPE)
    told = process.communicate(timeout=30)[0].decode()
    assert os.getsid(0) != process.pid
    assert told.startswith("True") and "'A'" in told and "HOME" not in told
