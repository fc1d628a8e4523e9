"""Processes that read and interpret files beside us, so that more than one core is at work.

The parent hands them names, and gets back records and what was left out, or which files have
changed since. They are plain processes that talk over their pipes: a fork would copy an app that
has threads, and the processes of a ProcessPoolExecutor import the caller's `__main__` again and
outlive a parent that is killed. Where one cannot be started or dies, the parent does its work;
nobody waits for it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TypeVar

import msgspec
from msgspec import Struct

from core.dataset.reading.batch import Block, Interpreted, interpret
from core.dataset.reading.folder import Folder
from core.dataset.reading.records import Interpreter
from core.labeling_config import LabelingConfig

PYTHON = sys.executable
MOST_WORKERS = min(7, (os.cpu_count() or 1) - 1)
# Fewer files are read sooner than a worker has started.
FILES_FOR_A_WORKER = 20_000
# Seconds after which a worker that says nothing is given up.
SILENCE = 60.0
# So many names that are to be read, each as long as a name can be, fit into a pipe. Were there
# more, parent and worker could each wait for the other to read.
MOST_NAMES = 240
# Jobs that a worker has: the one it is at work on, and the next.
_AHEAD = 2
_LENGTH = struct.Struct(">I")
_PART = 2**20
_OURS = Path(__file__).parents[3]
_SERVE = "from core.dataset.reading.workers import serve; serve()"

# Names of files that are to be read, or a block whose files may have changed.
Job = list[str] | Block
# What the files hold, or the places in the block of those that have changed: were it all of them,
# two such answers still fit into a pipe.
Answer = Interpreted | list[int]
Message = TypeVar("Message")


class WorkerSetup(Struct, frozen=True):
    """What the parent says first: which folder, and how its files are to be read."""

    folder: str
    images: str
    config: LabelingConfig


class WorkerFailed(Exception):
    """The process is gone, silent for too long, or talks nonsense."""


class Workers:
    """As many workers as are worth it, and how work is shared out between them and their parent."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._setup = setup
        self._workers: list[Worker] = []
        self._failed: list[Job] = []

    def start(self, files: int) -> None:
        """Have as many as are worth it for so many files."""
        with contextlib.suppress(WorkerFailed):
            while len(self._workers) < min(MOST_WORKERS, files // FILES_FOR_A_WORKER):
                self._workers.append(Worker(self._setup))

    def share(
        self, jobs: Iterator[Job], here: Callable[[Job], Answer]
    ) -> Iterator[tuple[Job, Answer]]:
        """Do all jobs, some of them `here`, the others by the workers; each with its answer."""
        yield from self._answers(jobs)
        for job in jobs:
            yield job, here(job)
            yield from self._answers(jobs)
        while any(worker.pending for worker in self._workers):
            yield from self._answers(jobs, SILENCE)
        failed, self._failed = self._failed, []
        for job in failed:
            yield job, here(job)

    def close(self) -> None:
        """End the workers, whatever they are at."""
        for worker in self._workers:
            worker.close()

    def _answers(self, jobs: Iterator[Job], seconds: float = 0) -> Iterator[tuple[Job, Answer]]:
        """The answers that have come. Each worker gets a job more than it is at work on."""
        for worker in self._workers[:]:
            try:
                answers = worker.answers(seconds) if worker.pending else []
                if seconds and worker.pending and not answers:
                    raise WorkerFailed("it is silent")
                yield from answers
                while len(worker.pending) < _AHEAD and (job := next(jobs, None)) is not None:
                    worker.send(job)
            except WorkerFailed:
                self._failed += worker.pending
                self._workers.remove(worker)
                worker.close()


class Worker:
    """A running process. All of it raises WorkerFailed where the process cannot be had.

    `pending` are the jobs that were not answered yet, the first one first.
    """

    def __init__(self, setup: WorkerSetup) -> None:
        # Here, so that no worker has to load what starts it.
        from core.processes import start

        self.pending: list[Job] = []
        self._received = bytearray()
        try:
            self.process = start(
                # The parent's path finds the same modules, without the time that `site` takes.
                [PYTHON, "-S", "-c", _SERVE],
                # Python looks there first: in the workspace, it would run what is named `core`.
                cwd=_OURS,
                environment={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            self._jobs, self._answers = self.process.stdin, self.process.stdout.fileno()
            os.set_blocking(self._answers, False)
            _write(self._jobs, setup)
        except (OSError, ValueError) as error:
            raise WorkerFailed(str(error)) from None

    def send(self, job: Job) -> None:
        """Hand over a job; at most one more than it is at work on."""
        self.pending.append(job)
        names, stamps = (job.names, job.stamps) if isinstance(job, Block) else (job, None)
        try:
            _write(self._jobs, (names, stamps))
        except (OSError, ValueError) as error:
            raise WorkerFailed(str(error)) from None

    def answers(self, seconds: float = 0) -> list[tuple[Job, Answer]]:
        """The jobs done since, with their answers; wait so long if none is done yet."""
        found: list[tuple[Job, Answer]] = []
        try:
            if not select.select([self._answers], [], [], seconds)[0]:
                return found
            with contextlib.suppress(BlockingIOError):
                while part := os.read(self._answers, _PART):
                    self._received += part
                raise WorkerFailed("it has ended")
            while (content := self._next_answer()) is not None:
                job = self.pending[0]
                answer: Answer
                if isinstance(job, Block):
                    answer = msgspec.msgpack.decode(content, type=list[int])
                else:
                    answer = msgspec.msgpack.decode(content, type=Interpreted)
                found.append((job, answer))
                del self.pending[0]
        except (OSError, msgspec.DecodeError) as error:
            raise WorkerFailed(str(error)) from None
        return found

    def close(self) -> None:
        """End the process, whatever it is at."""
        self.process.kill()
        with contextlib.suppress(OSError):
            self.process.communicate()

    def _next_answer(self) -> bytes | None:
        if len(self._received) < _LENGTH.size:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(self._received)[0]
        if len(self._received) < end:
            return None
        content = bytes(self._received[_LENGTH.size : end])
        del self._received[:end]
        return content


def serve() -> None:
    """Be a worker: read a setup and jobs from standard input, answer on standard output."""
    jobs, answers = sys.stdin.buffer, sys.stdout.buffer
    # Nothing here makes cycles that would have to be looked for.
    gc.disable()
    try:
        setup = _read(jobs, WorkerSetup)
        folder = Folder(Path(setup.folder))
        interpreter = Interpreter(setup.config, Path(setup.images))
        while True:
            names, stamps = _read(jobs, tuple[list[str], list[int] | None])
            if stamps is None:
                _write(answers, interpret(names, folder.read(names), interpreter))
            else:
                _write(answers, folder.changed(names, stamps))
    except (EOFError, OSError):
        return


def _write(stream: IO[bytes], message: object) -> None:
    content = msgspec.msgpack.encode(message)
    stream.write(_LENGTH.pack(len(content)) + content)
    stream.flush()


def _read(stream: IO[bytes], kind: type[Message]) -> Message:
    header = stream.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(header)
    return msgspec.msgpack.decode(stream.read(length), type=kind)
