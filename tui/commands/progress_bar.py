"""Progress of long work on the command line: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from tui.commands.console import say

if TYPE_CHECKING:
    from core.progress import Progress, Work

Result = TypeVar("Result")


def run(work: Work[Result]) -> Result:
    """Run long work to its end, with a bar on a terminal and a line a note elsewhere."""
    from core.progress import finish

    with _reporter() as report:
        return finish(work, report)


@contextlib.contextmanager
def _reporter() -> Iterator[Callable[[Progress], None]]:
    """A function that shows each `Progress` on standard error, until the block ends."""
    if not sys.stderr.isatty():
        yield _line
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
    )
    from rich.progress import Progress as Bars
    from rich.text import Text

    from core.masking import printable

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f}/s" if task.speed else "")

    console = Console(stderr=True, markup=False, highlight=False)
    bars = Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    with bars:
        tasks = {}

        def show(event: Progress) -> None:
            if event.stage not in tasks:
                tasks[event.stage] = bars.add_task(event.stage, total=event.total)
            bars.update(tasks[event.stage], completed=event.done, total=event.total)
            if event.note:
                console.print(printable(event.note), soft_wrap=True)

        yield show


def _line(event: Progress) -> None:
    if event.note:
        say(f"{event.stage}: {event.note}")
