"""What every command shares: its options, the workspace, what people read, and its end.

Standard output carries the result (with `--json`, one object and nothing else); progress, sentences
and errors go to standard error.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

import click

from tui.backend import Backend
from tui.commands.choices import CommandWithChoices
from tui.commands.exit_codes import ExitCode, exit_code

if TYPE_CHECKING:
    from core.labeling.stream import LabelPage
    from core.workspace.settings import Workspace

Function = TypeVar("Function", bound=Callable[..., Any])

backend = Backend()


def workspace_option(function: Function) -> Function:
    """The option that names the workspace; its parameter is `root`."""
    return click.option(
        "--workspace",
        "root",
        type=click.Path(path_type=Path, file_okay=False),
        help="The workspace's folder. Default: the nearest one with a labelpilot.toml.",
    )(function)


def command(
    example: str, *, name: str | None = None, group: click.Group | None = None
) -> Callable[[Callable[..., None]], click.Command]:
    """Makes a command, of `group` where one is given, with the options that every command takes.

    Their parameters are `root` and `as_json`. `example` ends the command's help.
    """

    def made(function: Callable[..., None]) -> click.Command:
        json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
        whole = json_option(workspace_option(function))
        one = click.command(name, cls=CommandWithChoices, example=example)(whole)
        if group is not None:
            group.add_command(one)
        return one

    return made


def workspace_root(root: Path | None) -> Path:
    """The workspace's folder: as asked for, else the nearest one, else here."""
    from core.workspace.settings import find_workspace

    named = root or click.get_current_context().find_root().obj
    if named is not None:
        return Path(named)
    return find_workspace(Path()) or Path()


def open_workspace(root: Path | None) -> Workspace:
    """The workspace, read and checked."""
    return backend.load(workspace_root(root))


def open_app(root: Path, section: str = "", *, second_opinions: bool = False) -> NoReturn:
    """Run the app on the workspace in `root`, in a section or with second opinions, and end with
    its exit code."""
    if not sys.stdout.isatty():
        raise click.UsageError("The app needs a terminal; see `labelpilot --help` for commands.")
    # A first start takes seconds, as Python compiles what it imports.
    click.echo("labelpilot starts …\r", nl=False)
    from tui.app import LabelpilotApp

    app = LabelpilotApp(root.resolve(), section=section, second_opinions=second_opinions)
    click.echo("\x1b[K", nl=False)
    app.run()
    sys.exit(app.return_code or 0)


def show(as_json: bool, shown: object, words: str) -> None:
    """Print the result: `shown` as JSON, or `words`."""
    if as_json:
        import orjson

        click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2))
    elif words:
        from core.masking import printable

        click.echo(printable(words))


def show_line(shown: object) -> None:
    """Print one of several results: `shown` as JSON, on one line, at once."""
    import orjson

    click.echo(orjson.dumps(shown))
    sys.stdout.flush()


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


class Plan(Protocol):
    """What a command would do."""

    @property
    def to_do(self) -> bool:
        """Whether it would change anything."""

    def as_json(self) -> Mapping[str, object]:
        """What it prints with `--json` where it only shows it."""


def is_to_be_done(
    plan: Plan, yes: bool, as_json: bool, warning: str = "It cannot be undone."
) -> bool:
    """Whether to do what a plan says: not where it is only shown. Ends where nobody agrees."""
    if (as_json and not yes) or not plan.to_do:
        show(as_json, plan.as_json(), str(plan))
        return False
    say(str(plan))
    if not yes and not agreed(warning):
        say("Nothing was changed.")
        sys.exit(ExitCode.FAILED)
    return True


def can_ask() -> bool:
    """Whether there is a terminal to ask on."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def agrees_now(error: BaseException) -> bool:
    """Whether a command was refused for want of a consent that its user, asked now, gives."""
    from core.errors import LabelpilotError
    from core.workspace.trust import NotTrusted

    try:
        if isinstance(error, NotTrusted) and can_ask() and agreed(str(error.consent)):
            backend.agree(error.consent)
            return True
    except (click.Abort, LabelpilotError) as other:
        end(other)
    return False


def link(url: str) -> str:
    """The address at which the user's browser reaches `url`."""
    from tui.links import link_from_here

    return link_from_here(url, os.environ)


def show_page(page: LabelPage, as_json: bool) -> None:
    """Print a page's link, and open it where there is a browser."""
    from tui.links import open_link

    for note in page.notes:
        say(note)
    url = link(page.url)
    show(as_json, {"url": url, "notes": page.notes}, url)
    if not as_json and sys.stdout.isatty():
        open_link(url)


def end(error: BaseException) -> NoReturn:
    """Say why a command ended, as JSON too where that was asked for, and end with its exit code."""
    from core.errors import LabelpilotError
    from core.files import explained
    from core.masking import crash_report

    error = explained(error)
    code = exit_code(error)
    if code is ExitCode.INTERRUPTED:
        say("Interrupted; what was done stays.")
    elif isinstance(error, click.ClickException):
        usage = io.StringIO()
        error.show(usage)
        say(usage.getvalue().rstrip())
    elif isinstance(error, LabelpilotError):
        if "--json" in sys.argv:
            parts = {"message": error.message, "cause": error.cause, "next_step": error.next_step}
            show(True, {"error": {**parts, "exit_code": code}}, "")
        say(str(error))
    else:
        # A mistake of ours: without the values of variables, which may hold a token.
        say(crash_report(error))
    sys.exit(code)
