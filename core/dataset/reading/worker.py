"""A second process that reads and interprets files, so that more than one core is at work.

The parent hands it names, and gets back records and what was left out, or the files' stamps. It is
a plain process that talks over its pipes, not a fork: the app that starts it has threads. Where it
cannot be started or dies, the parent does its work; nobody waits for it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import struct
import subprocess
import sys
from pathlib import Path
from typing import IO, TypeVar

import msgspec
from msgspec import Struct

from core.dataset.reading.batch import Block, Interpreted, interpret
from core.dataset.reading.folder import Folder
from core.dataset.reading.records import Interpreter
from core.labeling_config import LabelingConfig

# So many names, each as long as a name can be, fit into a pipe. Were there more, parent and helper
# could each wait for the other to read.
MOST_NAMES = 240
_LENGTH = struct.Struct(">I")
_PART = 2**20
_SERVE = "from core.dataset.reading.worker import serve; serve()"

Message = TypeVar("Message")


class Order(Struct, frozen=True):
    """What the parent says first: which folder, and how its files are to be read."""

    folder: str
    images: str
    config: LabelingConfig


class Chunk(Struct, frozen=True):
    """Names of files that are to be read."""

    names: list[str]


# What a helper is asked: to read files, or to tell whether a block's files have changed.
Job = Chunk | Block
Answer = Interpreted | list[int]


class HelperFailed(Exception):
    """The process is gone, silent for too long, or talks nonsense."""


class Helper:
    """A running helper. All of it raises HelperFailed where the process cannot be had.

    `asked` are the jobs that were not answered yet, the first one first.
    """

    def __init__(self, order: Order) -> None:
        self.asked: list[Job] = []
        self._heard = bytearray()
        try:
            self._process = subprocess.Popen(
                # The parent's path finds the same modules, without the time that `site` takes.
                [sys.executable, "-S", "-c", _SERVE],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            assert self._process.stdin is not None and self._process.stdout is not None
            self._jobs, self._answers = self._process.stdin, self._process.stdout.fileno()
            os.set_blocking(self._answers, False)
            _say(self._jobs, order)
        except (OSError, ValueError) as error:
            raise HelperFailed(str(error)) from None

    def ask(self, job: Job) -> None:
        """Hand over a job; at most one more than it is at work on."""
        self.asked.append(job)
        try:
            _say(self._jobs, (isinstance(job, Block), job.names))
        except (OSError, ValueError) as error:
            raise HelperFailed(str(error)) from None

    def answers(self, seconds: float = 0) -> list[tuple[Job, Answer]]:
        """The jobs done since, with what they gave; wait so long if none is done yet.

        A chunk gives what its files hold, a block the stamps of its files.
        """
        found: list[tuple[Job, Answer]] = []
        try:
            if not select.select([self._answers], [], [], seconds)[0]:
                return found
            with contextlib.suppress(BlockingIOError):
                while part := os.read(self._answers, _PART):
                    self._heard += part
                raise HelperFailed("it has ended")
            while (content := self._next_answer()) is not None:
                job = self.asked[0]
                answer: Answer
                if isinstance(job, Block):
                    answer = msgspec.msgpack.decode(content, type=list[int])
                else:
                    answer = msgspec.msgpack.decode(content, type=Interpreted)
                found.append((job, answer))
                del self.asked[0]
        except (OSError, msgspec.DecodeError) as error:
            raise HelperFailed(str(error)) from None
        return found

    def close(self) -> None:
        """End the process, whatever it is at."""
        self._process.kill()
        with contextlib.suppress(OSError):
            self._process.communicate()

    def _next_answer(self) -> bytes | None:
        if len(self._heard) < _LENGTH.size:
            return None
        end = _LENGTH.size + _LENGTH.unpack_from(self._heard)[0]
        if len(self._heard) < end:
            return None
        content = bytes(self._heard[_LENGTH.size : end])
        del self._heard[:end]
        return content


def serve() -> None:
    """Be a helper: read an order and jobs from standard input, answer on standard output."""
    jobs, answers = sys.stdin.buffer, sys.stdout.buffer
    # Nothing here makes cycles that would have to be looked for.
    gc.disable()
    try:
        order = _hear(jobs, Order)
        folder = Folder(Path(order.folder))
        interpreter = Interpreter(order.config, Path(order.images))
        while True:
            stamps_only, chunk = _hear(jobs, tuple[bool, list[str]])
            if stamps_only:
                _say(answers, folder.stamps(chunk))
            else:
                _say(answers, interpret(chunk, folder.read(chunk), interpreter))
    except (EOFError, OSError):
        return


def _say(stream: IO[bytes], message: object) -> None:
    content = msgspec.msgpack.encode(message)
    stream.write(_LENGTH.pack(len(content)) + content)
    stream.flush()


def _hear(stream: IO[bytes], kind: type[Message]) -> Message:
    header = stream.read(_LENGTH.size)
    if len(header) < _LENGTH.size:
        raise EOFError
    (length,) = _LENGTH.unpack(header)
    return msgspec.msgpack.decode(stream.read(length), type=kind)
