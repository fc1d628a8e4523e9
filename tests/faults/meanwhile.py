"""What happens beside a sync: commands, somebody who labels, a locked database, a full disk; and
the waits that people meet, cut short."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from core.secrets.credentials import VARIABLE
from core.studio.client import StudioClient
from core.tasks import limits
from tests.faults.server import CAT, Case, FaultServer
from tests.studio.command import COMMAND_SECONDS, LABELPILOT

# The waits that people meet, in a tenth of the time, and batches of which a few images make three.
SHORT: dict[str, Any] = {
    "ANSWER_SECONDS": 3.0,
    "FIRST_BATCH": 60,
    "LARGEST_BATCH": 60,
    "SEARCH_SECONDS": 1.0,
    "COUNT_SECONDS": 0.2,
    "LOOK_SECONDS": 0.5,
    "QUIET_SECONDS": 4.0,
    "BEGIN_SECONDS": 1.0,
    "BEAT_SECONDS": 1.0,
    "STALE_SECONDS": 4.0,
}


@contextlib.contextmanager
def short_waits(server: FaultServer) -> Iterator[None]:
    """Here and now, the token at hand and the waits cut short."""
    token = mock.patch.dict(os.environ, {VARIABLE: server.token})
    with mock.patch.multiple(limits, **SHORT), token:
        yield


def command(server: FaultServer, root: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start `labelpilot` with `arguments` on the workspace in `root`."""
    return subprocess.Popen(
        [LABELPILOT, *arguments, "--workspace", str(root)],
        env=os.environ | {VARIABLE: server.token},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """The exit code, output and errors of a command that ends."""
    out, err = process.communicate(timeout=COMMAND_SECONDS)
    assert "Traceback" not in err, err
    return process.returncode, out, err


def press_sync(client: StudioClient, case: Case) -> None:
    """What the button on Label Studio's storage page does."""
    client.sync_storage(client.source_storages(case.project_id)[0])


class Annotator:
    """Somebody who submits an annotation every 100 ms, for as long as the block lasts."""

    def __init__(self, case: Case, pause: float = 0.1) -> None:
        self._case, self._pause = case, pause
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.submitted: list[int] = []

    def __enter__(self) -> Annotator:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)

    def _run(self) -> None:
        drawn = random.Random(0)
        with contextlib.closing(self._case.server.client()) as client:
            while not self._stop.wait(self._pause):
                if tasks := self._case.task_ids():
                    self.submitted.append(client.annotate(drawn.choice(tasks), CAT))


@contextlib.contextmanager
def locked_database(server: FaultServer) -> Iterator[None]:
    """Another program holds the database's write lock."""
    with contextlib.closing(
        sqlite3.connect(server.database, timeout=60, check_same_thread=False)
    ) as database:
        database.isolation_level = None
        database.execute("begin immediate")
        yield
        database.execute("rollback")


@contextlib.contextmanager
def full_disk(server: FaultServer) -> Iterator[None]:
    """The disk under the database has no room left, nor has what it set aside for writing."""
    with contextlib.closing(sqlite3.connect(server.database, timeout=60)) as database:
        database.execute("pragma wal_checkpoint(truncate)")
    filler = server.workspace.state.server / "filler"
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 65536)
    try:
        yield
    finally:
        filler.unlink()


def wait_until(condition: object, seconds: float = 60.0) -> None:
    """Wait for `condition()` to be true."""
    assert callable(condition)
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.02)
