"""What every command shares: its options, the workspace, progress, and what people read.

Standard output carries the result (with `--json`, one object and nothing else); progress, sentences
and errors go to standard error.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from tui.backend import Backend

if TYPE_CHECKING:
    from core.errors import LabelpilotError
    from core.progress import Work
    from core.workspace.settings import Workspace

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., Any])

backend = Backend()


def workspace_option(command: Command) -> Command:
    """The option that names the workspace; its parameter is `root`."""
    return click.option(
        "--workspace",
        "root",
        type=click.Path(path_type=Path, file_okay=False),
        help="The workspace's folder. Default: the nearest one with a labelpilot.toml.",
    )(command)


def common(command: Command) -> Command:
    """The options that every command takes; their parameters are `root` and `as_json`."""
    command = workspace_option(command)
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def workspace_root(root: Path | None) -> Path:
    """The workspace's folder: as asked for, else the nearest one, else here."""
    from core.workspace.settings import find_workspace

    asked = root or click.get_current_context().find_root().obj
    if asked is not None:
        return Path(asked)
    return find_workspace(Path()) or Path()


def open_workspace(root: Path | None) -> Workspace:
    """The workspace, read and checked."""
    return backend.load(workspace_root(root))


def open_app(root: Path) -> NoReturn:
    """Run the app on the workspace in `root`, and end with its exit code."""
    from tui.app import LabelpilotApp

    if not sys.stdout.isatty():
        raise click.UsageError("The app needs a terminal; see `labelpilot --help` for commands.")
    app = LabelpilotApp(root.resolve())
    app.run()
    sys.exit(app.return_code or 0)


def run(work: Work[Result]) -> Result:
    """Run long work to its end, with a bar on a terminal and a line a note elsewhere."""
    from core.progress import finish
    from tui.commands.progress_bar import reporter

    with reporter() as report:
        return finish(work, report)


def show(as_json: bool, shown: object, words: str) -> None:
    """Print the result: `shown` as JSON, or `words`."""
    if as_json:
        import orjson

        click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2))
    elif words:
        from core.masking import printable

        click.echo(printable(words))


def say(words: str) -> None:
    """Print a sentence on standard error."""
    from core.masking import printable

    click.echo(printable(words), err=True)


def agreed(question: str) -> bool:
    """Whether yes is typed, in full; nothing is asked where no answer can come."""
    try:
        answer = click.prompt(f"{question} Type yes to agree", default="no", err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        return False
    return str(answer).strip().lower() == "yes"


def link(url: str) -> str:
    """The address at which the user's browser reaches `url`."""
    from tui.links import link_from_here

    return link_from_here(url, os.environ)


def fail(error: LabelpilotError) -> NoReturn:
    """Print an error, as JSON too where that was asked for, and end with its exit code."""
    if "--json" in sys.argv:
        shown = {
            "message": error.message,
            "cause": error.cause,
            "next_step": error.next_step,
            "exit_code": int(error.exit_code),
        }
        show(True, {"error": shown}, "")
    say(str(error))
    sys.exit(int(error.exit_code))
