"""What it costs to look again, beside listing all tasks as leanly as Label Studio can.

    uv run python tests/benchmarks/looking_again.py --json [--tasks 10000 100000 1000000]

Commands as people run them, from the interpreter on: a sync with nothing to do, with a hundred
files new, with a hundred tasks deleted as in the browser; and a round of active learning whose
hooks do no more than read a file. All on a server of labelpilot's own; `--database FILE` is a
migrated one to begin with.

What counts is the processor time of command and server together, which a busy moment of the machine
changes least; the time on the wall stands beside it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from cases import Case, show

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.progress import finish
from core.setup.checklist import set_up
from core.studio.models import Task
from core.studio.process import read_record
from core.studio.server import stop_server
from tests.studio.command import LABELPILOT
from tests.studio.first_start import prepare
from tests.studio.places import CAT, IMAGE, Place

CHANGED = 100
LABELED = 20
IN_A_FOLDER = 1000
LISTING = "the lean listing of all tasks"
# So much of the listing may it take, by the number of tasks; of others nothing is asked.
NOTHING_TO_DO = {100_000: 0.05, 1_000_000: 0.02}
A_ROUND = {100_000: 0.1}
HOOKS = """
import numpy as np

def get_embeddings():
    return [line.strip() for line in open("tags")], np.load("vectors.npy")

def get_loss_trainset():
    return {line.strip(): float(number) for number, line in enumerate(open("labeled"))}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print a JSON list and nothing else")
    parser.add_argument("--tasks", type=int, nargs="+", default=[10_000], help="how many tasks")
    parser.add_argument("--database", type=Path, help="a migrated database to begin with")
    options = parser.parse_args()
    cases: list[Case] = []
    for tasks in options.tasks:
        with a_workspace(tasks, options.database) as place:
            cases += measured(place, tasks)
            print(*cases[-10:], sep="\n", file=sys.stderr)
    show(cases, options.json)


@contextlib.contextmanager
def a_workspace(tasks: int, database: Path | None) -> Iterator[Place]:
    """A workspace of so many images, each of which is a task."""
    with tempfile.TemporaryDirectory(prefix="labelpilot-looking-") as folder:
        os.environ["LABELPILOT_TRUST"] = os.path.realpath(folder)
        place = Place(Path(folder) / "workspace", "", "").make(images=0)
        place.write(more="recursive = true\n")
        add(place, range(tasks))
        prepare(place.workspace, database)
        try:
            finish(set_up(place.workspace))
            yield place
        finally:
            stop_server(place.workspace)


def add(place: Place, numbers: range) -> None:
    """Make images with these numbers."""
    for number in numbers:
        folder = place.root / "data" / "images" / f"{number // IN_A_FOLDER:04}"
        if number % IN_A_FOLDER == 0:
            folder.mkdir()
        (folder / f"{number:07}.png").write_bytes(IMAGE)


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of processor time, of ours and the server's, and on the wall."""

    processor: float
    wall: float


def measured(place: Place, tasks: int) -> list[Case]:
    client, project = place.client, place.project_id
    found: list[Case] = []

    def list_all() -> None:
        listed = sum(1 for _ in client.tasks(project, "image"))
        assert listed == tasks, f"{listed} of {tasks}"

    def note(
        what: str,
        run: Callable[[], object],
        most: float | None = None,
        besides: Taken | None = None,
    ) -> None:
        taken = timed(place, run)
        if besides is not None:
            taken = Taken(taken.processor - besides.processor, taken.wall - besides.wall)
        share = taken.processor / listing.processor
        goal, met = (f"<= {most}", share <= most) if most is not None else ("", None)
        name = f"{tasks:,} tasks, {what}"
        found.append(Case(name, taken.processor, share, LISTING, goal, met))
        found.append(Case(f"{name}, on the wall", taken.wall, taken.wall / listing.wall, LISTING))

    def sync() -> None:
        command(place, "sync")

    # What a set-up does not look at: the names, and the proof of what it made.
    sync()
    listing = timed(place, list_all)
    found.append(Case(f"{tasks:,} tasks, listed", listing.processor, 1.0, LISTING))
    found.append(Case(f"{tasks:,} tasks, listed, on the wall", listing.wall, 1.0, LISTING))
    note("sync with nothing to do", sync, NOTHING_TO_DO.get(tasks))
    add(place, range(tasks, tasks + CHANGED))
    note(f"sync with {CHANGED} files new", sync)
    client.delete_untouched(project, [task.id for task in first(place, CHANGED)])
    note(f"sync with {CHANGED} tasks deleted", sync)
    learn_from(place, tasks + CHANGED)
    hooks = timed(place, lambda: run_hooks(place))
    planned = partial(command, place, "active-learning", "--model-version", "v1")
    note("a round beyond its hooks", planned, A_ROUND.get(tasks), hooks)
    client.close()
    return found


def first(place: Place, count: int) -> list[Task]:
    """Some of the project's tasks."""
    tasks = place.client.tasks(place.project_id, "image")
    return [task for task, _ in zip(tasks, range(count), strict=False)]


def learn_from(place: Place, images: int) -> None:
    """Label some images, and write hooks that know all of them."""
    labeled = first(place, LABELED)
    for task in labeled:
        place.client.annotate(task.id, CAT)
    tags = [f"{number:07}" for number in range(images)]
    (place.root / "tags").write_text("\n".join(tags))
    (place.root / "labeled").write_text("\n".join(Path(task.image).stem for task in labeled))
    np.save(place.root / "vectors.npy", np.random.default_rng(0).normal(size=(images, 16)))
    (place.root / "hooks.py").write_text(HOOKS)
    with (place.root / "labelpilot.toml").open("a") as settings:
        settings.write(f'[learning]\nhooks = "hooks.py"\npython = "{sys.executable}"\n')
    command(place, "export")


def run_hooks(place: Place) -> None:
    """Run the hooks, and nothing else."""
    bare = f"{HOOKS}\nget_embeddings(), get_loss_trainset()"
    subprocess.run([sys.executable, "-c", bare], check=True, cwd=place.root)


def command(place: Place, *arguments: str) -> None:
    """Run a command of labelpilot's to its end."""
    words = [LABELPILOT, *arguments, "--json", "--workspace", str(place.root)]
    # What is installed is compiled once, and not for every command.
    as_people = {name: os.environ[name] for name in os.environ.keys() - {"PYTHONDONTWRITEBYTECODE"}}
    subprocess.run(words, check=True, env=as_people, stdin=subprocess.DEVNULL, capture_output=True)


def timed(place: Place, run: Callable[[], object]) -> Taken:
    record = read_record(place.workspace)
    assert record is not None
    server = psutil.Process(record.pid)

    def used() -> float:
        ours = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        its = server.cpu_times()
        return sum(one.ru_utime + one.ru_stime for one in ours) + its.user + its.system

    before, began = used(), time.monotonic()
    run()
    return Taken(used() - before, time.monotonic() - began)


if __name__ == "__main__":
    main()
