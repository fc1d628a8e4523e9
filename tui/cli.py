"""The command line: each command one call into core, and one writer for what people read.

Standard output carries the result (with `--json`, one object and nothing else); progress, sentences
and errors go to standard error. Only click is imported before a command runs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from core.errors import LabelpilotError
    from core.progress import Work
    from core.workspace import Workspace

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., Any])

CONTEXT = {"help_option_names": ["-h", "--help"]}


def _common(command: Command) -> Command:
    """The options that every command takes."""
    command = click.option(
        "--workspace",
        "root",
        type=click.Path(path_type=Path, file_okay=False),
        help="The workspace's folder. Default: the nearest one with a labelpilot.toml.",
    )(command)
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


@click.group(invoke_without_command=True, context_settings=CONTEXT)
@click.version_option(package_name="labelpilot")
@click.option(
    "--workspace",
    "root",
    type=click.Path(path_type=Path, file_okay=False),
    help="The workspace's folder. Default: the nearest one with a labelpilot.toml.",
)
@click.pass_context
def cli(context: click.Context, root: Path | None) -> None:
    """From a folder of images to a labeled training set, on top of Label Studio.

    Without a command: the app, on the workspace here.
    """
    context.obj = root
    if context.invoked_subcommand is None:
        _open_app(_root(root, must_exist=False))


@cli.command()
@click.option("--auto", is_flag=True, help="Walk the whole journey without a screen.")
@click.option(
    "--dir", "folder", type=click.Path(path_type=Path, file_okay=False), help="Where to make it."
)
@_common
def demo(auto: bool, folder: Path | None, root: Path | None, as_json: bool) -> None:
    """Make an example workspace of 1,797 handwritten digits, and open it."""
    from core.demo import FOLDER, make_demo, walk_demo

    workspace = _run(make_demo(folder or root or Path(FOLDER)))
    if not auto:
        _open_app(workspace.root)
        return
    result = _run(walk_demo(workspace))
    words = (
        f"{result.sync}\n{result.annotations:,} images annotated; "
        f"{result.dataset.images:,} tags in {result.dataset.path}\n"
        f"{result.learning.scored:,} images scored as {result.learning.model_version}\n"
        f"Label them in order: {_link(result.learning.view_url)}"
    )
    _print(as_json, result.as_json(), words)


@cli.command()
@_common
def doctor(root: Path | None, as_json: bool) -> None:
    """Say what is set, what is wrong, and the fix."""
    from core.doctor import examine

    findings = examine(_root(root, must_exist=False))
    lines = [
        f"{f.name}: {f.state}: {f.detail}" + (f" -> {f.fix}" if f.fix else "") for f in findings
    ]
    _print(as_json, {"findings": [f.as_json() for f in findings]}, "\n".join(lines))
    if any(finding.state == "wrong" for finding in findings):
        sys.exit(1)


@cli.command()
@click.option("--skip", multiple=True, metavar="STEP", help="Leave a step out.")
@_common
def setup(skip: tuple[str, ...], root: Path | None, as_json: bool) -> None:
    """Do every step of the checklist that can go without a question.

    The steps: server, account, token, project, labeling-config, source-storage, images,
    target-storage, sampling.
    """
    from core.checklist import STEP_IDS, set_up

    for name in skip:
        if name not in STEP_IDS:
            raise click.BadParameter(f"{name!r} is no step. Steps: {', '.join(STEP_IDS)}.")
    skipped = [step for step in STEP_IDS if step in skip]
    result = _run(set_up(_workspace(root), skipped))
    words = "\n".join(f"{step.state:8} {step.id:16} {step.detail}" for step in result.steps)
    _print(as_json, result.as_json(), words)
    if any(step.state not in ("done", "skipped") for step in result.steps):
        sys.exit(4)


@cli.group()
def server() -> None:
    """labelpilot's own Label Studio."""


@server.command("start")
@_common
def server_start(root: Path | None, as_json: bool) -> None:
    """Start it, and wait until it answers."""
    from core.studio.server import start_server

    status = _run(start_server(_workspace(root)))
    _print(as_json, status.as_json(), f"Label Studio {status.version} runs at {status.url}")


@server.command("stop")
@_common
def server_stop(root: Path | None, as_json: bool) -> None:
    """Stop it."""
    from core.studio.server import server_status, stop_server

    workspace = _workspace(root)
    stopped = stop_server(workspace)
    words = "Label Studio has stopped." if stopped else "Label Studio was not running."
    _print(as_json, server_status(workspace).as_json(), words)


@server.command("status")
@_common
def server_status_(root: Path | None, as_json: bool) -> None:
    """Say whether it runs."""
    from core.studio.server import server_status

    status = server_status(_workspace(root))
    words = (
        f"Label Studio {status.version} runs at {status.url}"
        if status.running
        else "Label Studio is not running."
    )
    _print(as_json, status.as_json(), words)
    if not status.running:
        sys.exit(3)


@server.command("logs")
@click.option("-n", "--lines", default=50, show_default=True, type=click.IntRange(1))
@_common
def server_logs(lines: int, root: Path | None, as_json: bool) -> None:
    """Print the end of its log."""
    from core.errors import redact
    from core.studio.server import log_file, log_tail

    log = log_file(_workspace(root))
    tail = [redact(line) for line in log_tail(log, size=lines * 2000)[-lines:]]
    _print(as_json, {"log": str(log), "lines": tail}, "\n".join(tail))


@cli.group()
def token() -> None:
    """The access token for Label Studio."""


@token.command("set")
@_common
def token_set(root: Path | None, as_json: bool) -> None:
    """Store a token from standard input or a prompt. Its value is never shown."""
    from core.credentials import SOURCE_WORDS, clean_token, store_secret, token_kind
    from core.errors import ConfigurationError

    workspace = _workspace(root)
    if sys.stdin.isatty():
        text = click.prompt("Token", hide_input=True, err=True)
    else:
        text = sys.stdin.readline()
    value = clean_token(text)
    source = store_secret(workspace, "token", value)
    if source == "session":
        raise ConfigurationError(
            "There is no system keyring here, so the token was not stored.",
            next_step="Set LABEL_STUDIO_API_KEY instead; in a codespace, as a codespace secret.",
        )
    shown = {"source": source, "kind": token_kind(value)}
    _print(as_json, shown, f"{shown['kind']} token stored in the {SOURCE_WORDS[source]}")


@token.command("show")
@_common
def token_show(root: Path | None, as_json: bool) -> None:
    """Say where the token comes from and of what kind it is, never its value."""
    from core.credentials import SOURCE_WORDS, find_secret, token_kind

    found = find_secret(_workspace(root), "token")
    if found is None:
        _print(as_json, {"source": None, "kind": None}, "There is no token.")
        sys.exit(1)
    kind = token_kind(found.value)
    words = f"{kind} token from the {SOURCE_WORDS[found.source]}"
    _print(as_json, {"source": found.source, "kind": kind}, words)


@token.command("forget")
@_common
def token_forget(root: Path | None, as_json: bool) -> None:
    """Remove the token from where it is stored."""
    from core.credentials import SOURCE_WORDS, forget_secret

    removed = forget_secret(_workspace(root), "token")
    places = ", ".join(SOURCE_WORDS[source] for source in removed)
    words = f"Removed from: {places}." if removed else "There was none stored."
    _print(as_json, {"removed": removed}, words)


@cli.command()
@click.option("--mode", type=click.Choice(["bulk", "native"]), help="How tasks are made.")
@_common
def sync(mode: Any, root: Path | None, as_json: bool) -> None:
    """Make each image one task, and prove it."""
    from core.tasks.sync import sync_images

    result = _run(sync_images(_workspace(root), mode))
    _print(as_json, result.as_json(), str(result))
    if not result.complete:
        sys.exit(4)


@cli.command()
@click.option(
    "--from",
    "origin",
    type=click.Choice(["storage", "api"]),
    default="storage",
    show_default=True,
    help="The target storage's folder, or Label Studio itself.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="The file to write.")
@click.option("--format", "format_", default="json", show_default=True, help="Its format.")
@_common
def export(origin: Any, out: Path | None, format_: str, root: Path | None, as_json: bool) -> None:
    """Write the annotations to dataset.json."""
    from core.dataset.source import export_from

    workspace = _workspace(root)
    result = _run(export_from(workspace, origin, out=out, format=format_))
    words = (
        f"{result.images:,} images in {result.path}; {result.skipped:,} skipped, "
        f"{result.conflicts:,} conflicts, {result.unreadable:,} unreadable"
    )
    _print(as_json, result.as_json(), words)
    for left_out in result.details.unreadable:
        _say(f"Left out: {left_out.name}: {left_out.reason}")
    if result.unreadable:
        sys.exit(4)


@cli.command("active-learning")
@click.option("--model-version", required=True, help="The name of this round's scores.")
@click.option("--order", default="nearest-loss", show_default=True, help="What to label first.")
@click.option(
    "--claim",
    default="highest",
    show_default=True,
    help="Which train image counts where several are near: highest, nearest or lowest loss.",
)
@click.option("-k", "--neighbours", type=click.IntRange(1), help="Neighbours a train image.")
@click.option("--worst", type=click.IntRange(1), help="Only this many worst train images ask.")
@click.option("--engine", default="auto", show_default=True, help="auto, exact or annoy.")
@click.option(
    "--random-share",
    type=click.FloatRange(0, 0.9),
    default=0.0,
    show_default=True,
    help="Share of images drawn at random, to compare the order with.",
)
@_common
def active_learning(
    model_version: str,
    order: str,
    claim: str,
    neighbours: int | None,
    worst: int | None,
    engine: str,
    random_share: float,
    root: Path | None,
    as_json: bool,
) -> None:
    """Score the unlabeled images, and open a tab with them in order."""
    from core.learning.publishing import publish_round
    from core.learning.round import plan_round

    workspace = _workspace(root)
    plan = _run(
        plan_round(
            workspace,
            model_version,
            order=order,
            claim=claim,
            neighbours=neighbours,
            worst=worst,
            engine=engine,
            random_share=random_share,
        )
    )
    result = _run(publish_round(workspace, plan))
    search = f" ({plan.engine} search: {plan.reason})" if plan.engine else ""
    words = (
        f"{result.order}: {result.queries:,} labeled images, {result.candidates:,} unlabeled "
        f"ones{search}\n"
        f"{result.scored:,} images scored as {result.model_version}, "
        f"{result.replaced:,} earlier scores replaced\n"
        f"Label them in order: {_link(result.view_url)}"
    )
    _print(as_json, result.as_json(), words)


@cli.command()
@click.option(
    "--embeddings",
    "embeddings_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="Embeddings of the labeled images, .npz or .npy.",
)
@click.option(
    "--labels",
    "labels_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="Their classes, in dataset.json's format.",
)
@_common
def replay(embeddings_file: Path, labels_file: Path, root: Path | None, as_json: bool) -> None:
    """Say which order pays, on images that are labeled already."""
    from core.learning.replay import rows_of
    from core.learning.replay_files import describe, replay_files

    curves = _run(replay_files(embeddings_file, labels_file))
    shown = [
        {"order": r.order, "budget": r.budget, "accuracy": r.accuracy, "stderr": r.stderr}
        for r in rows_of(curves)
    ]
    _print(as_json, shown, describe(curves))


@cli.command("open")
@_common
def open_(root: Path | None, as_json: bool) -> None:
    """Print the link to the label stream, and open it where there is a browser."""
    from core.studio.lookup import label_stream
    from tui.links import open_link

    url = _link(label_stream(_workspace(root)))
    _print(as_json, {"url": url}, url)
    if not as_json and sys.stdout.isatty():
        open_link(url)


def main() -> NoReturn:
    """Run the command line, and turn errors into a sentence and an exit code."""
    try:
        code = cli.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        _say("Interrupted.")
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except KeyboardInterrupt:
        _say("Interrupted; what was done stays.")
        sys.exit(130)
    except Exception as error:
        from core.errors import LabelpilotError

        if not isinstance(error, LabelpilotError):
            raise
        _fail(error)


def _fail(error: LabelpilotError) -> NoReturn:
    if "--json" in sys.argv:
        import orjson

        shown = {
            "message": error.message,
            "cause": error.cause,
            "next_step": error.next_step,
            "exit_code": int(error.exit_code),
        }
        click.echo(orjson.dumps({"error": shown}, option=orjson.OPT_INDENT_2))
    _say(str(error))
    sys.exit(int(error.exit_code))


def _root(root: Path | None, *, must_exist: bool) -> Path:
    """The workspace's folder: as asked for, else the nearest one, else here."""
    from core.workspace import find_workspace

    asked = root or click.get_current_context().find_root().obj
    if asked is not None:
        return Path(asked)
    found = find_workspace(Path())
    return found or Path()


def _workspace(root: Path | None) -> Workspace:
    from core.workspace import load_workspace

    return load_workspace(_root(root, must_exist=True))


def _open_app(root: Path) -> None:
    from tui.app import LabelpilotApp

    if not sys.stdout.isatty():
        raise click.UsageError("The app needs a terminal; see `labelpilot --help` for commands.")
    app = LabelpilotApp(root.resolve())
    app.run()
    sys.exit(app.return_code or 0)


def _run(work: Work[Result]) -> Result:
    """Run long work to its end, with a bar on a terminal and a line a note elsewhere."""
    from core.progress import finish
    from tui.bar import reporter

    with reporter() as report:
        return finish(work, report)


def _link(url: str) -> str:
    """The address at which the user's browser reaches `url`."""
    import os

    from tui.links import link_from_here

    return link_from_here(url, os.environ)


def _print(as_json: bool, shown: object, words: str) -> None:
    if as_json:
        import orjson

        click.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2))
    elif words:
        click.echo(words)


def _say(words: str) -> None:
    click.echo(words, err=True)


if __name__ == "__main__":
    main()
