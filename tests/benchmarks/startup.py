"""How soon labelpilot is there: its first paint beside an empty Textual app's, and `--help`.

    uv run python tests/benchmarks/startup.py --json

Each start is a process of its own in a pseudo-terminal of 80x24; what counts is the time from the
process's start to the first byte of the marker text on the terminal. The ways take turns, so that a
busy moment of the machine meets all of them; the median counts. `labelpilot --help` is held against
`python -c pass`, which is the floor for anything written in Python.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from pathlib import Path

from cases import Case, show

ROOT = Path(__file__).parents[2]
LONGEST_SECONDS = 30.0
PAINT_GOAL = 2.0
HELP_GOAL = 12.0
EMPTY_APP = """
from textual.app import App
from textual.widgets import Static
class Empty(App[None]):
    def compose(self):
        yield Static("painted")
Empty().run()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=9)
    arguments = parser.parse_args()
    cases = measure(arguments.runs)
    show(cases, arguments.json)


def measure(runs: int) -> list[Case]:
    """The two cases, each the median of `runs` turns after one that warms the disk."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "labelpilot.toml").write_text('[project]\ntitle = "Benchmark"\n')
        ways: dict[str, Callable[[], float]] = {
            "empty": lambda: first_paint([sys.executable, "-c", EMPTY_APP], b"painted"),
            "app": lambda: first_paint(
                [sys.executable, "-m", "tui", "--workspace", str(root)], b"labelpilot"
            ),
            "pass": lambda: whole_run([sys.executable, "-c", "pass"]),
            "help": lambda: whole_run([sys.executable, "-m", "tui", "--help"]),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(runs + 1):
            for name, way in ways.items():
                seconds = way()
                if turn:
                    taken[name].append(seconds)
    median = {name: statistics.median(seconds) for name, seconds in taken.items()}
    return [
        _case("first paint", median["app"], "empty Textual app", median["empty"], PAINT_GOAL),
        _case("labelpilot --help", median["help"], "python -c pass", median["pass"], HELP_GOAL),
    ]


def _case(case: str, seconds: float, against: str, other: float, goal: float) -> Case:
    ratio = seconds / other
    return Case(case, round(seconds, 4), round(ratio, 3), against, f"<= {goal:g}", ratio <= goal)


def first_paint(command: list[str], marker: bytes) -> float:
    """Seconds until `marker` is on the terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=ROOT,
        env=environment,
        start_new_session=True,
    )
    try:
        seen = b""
        while marker not in seen:
            left = LONGEST_SECONDS - (time.perf_counter() - began)
            ready, _, _ = select.select([master], [], [], max(0.0, left))
            if not ready:
                raise SystemExit(f"nothing was painted within {LONGEST_SECONDS:.0f} s: {seen!r}")
            seen += os.read(master, 65536)
        return time.perf_counter() - began
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(5)
        os.close(master)
        os.close(slave)


def whole_run(command: list[str]) -> float:
    """Seconds until `command` has ended."""
    began = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=LONGEST_SECONDS)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
