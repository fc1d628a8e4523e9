"""One at a time: locks between the labelpilots of a workspace.

A lock is the operating system's, on an open file: it ends with the process that holds it, however
that ends, and a file that was left behind locks nothing.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from core.errors import LabelpilotError
from core.own_files import make_own, open_own, read_own, refuse_links
from core.read_only import is_read_only
from core.workspace.settings import Workspace


class Busy(LabelpilotError):
    """Another labelpilot is at the same work."""


@contextlib.contextmanager
def only_one(workspace: Workspace, name: str, *, wait: float = 0.0) -> Iterator[None]:
    """Hold the workspace's lock `name`, waiting at most `wait` seconds for it.

    Raises Busy, naming the holder, where another has it, and LabelpilotError where the file system
    takes no lock. Who may change nothing needs none.
    """
    if is_read_only():
        yield
        return
    import filelock

    workspace.state.make()
    path = workspace.state.locks / f"{name}.lock"
    holder = path.with_suffix(".holder")
    # Whoever holds it for long may give it back in another thread.
    lock = filelock.FileLock(refuse_links(path), thread_local=False)
    try:
        make_own(workspace.state.locks)
        lock.acquire(timeout=wait)
    except filelock.Timeout:
        raise Busy(
            f"Another labelpilot is at the same work here ({name}).",
            cause=_read(holder),
            next_step="Wait until it has ended; this one has changed nothing.",
        ) from None
    except (OSError, NotImplementedError) as error:
        raise LabelpilotError(
            f"{path} cannot be locked, so nothing was changed.",
            cause=str(error),
            next_step="Fix the folder's rights, or move the workspace to a local disk.",
        ) from None
    try:
        with contextlib.suppress(OSError), open_own(holder, "wb") as file:
            told = f"It is process {os.getpid()}, since {time.strftime('%H:%M:%S')}."
            file.write(told.encode())
        yield
    finally:
        # Before the lock goes: the file is its holder's.
        with contextlib.suppress(OSError):
            holder.unlink()
        lock.release()


@contextlib.contextmanager
def first_free(workspace: Workspace, name: str, most: int) -> Iterator[int]:
    """Hold the first of the locks `name`-1, `name`-2, ... that nobody has, and say its number.

    Raises Busy where `most` are held, and what `only_one` raises.
    """
    for number in range(1, most + 1):
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(only_one(workspace, f"{name}-{number}"))
            except Busy:
                if number == most:
                    raise
                continue
            yield number
            return


def _read(holder: Path) -> str:
    try:
        return read_own(holder).decode()
    except (OSError, ValueError):
        return ""
