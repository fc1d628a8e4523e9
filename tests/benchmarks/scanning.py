"""The image folder looked at again: where nothing changed, and where something did.

    uv run python tests/benchmarks/scanning.py [--images 10000 100000 1000000] [--json]

Against a full look, and against a bare listing by `os.scandir`, in the same run: each in a process
of its own, the best of three, in seconds of processor time: others may use the machine too. The
images are empty files, a thousand a folder, and then all in one. Memory is the most that the
process had, less what it had before the look.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from cases import Case, show  # noqa: E402

from core.workspace.settings import Workspace, save_workspace  # noqa: E402

A_FOLDER = 1000
NEW = 100
TIMES = 3
# Of a full look, where nothing changed, from so many images on: below, the proof is most of it. And
# how much memory it may take.
GOAL, FROM, MOST_MEGABYTES = 0.1, 100_000, 100
# Until then, what was just changed is listed once more.
SETTLED_SECONDS = 2.5

LOOK = """
import sys, time
from core.progress import finish
from core.tasks.kept_manifest import look_at_images
from core.workspace.settings import load_workspace
from pathlib import Path

workspace = load_workspace(Path(sys.argv[1]))


def memory():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


before, began = memory(), time.process_time()
manifest = finish(look_at_images(workspace, full=sys.argv[2] == "full"))
manifest.digest
seconds = time.process_time() - began
print(seconds, memory() - before, manifest.count)
"""
BARE = """
import os, sys, time

began, count, waiting = time.process_time(), 0, [sys.argv[1] + "/data/images"]
while waiting:
    with os.scandir(waiting.pop()) as entries:
        for entry in entries:
            if entry.is_dir():
                waiting.append(entry.path)
            else:
                count += entry.name.endswith(".png")
print(time.process_time() - began, 0, count)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    cases: list[Case] = []
    for number in arguments.images:
        for a_folder in (A_FOLDER, number):
            with tempfile.TemporaryDirectory() as folder:
                workspace = make_workspace(Path(folder), number, a_folder)
                cases += measured(workspace, number, number // a_folder)
    show(cases, arguments.json)


def make_workspace(root: Path, number: int, a_folder: int) -> Workspace:
    images = root / "data" / "images"
    for first in range(0, number, a_folder):
        folder = images / f"{first:07}"
        folder.mkdir(parents=True)
        for one in range(first, min(first + a_folder, number)):
            os.close(os.open(folder / f"img{one:07}.png", os.O_CREAT | os.O_WRONLY))
    workspace = save_workspace(root, {"images": {"recursive": True}})
    workspace.state.make()
    time.sleep(SETTLED_SECONDS)
    return workspace


def measured(workspace: Workspace, number: int, folders: int) -> Iterator[Case]:
    name = f"{number:,} images in {folders:,} folders"
    bare, _ = best(BARE, workspace, "", number)
    full, memory = best(LOOK, workspace, "full", number)
    yield Case(f"{name}: bare listing", bare)
    yield Case(f"{name}: full look", full, full / bare, "bare listing")
    yield Case(f"{name}: memory of a full look, MB", memory)
    again, memory = best(LOOK, workspace, "again", number)
    ratio = again / full
    goal = (f"<= {GOAL}", ratio <= GOAL) if number >= FROM else ()
    yield Case(f"{name}: nothing changed", again, ratio, "full look", *goal)
    fits = memory <= MOST_MEGABYTES
    yield Case(f"{name}: its memory, MB", memory, goal=f"<= {MOST_MEGABYTES}", met=fits)
    for one in range(NEW):
        (workspace.images.path / "0000000" / f"new{one}.png").touch()
    # Once: afterwards they are known.
    new, _ = best(LOOK, workspace, "again", number + NEW, times=1)
    yield Case(f"{name}: {NEW} new in one of them", new, new / full, "full look")


def best(
    code: str, workspace: Workspace, how: str, expected: int, times: int = TIMES
) -> tuple[float, float]:
    """(seconds, memory in MB) of the fastest of some runs, which must find what is there."""
    command = [sys.executable, "-c", code, str(workspace.root), how]
    runs = []
    for _ in range(times):
        ran = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
        seconds, memory, count = map(float, ran.stdout.split())
        assert count == expected, ran.stdout
        runs.append((seconds, memory))
    return min(runs)


if __name__ == "__main__":
    main()
