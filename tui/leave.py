"""How the app ends: by a key, by a signal, or through a mistake of ours."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.text import Text

from tui.dialogs.dialog import mistake
from tui.dialogs.quit import quit_dialog

if TYPE_CHECKING:
    from textual.app import App

    from tui.jobs import Jobs

# What a job may take to tidy up.
PATIENCE_SECONDS = 2.0


def ask_and_leave(app: App[Any], jobs: Jobs) -> None:
    """Leave at once, or ask where something runs that would be cut short."""

    def leave(agreed: bool | None) -> None:
        if agreed:
            jobs.stop_all(PATIENCE_SECONDS)
            app.exit()

    cut_short = [job for job in jobs.running if not job.kind.automatic]
    if cut_short:
        app.push_screen(quit_dialog(cut_short), leave)
    else:
        leave(True)


def end_by_signal(app: App[Any], jobs: Jobs, number: int) -> None:
    """Tidy up, restore the terminal, and end as a signal's default would."""
    jobs.stop_all(PATIENCE_SECONDS)
    app.exit(return_code=128 + number)


def heed_signals(end: Callable[[int], object]) -> None:
    """Call `end` with the number of a signal that asks the app to end."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, partial(end, number))


def report_mistake(error: BaseException | None) -> tuple[str, Text]:
    """What a mistake of ours that nothing caught leaves in the journal, and on the terminal.

    Without the values of variables, which Textual would show: one may be a token.
    """
    trace = mistake(error) if error is not None else ""
    return trace, Text(
        f"{trace}\n\nlabelpilot made a mistake and had to end. Please report the above."
    )
