"""What it costs to look again, beside listing all tasks as leanly as Label Studio can.

    uv run python tests/benchmarks/looking_again.py --json [--tasks 10000 100000 1000000]

Commands as people run them, from the interpreter on: a sync with nothing to do, with a hundred
files new, with a hundred tasks deleted as in the browser; and a round of active learning whose
hooks do no more than read a file. All on a server of labelpilot's own; `--database FILE` is a
migrated one to begin with.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from cases import Case, show

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.progress import finish
from core.setup.checklist import set_up
from core.studio.models import Task
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
            print(*cases[-5:], sep="\n", file=sys.stderr)
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


def measured(place: Place, tasks: int) -> list[Case]:
    client, project = place.client, place.project_id
    name = f"{tasks:,} tasks"
    listing = timed(lambda: assert_count(sum(1 for _ in client.tasks(project, "image")), tasks))

    def case(what: str, seconds: float, most: float | None = None) -> Case:
        share = seconds / listing
        goal, met = (f"<= {most}", share <= most) if most is not None else ("", None)
        return Case(f"{name}, {what}", seconds, share, LISTING, goal, met)

    def sync() -> None:
        command(place, "sync")

    # What a set-up does not look at: the names, and the proof of what it made.
    sync()
    cases = [Case(f"{name}, listed", listing, 1.0, LISTING)]
    cases.append(case("sync with nothing to do", timed(sync), NOTHING_TO_DO.get(tasks)))
    add(place, range(tasks, tasks + CHANGED))
    cases.append(case(f"sync with {CHANGED} files new", timed(sync)))
    client.delete_untouched(project, [task.id for task in first(place, CHANGED)])
    cases.append(case(f"sync with {CHANGED} tasks deleted", timed(sync)))
    learn_from(place, tasks + CHANGED)
    planned = timed(lambda: command(place, "active-learning", "--model-version", "v1"))
    cases.append(case("a round", planned, A_ROUND.get(tasks)))
    client.close()
    return cases


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


def command(place: Place, *arguments: str) -> None:
    """Run a command of labelpilot's to its end."""
    words = [LABELPILOT, *arguments, "--json", "--workspace", str(place.root)]
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def timed(run: Callable[[], object]) -> float:
    began = time.monotonic()
    run()
    return time.monotonic() - began


def assert_count(found: int, expected: int) -> None:
    assert found == expected, f"{found} of {expected}"


if __name__ == "__main__":
    main()
