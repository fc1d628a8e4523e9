"""A second process that reads and interprets files, so that more than one core is at work.

The parent hands it names, and gets back records and what was left out. It is a plain process that
talks over its pipes, not a fork: the app that starts it has threads. Where it cannot be started or
dies, the parent does its work; nobody waits for it.
"""

from __future__ import annotations

import contextlib
import gc
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import IO, TypeVar

import msgspec
from msgspec import Struct

from core.dataset.controls import Controls
from core.dataset.files import Folder
from core.dataset.interpreting import Interpreted, interpret
from core.dataset.records import Interpreter

# So many names, each as long as a name can be, fit into a pipe. Were there more, parent and helper
# could each wait for the other to read.
MOST_NAMES = 240
_LENGTH = struct.Struct(">I")
_SERVE = "from core.dataset.helper import serve; serve()"

Message = TypeVar("Message")


class Order(Struct, frozen=True):
    """What the parent says first: which folder, and how its files are to be read."""

    folder: str
    images: str
    controls: Controls


class HelperFailed(Exception):
    """The process is gone, or talks nonsense."""


class Helper:
    """A running helper. All of it raises HelperFailed where the process cannot be had."""

    def __init__(self, order: Order) -> None:
        try:
            self._process = subprocess.Popen(
                # The parent's path finds the same modules, without the time that `site` takes.
                [sys.executable, "-S", "-c", _SERVE],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            self._say(order)
        except (OSError, ValueError) as error:
            raise HelperFailed(str(error)) from None

    def ask(self, names: list[str]) -> None:
        """Hand over the names of files. One more chunk than was answered may be handed over."""
        try:
            self._say(names)
        except (OSError, ValueError) as error:
            raise HelperFailed(str(error)) from None

    def answer(self) -> Interpreted:
        """Wait for what the files gave that were asked about first."""
        assert self._process.stdout is not None
        try:
            return _hear(self._process.stdout, Interpreted)
        except (OSError, ValueError, EOFError, msgspec.DecodeError) as error:
            raise HelperFailed(str(error)) from None

    def stop(self) -> None:
        """End the process. An `answer` that waits in another thread fails."""
        self._process.kill()

    def close(self) -> None:
        """Wait until the process has ended, and close its pipes. No `answer` may be waiting."""
        with contextlib.suppress(OSError):
            self._process.communicate()

    def _say(self, message: object) -> None:
        assert self._process.stdin is not None
        _say(self._process.stdin, message)


def serve() -> None:
    """Be a helper: read an order and names from standard input, answer on standard output."""
    names, answers = sys.stdin.buffer, sys.stdout.buffer
    # Nothing here makes cycles that would have to be looked for.
    gc.disable()
    try:
        order = _hear(names, Order)
        folder = Folder(Path(order.folder))
        interpreter = Interpreter(order.controls, Path(order.images))
        while True:
            chunk = _hear(names, list[str])
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
