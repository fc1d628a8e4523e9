"""A machine of its own for a test of the keyring: a home folder, a terminal, a D-Bus session.

The keyring is GNOME's own. What runs there has a terminal to ask on, and it is known afterwards
whether anything was written to it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import subprocess
import sys
import termios
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "the keyring's password"
# Longer than any call may take; a case that reaches it hangs.
SECONDS = 40

State = Literal["none", "unlocked", "locked", "wrong", "display", "empty", "silent"]
# The daemon takes its name after it has returned; a call before has the bus start another one.
_NAMED = (
    "until dbus-send --session --print-reply --dest=org.freedesktop.DBus / "
    "org.freedesktop.DBus.NameHasOwner string:org.freedesktop.secrets | grep -q true; do :; done"
)
_UNLOCK = f"gnome-keyring-daemon --unlock --components=secrets >/dev/null; {_NAMED}"
_START = f"gnome-keyring-daemon --start --components=secrets >/dev/null; {_NAMED}"
_OWN = '"$PYTHON" -c "$OWNER" {} & read _ <"$READY"'
_PREPARED: dict[State, str] = {
    "unlocked": f'printf %s "$PASSWORD" | {_UNLOCK}',
    "locked": _START,
    # Its exit code is 0.
    "wrong": f"printf wrong | {_UNLOCK}",
    # A window is opened, and nobody answers it.
    "display": f"{_OWN.format('org.gnome.keyring.SystemPrompter')}; {_START}",
    # The daemon is there when it is called, and has no keyring yet.
    "empty": ":",
    "silent": _OWN.format("org.freedesktop.secrets"),
}
# Takes a name on the bus, and answers nothing that comes to it.
_OWNER = """
import os, sys
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import Proxy, open_dbus_connection
bus = open_dbus_connection()
Proxy(message_bus, bus).RequestName(sys.argv[1])
open(os.environ["READY"], "w").write("ready\\n")
while True:
    bus.receive()
"""
# Runs each argument as an expression over core, and prints what came of each.
_ACT = """
import json, sys, time
from pathlib import Path
from core.secrets.credentials import *
from core.secrets.credentials import agree_to_file, find_secret, forget_secret, store_secret
from core.secrets.keyrings import keyring_name, start_keyring
from core.workspace.settings import Studio, Workspace
own = Workspace(Path("own").resolve())
foreign = Workspace(Path("foreign").resolve(), Studio("https://studio.example"))
for expression in sys.argv[1:]:
    began, done = time.monotonic(), {}
    try:
        found = eval(expression)
        done["value"] = [found.value, found.source] if isinstance(found, Secret) else found
    except Exception as error:
        done |= {"error": type(error).__name__, "words": str(error)}
    print(json.dumps(done | {"seconds": time.monotonic() - began}, default=str), flush=True)
"""


@dataclass
class Machine:
    """A home folder, and what runs in it."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def act(self, state: State, *expressions: str) -> list[dict[str, Any]]:
        """What came of each expression, with the keyring in `state`; nothing asked anything."""
        done = self.run(_ACT, *expressions, state=state)
        assert len(done) == len(expressions)
        return done

    def run(self, program: str, *arguments: str, state: State = "none") -> list[dict[str, Any]]:
        """The JSON lines that a Python program prints, with the keyring in `state`."""
        command = [sys.executable, "-c", program, *arguments]
        if state != "none":
            prepare = f'{_PREPARED[state]}; exec "$@"'
            command = ["dbus-run-session", "--", "sh", "-c", prepare, "sh", *command]
        return self._run(command)

    def make_keyring(self) -> None:
        """Have a keyring that exists from now on, and is locked until it is opened."""
        assert self.act("unlocked", "keyring_name()")[0]["value"]

    def files(self) -> bytes:
        """All that lies in the home folder, the keyring's own folder left out."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return b"".join(path.read_bytes() for path in found if "keyrings" not in path.parts)

    def _run(self, command: list[str]) -> list[dict[str, Any]]:
        for folder in ("own", "foreign", "tmp"):
            (self.folder / folder).mkdir(exist_ok=True)
        ready = self.folder / "ready"
        if not ready.exists():
            os.mkfifo(ready)
        environment = {
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "TMPDIR": "/tmp",
            "PYTHONPATH": str(ROOT),
            "PYTHON": sys.executable,
            "OWNER": _OWNER,
            "READY": str(ready),
            "PASSWORD": PASSWORD,
            **self.variables,
        }
        terminal, side = pty.openpty()
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdin=side,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(side)
        try:
            out, err = process.communicate(timeout=SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, 9)
                process.communicate()
            asked = _read(terminal)
            os.close(terminal)
        assert process.returncode == 0, err.decode()
        assert asked == b"", "something was written to the terminal"
        # The bus's own daemons write to the same pipe.
        return [json.loads(line) for line in out.splitlines() if line.startswith(b"{")]


def _read(terminal: int) -> bytes:
    """What was written to a terminal whose other side is closed."""
    with contextlib.suppress(OSError):
        return os.read(terminal, 1000)
    return b""
