"""Commands on classes: what they are called, everywhere at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tui.commands.console import (
    Function,
    backend,
    command,
    is_to_be_done,
    open_workspace,
    say,
    show,
)
from tui.commands.progress_bar import run

if TYPE_CHECKING:
    from core.dataset.classes.wish import Wish

_TAKEN_BACK = "`labelpilot classes undo` takes it back."


def _change_options(function: Function) -> Function:
    """What every change of classes takes."""
    control = click.option(
        "--control", default="", metavar="NAME", help="The control tag, where several have it."
    )
    return control(click.option("--yes", is_flag=True, help="Do not ask.")(function))


@click.group(epilog="Example: labelpilot classes rename cat feline")
def classes() -> None:
    """Rename or merge classes: in the labeling config, all annotations, label files and dataset."""


@command("labelpilot classes list", name="list", group=classes)
def list_(root: Path | None, as_json: bool) -> None:
    """Say which classes there are, and how many annotations name each."""
    found = run(backend.classes(open_workspace(root)))
    lines = [f"{name}  ({control}): {count:,}" for control, name, count in found]
    shown = [{"control": control, "class": name, "annotations": n} for control, name, n in found]
    show(as_json, {"classes": shown}, "\n".join(lines))


@command("labelpilot classes rename cat feline", group=classes)
@click.argument("names", metavar="OLD NEW [OLD NEW]...", nargs=-1)
@_change_options
def rename(
    names: tuple[str, ...], control: str, yes: bool, root: Path | None, as_json: bool
) -> None:
    """Rename a class; several pairs at once can also swap names.

    With --json it only shows what it would do, unless --yes is given too. Cut off anywhere, the
    same command goes on.
    """
    from core.dataset.classes.wish import renames

    _change(renames(names, control), yes, root, as_json)


@command("labelpilot classes merge cat kitten feline", group=classes)
@click.argument("names", metavar="CLASS... INTO", nargs=-1)
@_change_options
def merge(
    names: tuple[str, ...], control: str, yes: bool, root: Path | None, as_json: bool
) -> None:
    """Make one class of several: the last one named, which may be new.

    With --json it only shows what it would do, unless --yes is given too. Cut off anywhere, the
    same command goes on.
    """
    from core.dataset.classes.wish import merges

    _change(merges(names, control), yes, root, as_json)


@command("labelpilot classes undo --yes", group=classes)
@click.option("--yes", is_flag=True, help="Do not ask.")
def undo(yes: bool, root: Path | None, as_json: bool) -> None:
    """Take the last change of classes back, also one that was cut off."""
    _change(None, yes, root, as_json)


def _change(wish: Wish | None, yes: bool, root: Path | None, as_json: bool) -> None:
    """Show what would be done, and do it once that is agreed to; without a wish, an undo."""
    workspace = open_workspace(root)
    plan = run(backend.plan_classes(workspace, wish))
    warning = _TAKEN_BACK if wish is not None else "What was labeled since keeps its meaning."
    if not is_to_be_done(plan, yes, as_json, warning):
        return
    result = run(backend.change_classes(workspace, plan))
    show(as_json, result.as_json(), f"{result}.")
    for remark in result.remarks:
        say(remark)
