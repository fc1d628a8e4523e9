"""Commands from nothing to a running, complete set-up."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.commands.choices import STEP
from tui.commands.console import (
    agreed,
    backend,
    command,
    link,
    open_app,
    open_workspace,
    say,
    show,
    workspace_root,
)
from tui.commands.exit_codes import ExitCode
from tui.commands.progress_bar import run

if TYPE_CHECKING:
    from core.setup.context import StepId

# A keyring for one shell, as Debian's gnome-keyring and dbus give it; the app can start one itself.
_KEYRING_ADVICE = (
    "- a keyring. The app starts one (`labelpilot`, then {key}). For commands, a shell with one: "
    '`dbus-run-session -- bash`, then in it `read -rs P; printf %s "$P" | gnome-keyring-daemon '
    "--unlock --components=secrets; unset P`, with the keyring's password typed (a new one the "
    "first time)."
)


@command("labelpilot demo --auto --dir digits")
@click.option("--auto", is_flag=True, help="Walk the whole journey without a screen.")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False), help="Where to make it."
)
def demo(auto: bool, folder: Path | None, root: Path | None, as_json: bool) -> None:
    """Open an example workspace of 1,797 handwritten digits."""
    from core.words import count

    workspace = run(backend.make_demo(folder or root))
    if not auto:
        open_app(workspace.root)
        return
    result = run(backend.walk_demo(workspace))
    words = (
        f"{result.sync}\n{count(result.annotations, 'image')} annotated; "
        f"{result.dataset.images:,} tags in {result.dataset.path}\n"
        f"{count(result.learning.scored, 'image')} scored as {result.learning.model_version}\n"
        f"Label them in order: {link(result.learning.view_url)}"
    )
    show(as_json, result.as_json(), words)


@command("labelpilot doctor")
def doctor(root: Path | None, as_json: bool) -> None:
    """Say what is set, what is wrong, and the fix."""
    findings = backend.examine(workspace_root(root))
    lines = [
        f"{f.name}: {f.state}: {f.detail}" + (f" -> {f.fix}" if f.fix else "") for f in findings
    ]
    show(as_json, {"findings": [f.as_json() for f in findings]}, "\n".join(lines))
    if any(finding.state == "wrong" for finding in findings):
        sys.exit(ExitCode.FAILED)


@command("labelpilot setup --skip target-storage")
@click.option("--skip", type=STEP, multiple=True, help="Leave a step out; may be repeated.")
@click.option(
    "--replace-config",
    is_flag=True,
    help="Replace the project's labeling config by the file's, whoever wrote it.",
)
def setup(skip: tuple[StepId, ...], replace_config: bool, root: Path | None, as_json: bool) -> None:
    """Do every step of the set-up that needs no answer."""
    work = backend.set_up(open_workspace(root), skip, replace_config=replace_config)
    result = run(work)
    words = "\n".join(f"{step.state:8} {step.id:16} {step.detail}" for step in result.steps)
    show(as_json, result.as_json(), words)
    for step in result.steps:
        if step.diff:
            say(f"{step.diff}\nTo take the file's: `labelpilot setup --replace-config`.")
    if any(step.state not in ("done", "skipped") for step in result.steps):
        sys.exit(ExitCode.PARTLY)


@click.group(epilog="Example: labelpilot server status --json")
def server() -> None:
    """labelpilot's own Label Studio."""


@command("labelpilot server start", name="start", group=server)
def server_start(root: Path | None, as_json: bool) -> None:
    """Start it, and wait until it answers."""
    status = run(backend.start_server(open_workspace(root)))
    show(as_json, status.as_json(), f"Label Studio {status.version} runs at {status.url}")


@command("labelpilot server stop", name="stop", group=server)
def server_stop(root: Path | None, as_json: bool) -> None:
    """Stop it."""
    workspace = open_workspace(root)
    stopped = run(backend.stop_server(workspace))
    words = "Label Studio has stopped." if stopped else "Label Studio was not running."
    show(as_json, backend.status(workspace).as_json(), words)


@command("labelpilot server status", name="status", group=server)
def server_status(root: Path | None, as_json: bool) -> None:
    """Say whether it runs."""
    status = backend.status(open_workspace(root))
    words = (
        f"Label Studio {status.version} runs at {status.url}"
        if status.running
        else "Label Studio is not running."
    )
    show(as_json, status.as_json(), words)


@command("labelpilot server password --reset", name="password", group=server)
@click.option("--reset", is_flag=True, help="Make a new one first.")
def server_password(reset: bool, root: Path | None, as_json: bool) -> None:
    """Print what to sign in with in the browser."""
    from core.errors import ConfigurationError

    workspace = open_workspace(root)
    if reset:
        run(backend.reset_password(workspace))
    account = backend.sign_in(workspace)
    if account is None:
        raise ConfigurationError(
            "labelpilot has no password of an account on this Label Studio.",
            next_step="Sign in with your own; labelpilot itself needs a token only.",
        )
    email, password = account
    show(as_json, {"email": email, "password": password}, f"{email}\n{password}")


@command("labelpilot server logs -n 200", name="logs", group=server)
@click.option("-n", "--lines", default=50, show_default=True, type=click.IntRange(1))
def server_logs(lines: int, root: Path | None, as_json: bool) -> None:
    """Print the end of its log."""
    log, tail = backend.log_tail(open_workspace(root), lines)
    show(as_json, {"log": str(log), "lines": tail}, "\n".join(tail))


@click.group(epilog="Example: labelpilot token show")
def token() -> None:
    """The access token for Label Studio."""


@command("labelpilot token set < token.txt", name="set", group=token)
def token_set(root: Path | None, as_json: bool) -> None:
    """Store a token from standard input or a prompt. Its value is never shown."""
    from core.errors import ConfigurationError
    from core.secrets.credentials import SOURCE_WORDS, clean_token, token_kind, variable_advice

    workspace = open_workspace(root)
    if backend.needs_choice(workspace):
        from tui.keys import key_of

        keyring = _KEYRING_ADVICE.format(key=key_of("setup", "token"))
        raise ConfigurationError(
            "There is no system keyring here, so nothing was stored. A token can go to one of:",
            next_step=f"{keyring}\n- a variable. {variable_advice(os.environ)}\n"
            "- a file of this workspace that is not encrypted: `labelpilot token allow-file`, then "
            "this command again.",
        )
    if sys.stdin.isatty():
        text = click.prompt("Token", hide_input=True, err=True)
    else:
        text = sys.stdin.readline()
    value = clean_token(text)
    source = run(backend.store_token(workspace, value))
    shown = {"source": source, "kind": token_kind(value)}
    show(as_json, shown, f"{shown['kind']} token stored in the {SOURCE_WORDS[source]}")


@command("labelpilot token show", name="show", group=token)
def token_show(root: Path | None, as_json: bool) -> None:
    """Say where the token comes from and of what kind it is, never its value."""
    from core.secrets.credentials import described_token, token_kind

    found = backend.find_token(open_workspace(root))
    if found is None:
        show(as_json, {"source": None, "kind": None}, "There is no token.")
        return
    shown = {"source": found.source, "kind": token_kind(found.value)}
    show(as_json, shown, described_token(found))


@command("labelpilot token forget", name="forget", group=token)
def token_forget(root: Path | None, as_json: bool) -> None:
    """Revoke the token on its server, and remove it here."""
    from core.secrets.credentials import SOURCE_WORDS

    forgotten = backend.forget_token(open_workspace(root))
    places = ", ".join(SOURCE_WORDS[source] for source in forgotten.removed)
    words = f"Removed from: {places}." if places else "There was none stored."
    words += " Revoked on the server." if forgotten.revoked else f" {forgotten.reason}"
    show(as_json, forgotten.as_json(), words.strip())
    if forgotten.removed and not forgotten.revoked:
        sys.exit(ExitCode.PARTLY)


@command("labelpilot token rotate", name="rotate", group=token)
def token_rotate(root: Path | None, as_json: bool) -> None:
    """Replace the personal token by a new one; the old one is revoked."""
    from core.secrets.credentials import SOURCE_WORDS

    source = backend.rotate_token(open_workspace(root))
    show(as_json, {"source": source}, f"A new token is in the {SOURCE_WORDS[source]}.")


@command("labelpilot token allow-file", name="allow-file", group=token)
@click.option("--yes", is_flag=True, help="Do not ask.")
def token_allow_file(yes: bool, root: Path | None, as_json: bool) -> None:
    """Agree that this workspace's secrets are kept in a file that only you can read."""
    workspace = open_workspace(root)
    if not yes and not agreed("They will not be encrypted there."):
        say("Nothing was changed.")
        sys.exit(ExitCode.FAILED)
    file = backend.agree_to_file(workspace)
    show(as_json, {"file": str(file)}, f"Secrets may be kept in {file}.")


@command("labelpilot move-database postgresql://ann@localhost/studio", name="move-database")
@click.argument("url")
def move_database(url: str, root: Path | None, as_json: bool) -> None:
    """Move labelpilot's own Label Studio onto a PostgreSQL database, or back.

    URL is the address of an empty database, without its password, which comes from PGPASSWORD or
    ~/.pgpass; or `sqlite`, for the file in .labelpilot. The former database stays.
    """
    result = run(backend.move_database(open_workspace(root), url))
    show(as_json, result.as_json(), str(result))
