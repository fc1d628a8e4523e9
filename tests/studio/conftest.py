"""Real Label Studios: one of labelpilot's own with the example, one that it did not start.

Each is started once a test session, when the first test asks for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.studio.client import StudioClient
from core.studio.lookup import connect
from core.studio.server import stop_server
from core.workspace import load_workspace
from tests.studio.stock import Stock, stock_server

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


@dataclass(frozen=True)
class Demo:
    """The example after `labelpilot demo --auto --json`, its server still running."""

    folder: Path
    result: dict[str, Any]

    def run(self, *arguments: str, **variables: str) -> Ran:
        return run(*arguments, "--workspace", str(self.folder), **variables)

    def client(self) -> StudioClient:
        return connect(load_workspace(self.folder))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("journey") / "demo"
    done = run("demo", "--auto", "--json", "--dir", str(folder))
    try:
        assert done.code == 0, done.err
        yield Demo(folder, done.json)
    finally:
        stop_server(load_workspace(folder))


@pytest.fixture(scope="session")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    folder = tmp_path_factory.mktemp("stock")
    root = folder / "files"
    root.mkdir()
    with stock_server(folder / "server", root) as server:
        yield server
