"""Other programs: how they are started, and how they are ended with all that they have started.

Each begins in a session of its own, so that no key pressed in our terminal reaches it, it may go on
when the terminal closes, and what it starts in its turn is known to be its own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from subprocess import DEVNULL, STDOUT, Popen
from typing import IO

import psutil

LOOK_SECONDS = 0.02
TETHER = Path(__file__).with_name("tether.py")

# What a program's input or output is connected with: a file, or a constant of `subprocess`.
Stream = int | IO[bytes]


def start(
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: Stream = DEVNULL,
    stdout: Stream = DEVNULL,
    stderr: Stream = STDOUT,
    inherited: Sequence[int] = (),
) -> psutil.Popen:
    """Start a program. It reads nothing, and what it prints goes nowhere, unless said otherwise.

    Without an `environment` it has ours; of our open files it gets those `inherited`, by number.
    Raises OSError where it cannot be started.
    """
    return psutil.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
        pass_fds=inherited,
    )


@contextlib.contextmanager
def _held() -> Iterator[tuple[list[str], int]]:
    """What a command begins with that is to end where this process does, and the file descriptor
    that it watches, to be closed here once it has it: it ends when the block does."""
    watched, held = os.pipe()
    with open(held, "wb"):
        yield [sys.executable, "-IS", str(TETHER), str(watched)], watched


@contextlib.contextmanager
def tethered(
    command: Sequence[str],
    *,
    patience: float,
    stdout: Stream,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[psutil.Popen]:
    """A program that ends with the block, asked first for `patience` seconds, and that is killed
    where this process ends without tidying up. Raises OSError as `start` does."""
    with _held() as (tether, watched):
        with open(watched, "rb"):
            process = start(
                [*tether, *command],
                cwd=cwd,
                environment=environment,
                stdout=stdout,
                inherited=(watched,),
            )
        try:
            yield process
        finally:
            end(process, patience)
            if process.stdout is not None:
                process.stdout.close()


def run_in_terminal(command: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> int:
    """Run a program with our terminal until it ends, and return its exit code.

    Keys reach it alone, as ctrl+c does. It is killed, with all that it has started, where this
    process ends first. Raises OSError where it cannot be started.
    """
    with _held() as (tether, watched):
        with open(watched, "rb"):
            process = Popen([*tether, *command], cwd=cwd, env=environment, pass_fds=(watched,))
        try:
            while True:
                _, status = os.waitpid(process.pid, os.WUNTRACED)
                if not os.WIFSTOPPED(status):
                    process.returncode = os.waitstatus_to_exitcode(status)
                    return process.returncode
                # There is no shell to take the terminal meanwhile.
                os.killpg(process.pid, signal.SIGCONT)
        finally:
            _take_terminal_back()


def _take_terminal_back() -> None:
    former = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.tcsetpgrp(0, os.getpgrp())
    signal.signal(signal.SIGTTOU, former)


def lives(process: psutil.Process) -> bool:
    """Whether a process has not ended. One that has, and is our own, stays to be waited for."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end(process: psutil.Process, patience: float) -> bool:
    """End a program and all that it started: ask first, insist after `patience` seconds.

    It need not be a child of ours, nor live any more itself. False if some of it stays.
    """
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        # Looked for anew before insisting: what was asked may have started something meanwhile.
        for member in (family := _family(process)):
            with contextlib.suppress(psutil.Error):
                ask(member)
        stays = _wait_for(family, patience)
    # A child of ours that has ended is one only until it is asked for.
    with contextlib.suppress(psutil.Error):
        process.wait(0)
    return not stays


def _family(process: psutil.Process) -> list[psutil.Process]:
    """What lives of a program: itself, its descendants, and what was left behind in its session."""
    found = {process.pid: process}
    with contextlib.suppress(psutil.Error):
        found |= {child.pid: child for child in process.children(recursive=True)}
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):
            if pid not in found and os.getsid(pid) == process.pid:
                found[pid] = psutil.Process(pid)
    return [member for member in found.values() if lives(member)]


def _wait_for(family: Sequence[psutil.Process], seconds: float) -> bool:
    """Wait until all have ended, so long at most; whether some have not."""
    deadline = time.monotonic() + seconds
    while stays := any(map(lives, family)):
        if time.monotonic() > deadline:
            break
        time.sleep(LOOK_SECONDS)
    return stays
