"""The command line, run as people run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND_SECONDS = 400
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


def run(*arguments: str, **variables: str) -> Ran:
    """Run `labelpilot` with `arguments`, without a terminal and with only these variables set."""
    environment = {name: value for name, value in os.environ.items() if "LABEL_STUDIO" not in name}
    done = subprocess.run(
        [LABELPILOT, *arguments],
        env=environment | variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)
