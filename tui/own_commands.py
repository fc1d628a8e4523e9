"""The user's own commands: run in the terminal, with what the workspace is in their environment."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from textual.app import SuspendNotSupported

from core.errors import LabelpilotError
from core.masking import printable
from core.processes import run_in_terminal
from tui.host import host_of
from tui.own_keys import Command

if TYPE_CHECKING:
    from textual.app import App

SHELL = "/bin/sh"


def run_command(app: App[Any], command: Command) -> None:
    """Give the terminal to a command of the user's until it ends, then to the app again."""
    host = host_of(app)
    workspace = host.state.workspace
    if workspace is None:
        host.say("There is no workspace yet that a command could be run in.")
        return
    try:
        environment = host.backend.environment(workspace, with_token=command.token)
        with app.suspend():
            _say(f"$ {command.run}")
            code = run_in_terminal([SHELL, "-c", command.run], workspace.root, environment)
            _say(f"It {_ended(code)}. Press enter to go back to labelpilot.")
            sys.stdin.readline()
    except SuspendNotSupported:
        host.say("This terminal cannot be handed to a command.")
    except (LabelpilotError, OSError) as error:
        host.say(f"{command.title} could not be run: {error}", "error")
    else:
        host.journal.write(f"{command.run}: {_ended(code)}")
        host.say(f"{command.title} {_ended(code)}.", "information" if code == 0 else "warning")
        host.check()
    app.refresh(layout=True)


def _ended(code: int) -> str:
    if code < 0:
        return f"was ended by signal {-code}"
    return "is done" if code == 0 else f"ended with exit code {code}"


def _say(words: str) -> None:
    os.write(1, f"{printable(words)}\n".encode())
