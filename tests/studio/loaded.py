"""A process in which labelpilot is loaded, and of which each command that tests run is a fork.

Loading is two thirds of what a command costs, and no promise of most tests. What a command does, it
does in a process of its own, with its own environment, folder, standard streams and exit code.

    python -m tests.studio.loaded SOCKET    answers there until whoever started it is gone
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import sys
import tempfile
import threading
import traceback
from pathlib import Path
from socketserver import ForkingMixIn, StreamRequestHandler, UnixStreamServer
from typing import NoReturn

# Run by path in processes of their own.
APART = ("core.studio.launcher", "core.learning.hooks.runner")


def load() -> None:
    """Import what commands import, but for what is not installed."""
    import core
    import tui.commands

    for package in (core, tui.commands):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.startswith(APART) and not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    for name in ("label_studio_sdk.core.client_wrapper", "tui.cli"):
        importlib.import_module(name)


class Command(StreamRequestHandler):
    """Runs one command, in the fork that the server made for it."""

    def handle(self) -> None:
        asked = json.loads(self.rfile.readline())
        with (
            tempfile.TemporaryFile() as typed,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            typed.write(asked["typed"].encode())
            typed.seek(0)
            command = os.fork()
            if command == 0:
                _become(asked, typed.fileno(), out.fileno(), err.fileno())
            code = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
            printed = {"code": code, "out": _read(out), "err": _read(err)}
        self.wfile.write(json.dumps(printed).encode())


def _become(asked: dict[str, object], typed: int, out: int, err: int) -> NoReturn:
    """Be the command that was asked for, to the end."""
    from tui.cli import main

    code: object = 1
    try:
        os.dup2(typed, 0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            mode = "w" if number else "r"
            stream = os.fdopen(number, mode, encoding="utf-8", errors="backslashreplace")
            setattr(sys, name, stream)
        os.chdir(str(asked["folder"]))
        os.environ.clear()
        os.environ.update(asked["variables"])  # type: ignore[call-overload]
        sys.modules["__main__"].__package__ = ""
        sys.argv = asked["arguments"]  # type: ignore[assignment]
        main()
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
    finally:
        # As an interpreter ends.
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _read(file: io.IOBase) -> str:
    file.seek(0)
    return bytes(file.read()).decode("utf-8", "backslashreplace")


class Server(ForkingMixIn, UnixStreamServer):
    """Ends with the process that started it."""

    max_children = 1000
    starter = os.getppid()

    def service_actions(self) -> None:
        super().service_actions()
        if os.getppid() != self.starter:
            sys.exit()


if __name__ == "__main__":
    load()
    # What each command begins with is looked through for garbage in none of them.
    gc.freeze()
    with Server(sys.argv[1], Command) as server:
        Path(sys.argv[1]).with_suffix(".ready").touch()
        server.serve_forever()
