"""The app in a real terminal: it paints, leaves cleanly, and survives a stray mouse report."""

from __future__ import annotations

import os
import signal
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from textual.drivers.linux_driver import LinuxDriver

from tests.app.doubles import until
from tests.app.terminal import SECONDS, Terminal
from tests.app.toys import make_workspace
from tui.driver import lenient

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are of Unix")

# A press of the left button in column 120, as terminals report it in the old way: the column is
# one byte of 32 + 120, which is no UTF-8.
OLD_MOUSE_REPORT = b"\x1b[M" + bytes([32, 32 + 120, 32 + 5])


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    one = Terminal(make_workspace(tmp_path / "toys").root)
    try:
        one.read_until("Label Studio is not running")
        yield one
    finally:
        one.close()


def test_it_paints_and_q_leaves_with_exit_code_0_and_the_terminal_as_it_was(
    terminal: Terminal,
) -> None:
    assert "labelpilot" in terminal.text
    terminal.send(b"q")
    assert terminal.read_to_the_end() == 0
    # Back to the normal screen, the cursor shown, mouse reports off.
    assert b"\x1b[?1049l" in terminal.output
    assert b"\x1b[?25h" in terminal.output
    assert b"\x1b[?1000l" in terminal.output
    assert terminal.attributes[:4] == terminal.before[:4]


def test_a_mouse_report_of_the_old_kind_past_column_95_is_survived(terminal: Terminal) -> None:
    terminal.send(OLD_MOUSE_REPORT)
    terminal.send(b"2")
    terminal.read_until("Images to tasks")
    terminal.send(b"q")
    assert terminal.read_to_the_end() == 0


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.long)]
)
def test_a_signal_ends_it_soon_and_leaves_the_terminal_as_it_was(
    terminal: Terminal, number: signal.Signals
) -> None:
    terminal.process.send_signal(number)
    assert terminal.read_to_the_end() == 128 + number
    assert b"\x1b[?1049l" in terminal.output
    assert terminal.attributes[:4] == terminal.before[:4]


@pytest.fixture
def computing(tmp_path: Path) -> Iterator[Terminal]:
    """The app while a job of it uses all the time that it gets."""
    folder = make_workspace(tmp_path / "toys").root
    one = Terminal(folder, "tests.app.busy", str(folder))
    try:
        one.read_until("server running")
        one.send(b"2")
        one.read_until("Images to tasks")
        one.send(b"\r")
        one.read_until("stop waiting")
        yield one
    finally:
        one.close()


def test_a_server_that_says_nothing_does_not_keep_the_app_alive(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "toys").root
    one = Terminal(folder, "tests.app.busy", str(folder))
    try:
        one.read_until("server running")
        one.send(b"bb")
        one.read_until("no answer yet")
        one.send(b"q")
        assert one.read_to_the_end() == 0
    finally:
        one.close()


def test_one_that_was_stopped_and_goes_on_ends_as_any_other(terminal: Terminal) -> None:
    for _ in range(2):
        terminal.process.send_signal(signal.SIGSTOP)
        until(lambda: psutil.Process(terminal.process.pid).status() == psutil.STATUS_STOPPED)
        terminal.output = b""
        terminal.process.send_signal(signal.SIGCONT)
        terminal.read_until("? help")
    terminal.send(b"2")
    terminal.read_until("Images to tasks")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.read_to_the_end() == 128 + signal.SIGTERM
    assert terminal.attributes[:4] == terminal.before[:4]


def test_one_that_is_stopped_while_it_goes_on_does_so_once_more_and_not_in_between() -> None:
    done: list[str] = []

    class Real(LinuxDriver):
        def __init__(self) -> None:
            self._auto_restart, self._key_thread = True, threading.current_thread()

        def suspend_application_mode(self) -> None:
            done.append("suspended")

        def _sigcont_application(self, *_: object) -> None:
            done.append("begins to go on")
            if len(done) == 2:
                driver._sigcont_application()
            done.append("goes on")

    Real.__module__ = LinuxDriver.__module__
    driver = lenient(Real, lambda: None)()
    driver._sigcont_application()
    assert done == ["suspended", "begins to go on", "goes on"] * 2


def test_a_terminal_that_takes_nothing_does_not_keep_the_app_alive(computing: Terminal) -> None:
    computing.flow(termios.TCOOFF)
    computing.process.send_signal(signal.SIGTERM)
    assert computing.process.wait(SECONDS) == 128 + signal.SIGTERM
    assert computing.attributes[:4] == computing.before[:4]


@pytest.mark.parametrize("number", [None, pytest.param(signal.SIGHUP, marks=pytest.mark.long)])
def test_a_terminal_that_goes_away_leaves_nothing_running(
    terminal: Terminal, number: signal.Signals | None
) -> None:
    terminal.hang_up()
    if number is not None:
        terminal.process.send_signal(number)
    assert terminal.process.wait(SECONDS) == 128 + signal.SIGHUP


def test_a_signal_that_comes_again_while_the_app_ends_changes_nothing(terminal: Terminal) -> None:
    deadline = time.monotonic() + SECONDS
    while terminal.process.poll() is None and time.monotonic() < deadline:
        terminal.process.send_signal(signal.SIGHUP)
        terminal._read(0.001)
    assert terminal.process.wait(SECONDS) == 128 + signal.SIGHUP


def test_a_terminal_that_goes_away_while_a_job_computes_ends_the_app(computing: Terminal) -> None:
    computing.hang_up()
    assert computing.process.wait(SECONDS) == 128 + signal.SIGHUP


STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open("hooks.pid.part", "w").write(str(os.getpid()))
os.rename("hooks.pid.part", "hooks.pid")
time.sleep(600)
"""


def test_hooks_that_do_not_want_to_end_are_ended_with_the_app(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path / "toys")
    workspace.learning.hooks.write_text(STUBBORN)
    workspace.annotations.dataset.write_text('{"img_000": ["dog"]}')
    one = Terminal(workspace.root)
    try:
        one.read_until("Label Studio is not running")
        one.send(b"5")
        one.read_until("likely wrong")
        one.send(b"s")
        until((workspace.root / "hooks.pid").exists, SECONDS)
        number = int((workspace.root / "hooks.pid").read_text())
        one.hang_up()
        assert one.process.wait(SECONDS) == 128 + signal.SIGHUP
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)
    finally:
        one.close()


def test_a_resize_is_followed(terminal: Terminal) -> None:
    terminal.output = b""
    terminal.resize(60, 20)
    terminal.read_until("? help")
    terminal.send(b"q")
    assert terminal.read_to_the_end() == 0
