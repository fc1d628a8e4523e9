"""How fast, and in how little memory, annotations become a dataset.

    uv run python tests/benchmarks/export.py --json

Makes annotation files in the shape of a real Label Studio's target storage, and times the whole
export but for the interpreter's start (imports, reading, deciding, writing) against a plain loop of
`json.load` as a hand-written script has it, and against the floor: list, open by descriptor and
read every file, without looking at it. Each run is a process of its own; the ways take turns, so
that a busy moment of the machine meets all of them; the median counts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from cases import Case, show

ROOT = Path(__file__).parents[2]
CHANGED = 100
LARGEST = 300
CLASSES = [f"class_{number:02d}" for number in range(20)]

OURS = """
import sys
from pathlib import Path
from core.dataset.export import export_dataset
from core.dataset.source import FolderSource
from core.progress import finish
from core.workspace.settings import load_workspace
workspace = load_workspace(Path(sys.argv[1]))
result = finish(export_dataset(workspace, FolderSource(workspace.annotations.path)))
images = result.images
"""
PLAIN = """
import json, os, sys
from pathlib import Path
from urllib.parse import unquote
dataset = {}
folder = os.path.join(sys.argv[1], "annotations")
for name in os.listdir(folder):
    with open(os.path.join(folder, name)) as file:
        annotation = json.load(file)
    tag = Path(unquote(annotation["task"]["data"]["image"].split("?d=")[1])).stem
    dataset[tag] = [c for r in annotation["result"] for c in r["value"]["choices"]]
with open(os.path.join(sys.argv[1], "plain.json"), "w") as file:
    json.dump(dataset, file, sort_keys=True, indent=2)
images = len(dataset)
"""
FLOOR = """
import os, sys
folder = os.open(os.path.join(sys.argv[1], "annotations"), os.O_RDONLY)
images = 0
for name in os.listdir(folder):
    file = os.open(name, os.O_RDONLY, dir_fd=folder)
    content = os.read(file, 65536)
    os.close(file)
    images += 1
"""
ONE_THREAD = (
    "import core.dataset.reading.folder, core.dataset.reading.workers\n"
    "core.dataset.reading.folder.THREADS = 1; core.dataset.reading.workers.MOST_WORKERS = 0" + OURS
)
LISTING = """
import os, sys
images = 0
with os.scandir(os.path.join(sys.argv[1], "annotations")) as entries:
    for entry in entries:
        entry.stat()
        images += 1
"""
TIMED = """
import time
began = time.perf_counter()
{body}
seconds = time.perf_counter() - began
import json, resource
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(dict(seconds=seconds, images=images, megabytes=memory)))
"""


@dataclass(frozen=True)
class Run:
    """One process: its time but for the interpreter's start, and its largest size."""

    seconds: float
    images: int
    megabytes: float


def main() -> None:
    """Make the files, run every case, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print a JSON list and nothing else")
    parser.add_argument("--files", type=int, default=100_000, help="files of the timed cases")
    parser.add_argument("--many", type=int, default=1_000_000, help="files of the case on memory")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each way")
    parser.add_argument("--folder", type=Path, default=None, help="where to make the files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        make_workspace(Path(folder), options.files)
        cases = timed(Path(folder), options.rounds)
    if options.many:
        with tempfile.TemporaryDirectory(dir=options.folder) as folder:
            make_workspace(Path(folder), options.many)
            cases.append(memory(Path(folder), options.many))
    show(cases, options.json)


def timed(folder: Path, rounds: int) -> list[Case]:
    """The cases on time: from nothing, from disk, and after a few changes."""
    ours, plain, floor, again, listing = [list[Run]() for _ in range(5)]
    for _ in range(rounds):
        forget(folder)
        ours.append(run(OURS, folder))
        plain.append(run(PLAIN, folder))
        floor.append(run(FLOOR, folder))
        same_content(folder)
    settle(folder)
    for number in range(rounds):
        change(folder, number)
        again.append(run(OURS, folder))
        listing.append(run(LISTING, folder))
    cold, one_thread = list[Run](), list[Run]()
    for body, runs in ((OURS, cold), (ONE_THREAD, one_thread)) * 2:
        forget(folder)
        evict(folder)
        runs.append(run(body, folder))
    files = f"{ours[0].images:,} files"
    return [
        case(f"{files}, first run", ours, "a plain loop of json.load", plain, at_least=2.8),
        case(f"{files}, first run", ours, "the floor", floor, at_least=0.55),
        case(f"{files}, not in memory", cold, "one thread", one_thread, at_least=2.5),
        case(f"{files}, {CHANGED} changed", again, "bare listing and stat", listing, at_most=1.5),
    ]


def case(
    name: str,
    ours: list[Run],
    against: str,
    other: list[Run],
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Case:
    """A case with the medians of both. A ratio of at least something is one of speeds."""
    mine = statistics.median(one.seconds for one in ours)
    its = statistics.median(one.seconds for one in other)
    if at_least is not None:
        speed = its / mine
        return Case(
            name, mine, speed, f"the speed of {against}", f">= {at_least}", speed >= at_least
        )
    assert at_most is not None
    share = mine / its
    return Case(name, mine, share, f"the time of {against}", f"<= {at_most}", share <= at_most)


def memory(folder: Path, files: int) -> Case:
    """The case on memory: the larger of a first and a second run."""
    first, second = run(OURS, folder), run(OURS, folder)
    assert first.images == second.images == files
    largest = max(first.megabytes, second.megabytes)
    name = f"{files:,} files, largest size of the process"
    return Case(name, first.seconds, largest / LARGEST, f"{LARGEST} MB", "< 1", largest < LARGEST)


def forget(folder: Path) -> None:
    """Take away what a run before has kept."""
    shutil.rmtree(folder / ".labelpilot", ignore_errors=True)


def same_content(folder: Path) -> None:
    """Ours and the plain loop must have written the same."""
    ours = json.loads((folder / "dataset.json").read_bytes())
    plain = json.loads((folder / "plain.json").read_bytes())
    assert {tag: sorted(classes) for tag, classes in ours.items()} == {
        tag: sorted(classes) for tag, classes in plain.items()
    }


def settle(folder: Path) -> None:
    """Run until what was kept is certain: not so for files that were read when just written."""
    time.sleep(2.5)
    run(OURS, folder)


def change(folder: Path, number: int) -> None:
    """Write some files anew, as an annotator's work does."""
    annotations = folder / "annotations"
    for name in sorted(os.listdir(annotations))[number::1009][:CHANGED]:
        file = annotations / name
        file.write_bytes(file.read_bytes().replace(b"class_00", b"class_01"))


def evict(folder: Path) -> None:
    """Take the files' content out of the system's memory."""
    os.sync()
    descriptor = os.open(folder / "annotations", os.O_RDONLY)
    for name in os.listdir(descriptor):
        file = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)
    os.close(descriptor)


def run(body: str, folder: Path) -> Run:
    """Run `body` in a process of its own."""
    process = subprocess.run(
        [sys.executable, "-c", TIMED.format(body=body), str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=1800,
    )
    if process.returncode:
        raise SystemExit(process.stderr)
    return Run(**json.loads(process.stdout))


def make_workspace(folder: Path, files: int) -> None:
    """A workspace with `files` annotations, an image each, as Label Studio writes them."""
    chosen = random.Random(0)
    choices = "".join(f'<Choice value="{name}"/>' for name in CLASSES)
    (folder / "config.xml").write_text(
        '<View><Image name="image" value="$image"/>'
        f'<Choices name="kind" toName="image" choice="multiple">{choices}</Choices></View>'
    )
    (folder / "labelpilot.toml").write_text(
        '[images]\npath = "images"\n[project]\nlabel_config = "config.xml"\n'
        '[annotations]\npath = "annotations"\ndataset = "dataset.json"\n'
    )
    annotations = folder / "annotations"
    annotations.mkdir()
    root = folder.as_posix().lstrip("/")
    for number in range(1, files + 1):
        # The browser writes them in the order of the labeling config.
        classes = sorted(chosen.sample(CLASSES, chosen.randrange(1, 4)))
        write_annotation(annotations, number, f"{root}/images/img_{number:07d}.png", classes)


def write_annotation(folder: Path, number: int, image: str, classes: list[str]) -> None:
    """One file of a target storage: its fields, their order and its layout are Label Studio's."""
    seen = f"2026-11-24T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}.396801Z"
    person = {"id": 1, "first_name": "", "last_name": "", "email": "a@b.co"}
    task = {
        "id": number,
        "data": {"image": f"/data/local-files/?d={image}"},
        "meta": {},
        "created_at": seen,
        "updated_at": seen,
        "is_labeled": True,
        "allow_skip": True,
        "overlap": 1,
        "inner_id": number,
        "total_annotations": 1,
        "cancelled_annotations": 0,
        "total_predictions": 0,
        "precomputed_agreement": None,
        "comment_count": 0,
        "unresolved_comment_count": 0,
        "last_comment_updated_at": None,
        "project": 1,
        "updated_by": None,
        "file_upload": None,
        "comment_authors": [],
    }
    result = {
        "id": f"{number:010d}",
        "from_name": "kind",
        "to_name": "image",
        "type": "choices",
        "value": {"choices": classes},
        "origin": "manual",
    }
    annotation = {
        "id": number,
        "result": [result],
        "created_username": " a@b.co, 1",
        "created_ago": "0\u00a0minutes",
        "completed_by": person,
        "task": task,
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": seen,
        "updated_at": seen,
        "draft_created_at": None,
        "lead_time": 3.2,
        "import_id": None,
        "last_action": None,
        "bulk_created": False,
        "project": 1,
        "updated_by": 1,
        "parent_prediction": None,
        "parent_annotation": None,
        "last_created_by": None,
    }
    with (folder / str(number)).open("w") as file:
        json.dump(annotation, file, indent=2)


if __name__ == "__main__":
    main()
