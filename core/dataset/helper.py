"""A second process that reads and interprets files, so that more than one core is at work.

The parent hands it names, and gets back records and what was left out. It is a plain process that
talks over its pipes, not a fork: the app that starts it has threads. Where it cannot be started or
dies, the parent does its work; nobody waits for it.
"""

from __future__ import annotations

import contextlib
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
    """A running helper. Raises HelperFailed where it cannot be started."""

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

    def read(self, names: list[str]) -> Interpreted:
        """Read and interpret the files `names`. Raises HelperFailed; nothing is read then."""
        try:
            self._say(names)
            assert self._process.stdout is not None
            return _hear(self._process.stdout, Interpreted)
        except (OSError, ValueError, EOFError, msgspec.DecodeError) as error:
            raise HelperFailed(str(error)) from None

    def stop(self) -> None:
        """End the process. A `read` that waits in another thread fails."""
        self._process.kill()

    def close(self) -> None:
        """Wait until the process has ended, and close its pipes. No `read` may be waiting."""
        with contextlib.suppress(OSError):
            self._process.communicate()

    def _say(self, message: object) -> None:
        assert self._process.stdin is not None
        _say(self._process.stdin, message)


def serve() -> None:
    """Be a helper: read an order and names from standard input, answer on standard output."""
    names, answers = sys.stdin.buffer, sys.stdout.buffer
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
