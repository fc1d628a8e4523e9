"""One at a time: locks between the labelpilots of a workspace."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator

from core.errors import LabelpilotError
from core.workspace import Workspace


@contextlib.contextmanager
def only_one(workspace: Workspace, name: str, *, wait: float = 0.0) -> Iterator[None]:
    """Hold the workspace's lock `name`, waiting at most `wait` seconds for it.

    The lock ends with the process that holds it, however that ends. Raises LabelpilotError, naming
    the holder, where another has it.
    """
    import filelock

    workspace.make_folder()
    workspace.locks.mkdir(exist_ok=True)
    path = workspace.locks / f"{name}.lock"
    holder = path.with_suffix(".holder")
    lock = filelock.FileLock(path)
    try:
        lock.acquire(timeout=wait)
    except filelock.Timeout:
        raise LabelpilotError(
            f"Another labelpilot is at the same work here ({name}).",
            cause=holder.read_text() if holder.exists() else "",
            next_step="Wait until it has ended; this one has changed nothing.",
        ) from None
    try:
        holder.write_text(f"It is process {os.getpid()}, since {time.strftime('%H:%M:%S')}.")
        yield
    finally:
        lock.release()
