"""The command that tells of a topic at length: the texts that the README leads to."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tui.commands.choices import Choice
from tui.commands.console import command, show

FOLDER = Path(__file__).parents[1] / "help"


def topics() -> dict[str, str]:
    """Each topic with its title."""
    return {file.stem: _title(file) for file in sorted(FOLDER.glob("*.md"))}


def _title(file: Path) -> str:
    with file.open(encoding="utf-8") as lines:
        return next(lines).removeprefix("# ").strip()


TOPIC = Choice("TOPIC", topics)


@command("labelpilot help keys", name="help")
@click.argument("topic", type=TOPIC, required=False)
def help_(topic: str | None, root: Path | None, as_json: bool) -> None:
    """Explain a topic at length, or list the topics."""
    if topic is None:
        listed = topics()
        width = max(map(len, listed))
        words = [f"{name:<{width}}  {title}" for name, title in listed.items()]
        show(as_json, {"topics": listed}, "\n".join([*words, "", "labelpilot help TOPIC"]))
        return
    text = (FOLDER / f"{topic}.md").read_text(encoding="utf-8")
    if as_json:
        show(as_json, {"topic": topic, "text": text}, "")
        return
    if not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    with console.capture() as shown:
        console.print(Markdown(text, code_theme="ansi_dark", hyperlinks=False))
    click.echo_via_pager(shown.get())
