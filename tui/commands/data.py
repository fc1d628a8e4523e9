"""Commands on images and annotations."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tui.commands.choices import FORMAT, MODE, ORIGIN, RULE
from tui.commands.console import (
    Function,
    backend,
    command,
    is_to_be_done,
    open_workspace,
    say,
    show,
)
from tui.commands.exit_codes import ExitCode
from tui.commands.progress_bar import run

if TYPE_CHECKING:
    from core.dataset.diff import Difference


@command("labelpilot sync --mode native")
@click.option("--mode", type=MODE, help="How tasks are made.")
@click.option("--full", is_flag=True, help="List every image again, whatever is known of them.")
def sync(mode: Any, full: bool, root: Path | None, as_json: bool) -> None:
    """Make each image one task, and prove it.

    Folders whose own times say that nothing changed are not listed again. --full lists all: on a
    network drive these times may lie. It also finds every image that another of the same name has
    replaced.
    """
    result = run(backend.sync(open_workspace(root), mode, full=full))
    show(as_json, result.as_json(), str(result))
    for remark in result.remarks:
        say(remark)
    if result.duplicates:
        say("Images are several tasks: `labelpilot repair` shows which of them would be removed.")
    if result.missing_files:
        say("Images are gone: `labelpilot tidy` shows which of their tasks would be removed.")
    if not result.complete:
        sys.exit(ExitCode.PARTLY)


@command("labelpilot repair --json")
@click.option("--yes", is_flag=True, help="Do not ask.")
def repair(yes: bool, root: Path | None, as_json: bool) -> None:
    """Remove the extra tasks of images that have several, if you agree.

    No task is removed that somebody annotated, skipped or began. With --json it only shows what it
    would do, unless --yes is given too.
    """
    workspace = open_workspace(root)
    plan = run(backend.plan_repair(workspace))
    if not is_to_be_done(plan, yes, as_json):
        # Some stay doubled, and nothing can be done about it.
        sys.exit(ExitCode.PARTLY if plan.doubled and not plan.to_do else ExitCode.DONE)
    result = run(backend.repair(workspace, plan))
    show(as_json, result.as_json(), f"{result}.")
    if result.duplicates:
        sys.exit(ExitCode.PARTLY)


@command("labelpilot tidy --json")
@click.option("--yes", is_flag=True, help="Do not ask.")
def tidy(yes: bool, root: Path | None, as_json: bool) -> None:
    """Remove the tasks whose image is gone, if you agree.

    No task is removed that somebody annotated, skipped or began. With --json it only shows what it
    would do, unless --yes is given too.
    """
    workspace = open_workspace(root)
    plan = run(backend.plan_tidy(workspace))
    if not is_to_be_done(plan, yes, as_json):
        return
    result = run(backend.tidy(workspace, plan))
    show(as_json, result.as_json(), f"{result}.")


def _source_options(function: Function) -> Function:
    """Where annotations come from, and what counts where there are several on one image."""
    for option in (
        click.option(
            "--rule",
            type=RULE,
            help="What counts where an image has several annotations; else labelpilot.toml says.",
        ),
        click.option(
            "--from",
            "origin",
            type=ORIGIN,
            default=ORIGIN.first,
            help="Where annotations are; also a folder, or a JSON file that Label Studio exported.",
        ),
    ):
        function = option(function)
    return function


@command("labelpilot export --format coco --out coco.json --split 0.2")
@_source_options
@click.option("--out", type=click.Path(path_type=Path), help="What to write.")
@click.option("--format", "format_", type=FORMAT, default=FORMAT.first, help="How it is written.")
@click.option("--split", type=float, metavar="SHARE", help="Set a share apart for validation.")
@click.option(
    "--seed",
    default=0,
    show_default=True,
    help="Another number draws another split.",
)
@click.option(
    "--group",
    default="",
    metavar="REGEX",
    help="Images stay together whose paths have the same there.",
)
@click.option("--rewrite", is_flag=True, help="Have Label Studio write the folder again first.")
@click.option("--check", is_flag=True, help="Only say what would change; exit code 4 if anything.")
def export(
    origin: Any,
    rule: Any,
    out: Path | None,
    format_: Any,
    split: float | None,
    seed: int,
    group: str,
    rewrite: bool,
    check: bool,
    root: Path | None,
    as_json: bool,
) -> None:
    """Write the annotations to dataset.json, or in another format."""
    from core.dataset.split import Split
    from core.words import count

    workspace = open_workspace(root)
    if check:
        if format_ != FORMAT.first() or split is not None or rewrite:
            raise click.UsageError("--check compares dataset.json, and changes nothing.")
        _show_difference(as_json, run(backend.check(workspace, rule, origin, out)))
        return
    parts = None if split is None else Split(split, seed, group)
    work = backend.export(
        workspace, rule, origin, out=out, format=format_, split=parts, rewrite=rewrite
    )
    result = run(work)
    words = (
        f"{count(result.images, 'image')} in {result.path}; {result.skipped:,} skipped, "
        f"{count(len(result.conflicts), 'conflict')}, {len(result.unreadable):,} unreadable"
    )
    show(as_json, result.as_json(), words)
    for left_out in (*result.unreadable, *result.left_out):
        say(f"Left out: {left_out.name}: {left_out.reason}")
    for difference in result.differences():
        say(difference)
    if not result.is_whole:
        sys.exit(ExitCode.PARTLY)


def _show_difference(as_json: bool, found: Difference) -> None:
    """Print what changed, and end with what says that something did."""
    show(as_json, found.as_json(), str(found))
    if found:
        sys.exit(ExitCode.PARTLY)


@command("labelpilot diff before.json data/dataset.json")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
def diff(old: Path, new: Path, root: Path | None, as_json: bool) -> None:
    """Say which labels changed between two datasets; exit code 4 if any.

    OLD and NEW are each a dataset.json, a folder of annotations, or a JSON file that Label Studio
    exported.
    """
    old, new = Path(os.path.abspath(old)), Path(os.path.abspath(new))
    _show_difference(as_json, run(backend.compare(old, new, lambda: open_workspace(root))))


@command("labelpilot report --out report.html")
@_source_options
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="A .html, .json or .txt file."
)
def report(origin: Any, rule: Any, out: Path | None, root: Path | None, as_json: bool) -> None:
    """Say what is wrong with the dataset before training."""
    from core.dataset.report.text import report_text

    found = run(backend.report(open_workspace(root), rule, out, origin))
    if out is not None:
        say(f"Written to {out}.")
    show(as_json, found.as_json(), "" if out is not None else report_text(found))


@command("labelpilot restore ../other/data/annotations")
@click.argument("from_", metavar="[FROM]...", nargs=-1, type=click.Path(path_type=Path))
def restore(from_: tuple[Path, ...], root: Path | None, as_json: bool) -> None:
    """Bring labels back that the project lacks, from files.

    FROM is an annotation folder, an export of Label Studio's in its JSON format, or a dataset.json;
    without it, the workspace's annotation folder. No label in the project is changed.
    """
    sources = [Path(os.path.abspath(path)) for path in from_]
    result = run(backend.restore(open_workspace(root), sources))
    show(as_json, result.as_json(), str(result))
    for left_out in result.unreadable:
        say(f"Left out: {left_out.name}: {left_out.reason}")
    for tag in result.conflicts:
        say(f"Conflict: {tag} has another label in the project, which stays.")
    if result.unreadable or result.conflicts:
        sys.exit(ExitCode.PARTLY)
