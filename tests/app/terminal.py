"""A program in a pseudo-terminal, as the tests that need a real one drive it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path

SECONDS = 20.0


class Terminal:
    """A program in a pseudo-terminal of 80x24: the app, unless another module is named; `extra`
    goes into its environment."""

    def __init__(
        self,
        folder: Path,
        module: str = "tui",
        *arguments: str,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(slave)
        self._slave = slave
        self._open = True
        environment = {**os.environ, "TERM": "xterm-256color"}
        environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            environment.pop(name, None)
        environment.update(extra or {})
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *(arguments or ("--workspace", str(folder)))],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        )
        self.output = b""

    def read_until(self, wanted: str) -> None:
        """Read what is painted until `wanted` was, colours and cursor moves left out."""
        deadline = time.monotonic() + SECONDS
        while wanted not in self.text:
            assert time.monotonic() < deadline, f"{wanted!r} never came: {self.text[-2000:]}"
            self._read(0.1)

    def read_to_the_end(self) -> int:
        """Read until the program has ended, and return its exit code."""
        deadline = time.monotonic() + SECONDS
        while self.process.poll() is None:
            assert time.monotonic() < deadline, "it does not end"
            self._read(0.05)
        self._read(0.1)
        return int(self.process.returncode)

    @property
    def text(self) -> str:
        return re.sub(r"\x1b\[[0-9;?=>]*[a-zA-Z]", "", self.output.decode("utf-8", "replace"))

    @property
    def attributes(self) -> list[object]:
        """How the terminal is set now."""
        return termios.tcgetattr(self._slave)

    def send(self, data: bytes) -> None:
        os.write(self._master, data)

    def _read(self, seconds: float) -> None:
        ready, _, _ = select.select([self._master], [], [], seconds)
        if ready:
            self.output += os.read(self._master, 65536)

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)

    def flow(self, action: int) -> None:
        """What ctrl+s does (`TCOOFF`): from now on the terminal takes nothing."""
        termios.tcflow(self._slave, action)

    def hang_up(self) -> None:
        """What a lost connection may do: no more terminal, and no signal either."""
        os.close(self._slave)
        os.close(self._master)
        self._open = False

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(5)
        if self._open:
            os.close(self._master)
            os.close(self._slave)
