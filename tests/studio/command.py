"""The command line, run as people run it."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND_SECONDS = 400
ROOT = Path(__file__).parents[2]
LABELPILOT = str(Path(sys.executable).with_name("labelpilot"))


@dataclass(frozen=True)
class Ran:
    """A command of labelpilot's that has ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(
    *arguments: str, typed: str = "", seconds: float = COMMAND_SECONDS, **variables: str
) -> Ran:
    """Run `labelpilot` with `arguments`, without a terminal, with only these variables set and
    `typed` to read; for so many `seconds` at most.

    The command is a fork of a process that has loaded labelpilot (`tests.studio.loaded`).
    """
    asked = {
        "arguments": [LABELPILOT, *arguments],
        "variables": _environment() | variables,
        "folder": os.getcwd(),
        "typed": typed,
    }
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(seconds)
        line.connect(_loaded())
        line.sendall(json.dumps(asked).encode() + b"\n")
        answer = b"".join(iter(lambda: line.recv(1 << 16), b""))
    return _checked(Ran(**json.loads(answer)))


def run_anew(*arguments: str, **variables: str) -> Ran:
    """Run it as people do: a program that is loaded for this one command."""
    done = subprocess.run(
        [LABELPILOT, *arguments],
        env=_environment() | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    return _checked(Ran(done.returncode, done.stdout, done.stderr))


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if "LABEL_STUDIO" not in name}


def _checked(done: Ran) -> Ran:
    assert "Traceback" not in done.err, done.err
    return done


@functools.cache
def _loaded() -> str:
    """Where the process listens that has loaded labelpilot; it ends with this one."""
    address = Path(tempfile.mkdtemp(prefix="loaded-")) / "socket"
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.studio.loaded", str(address)], cwd=ROOT
    )
    deadline = time.monotonic() + COMMAND_SECONDS
    while not address.with_suffix(".ready").exists():
        assert process.poll() is None, "it did not come up"
        assert time.monotonic() < deadline, "it did not come up in time"
        time.sleep(0.02)
    atexit.register(shutil.rmtree, address.parent, ignore_errors=True)
    return str(address)
