"""The command that tells what this machine's user has agreed to, and asks."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tui.commands.console import agreed, backend, can_ask, command, show, workspace_root
from tui.commands.exit_codes import ExitCode


@command("labelpilot trust --forget")
@click.option("--forget", is_flag=True, help="Take back what is agreed to for the workspace here.")
@click.option("--yes", is_flag=True, help="Agree to all that the workspace here wants.")
def trust(forget: bool, yes: bool, root: Path | None, as_json: bool) -> None:
    """Say what you have agreed to on this machine, and ask what the workspace here wants."""
    folder = workspace_root(root)
    if forget:
        backend.forget_agreed(folder)
    elif yes or (can_ask() and not as_json):
        # What is agreed to may bring more to light, so it is looked for again.
        while wanted := backend.wanted(folder):
            if not yes and not agreed(str(wanted[0])):
                break
            backend.agree(wanted[0])
    known = backend.agreed()
    wanted = [] if forget else backend.wanted(folder)
    lines = [one.granted for one in known] + [
        f"{one} You have not agreed to that." for one in wanted
    ]
    shown = {
        name: [one.as_json() for one in of] for name, of in (("agreed", known), ("wanted", wanted))
    }
    show(as_json, shown, "\n".join(lines) or "You have agreed to nothing yet.")
    if wanted:
        sys.exit(ExitCode.PARTLY)
