"""How long a command takes beside what it cannot do without: `python -c "import httpx, numpy"`.

    uv run python tests/benchmarks/commands.py --json

The example is made first, with a real server of its own, so that every command has something to
ask. Each run is a process of its own. What counts is its processor time, which a busy moment of the
machine changes least; the time on the wall stands beside it. The ways take turns, and the median
counts.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cases import Case, show

ROOT = Path(__file__).parents[2]
LABELPILOT = str(Path(sys.executable).with_name("labelpilot"))
LONGEST_SECONDS = 900.0
FLOOR = [sys.executable, "-c", "import httpx, numpy"]
AGAINST = "import httpx, numpy"
# Each command, and how many times the floor's processor time it may take.
GOALS = {
    "open": 3.0,
    "server status": 3.0,
    "token show": 3.0,
    "doctor": 6.0,
}
# Those that ask the server for more, where the work counts too.
OTHERS = (
    "setup",
    "sync",
    "repair",
    "tidy",
    "export",
    "export --from api",
    "report",
    "report --from api",
    "rounds",
    "suspects",
    "active-learning --model-version benchmark",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="labelpilot-commands-") as folder:
        workspace = Path(folder) / "demo"
        try:
            taken(labelpilot("demo --auto", workspace, option="--dir"))
            cases = measure(workspace, arguments.runs)
        finally:
            taken(labelpilot("server stop", workspace))
    show(cases, arguments.json)


def labelpilot(command: str, workspace: Path, option: str = "--workspace") -> list[str]:
    return [LABELPILOT, *command.split(), option, str(workspace), "--json"]


def measure(workspace: Path, runs: int) -> list[Case]:
    """Two cases a command, each the median of `runs` turns after one that warms the disk."""
    ways = {name: labelpilot(name, workspace) for name in (*GOALS, *OTHERS)} | {AGAINST: FLOOR}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    wall: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(runs + 1):
        for name, way in ways.items():
            used, passed = taken(way)
            if turn:
                processor[name].append(used)
                wall[name].append(passed)
    cases = []
    for name in (*GOALS, *OTHERS):
        cases.append(_case(f"labelpilot {name}", name, processor, GOALS.get(name)))
        cases.append(_case(f"labelpilot {name}, on the wall", name, wall, None))
    return cases


def _case(title: str, name: str, taken: dict[str, list[float]], goal: float | None) -> Case:
    seconds, floor = statistics.median(taken[name]), statistics.median(taken[AGAINST])
    ratio = seconds / floor
    words, met = ("", None) if goal is None else (f"<= {goal:g}", ratio <= goal)
    return Case(title, round(seconds, 4), round(ratio, 3), AGAINST, words, met)


def taken(command: list[str]) -> tuple[float, float]:
    """(seconds of processor time, seconds on the wall) of a command that succeeds."""
    environment = {name: value for name, value in os.environ.items() if "LABEL_STUDIO" not in name}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        check=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=LONGEST_SECONDS,
    )
    passed, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, passed


if __name__ == "__main__":
    main()
