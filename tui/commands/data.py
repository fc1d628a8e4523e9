"""Commands on images and annotations."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from tui.console import common, link, open_workspace, run, say, show


@click.command()
@click.option("--mode", type=click.Choice(["bulk", "native"]), help="How tasks are made.")
@common
def sync(mode: Any, root: Path | None, as_json: bool) -> None:
    """Make each image one task, and prove it."""
    from core.tasks.sync import sync_images

    result = run(sync_images(open_workspace(root), mode))
    show(as_json, result.as_json(), str(result))
    if not result.complete:
        sys.exit(4)


@click.command()
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
@common
def export(origin: Any, out: Path | None, format_: str, root: Path | None, as_json: bool) -> None:
    """Write the annotations to dataset.json."""
    from core.dataset.source import export_from

    workspace = open_workspace(root)
    result = run(export_from(workspace, origin, out=out, format=format_))
    words = (
        f"{result.images:,} images in {result.path}; {result.skipped:,} skipped, "
        f"{result.conflicts:,} conflicts, {result.unreadable:,} unreadable"
    )
    show(as_json, result.as_json(), words)
    for left_out in result.details.unreadable:
        say(f"Left out: {left_out.name}: {left_out.reason}")
    if result.unreadable:
        sys.exit(4)


@click.command("open")
@common
def open_(root: Path | None, as_json: bool) -> None:
    """Print the link to the label stream, and open it where there is a browser."""
    from core.studio.lookup import label_stream
    from tui.links import open_link

    url = link(label_stream(open_workspace(root)))
    show(as_json, {"url": url}, url)
    if not as_json and sys.stdout.isatty():
        open_link(url)
