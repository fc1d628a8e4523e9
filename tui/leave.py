"""How the app ends: by a key, by a signal, or through a mistake of ours; in bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rich.text import Text

from tui.dialogs.dialog import mistake
from tui.dialogs.quit import quit_dialog

if TYPE_CHECKING:
    from textual.app import App

    from tui.jobs import Jobs

# What a job may take to tidy up.
PATIENCE_SECONDS = 2.0


# What leaving may take in all, hooks that have to be killed included.
LONGEST_SECONDS = 9.0
# What asks the app to end.
_ENDING = (signal.SIGTERM, signal.SIGHUP)
# Mouse reports, pastes and the keyboard's own protocol off, the normal screen, the cursor shown.
_AS_IT_WAS = b"\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?2004l\x1b[?1004l\x1b[<u"
_AS_IT_WAS += b"\x1b[?7h\x1b[?1049l\x1b[?25h"


class LastResort:
    """Ends the process where the app was told to end and does not, whatever its threads do.

    A terminal that takes nothing, or a request that nobody answers, holds up what waits for it.
    """

    def __init__(self) -> None:
        self._begun = False
        self._attributes: list[Any] | None = None
        with contextlib.suppress(Exception):  # no terminal, or a system without them
            import termios

            assert sys.__stdin__ is not None
            self._terminal = sys.__stdin__.fileno()
            self._attributes = termios.tcgetattr(self._terminal)

    def begin(self, code: int) -> None:
        """From now on the process lives for so long at most, and ends with `code`."""
        if self._begun:
            return
        self._begun = True
        threading.Thread(target=self._end, args=(code,), daemon=True, name="last resort").start()

    def _end(self, code: int) -> None:
        time.sleep(LONGEST_SECONDS)
        with contextlib.suppress(Exception):
            if self._attributes is not None:
                import termios

                termios.tcsetattr(self._terminal, termios.TCSANOW, self._attributes)
                # A terminal that takes nothing must not hold this up too.
                os.set_blocking(self._terminal, False)
                os.write(self._terminal, _AS_IT_WAS)
        os._exit(code)


def ask_and_leave(app: App[Any], jobs: Jobs, resort: LastResort | None) -> None:
    """Leave at once, or ask where something runs that would be cut short."""

    def leave(agreed: bool | None) -> None:
        if agreed:
            if resort is not None:
                resort.begin(0)
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


def heed_signals(end: Callable[[int], object], resort: LastResort) -> None:
    """Call `end` with the number of a signal that asks the app to end."""
    loop = asyncio.get_running_loop()

    def heed(number: int, _: object) -> None:
        # The loop itself may be held up.
        resort.begin(128 + number)
        with contextlib.suppress(RuntimeError):  # it has come to its end already
            loop.call_soon_threadsafe(end, number)

    for number in _ENDING:
        signal.signal(number, heed)


def keep_to(code: int, resort: LastResort) -> None:
    """Once the app has ended as a signal asks, with `code`, let another signal not change that.

    Python would give signals their defaults back on its last way.
    """
    resort.begin(code)
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)


def report_mistake(error: BaseException | None) -> tuple[str, Text]:
    """What a mistake of ours that nothing caught leaves in the journal, and on the terminal.

    Without the values of variables, which Textual would show: one may be a token.
    """
    trace = mistake(error) if error is not None else ""
    return trace, Text(
        f"{trace}\n\nlabelpilot made a mistake and had to end. Please report the above."
    )
