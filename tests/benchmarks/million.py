"""A million images, from the folder to the next image of a round: how long, in how much memory.

Run: `uv run python tests/benchmarks/million.py [--tasks 1000000] [--database postgresql] [--json]`.
The images are small files in nested folders; labelpilot's own server is set up on them, 1,000 are
labeled, and a round is made of embeddings of 512 numbers, which lie in a file. Each step is a
command in a process of its own. `ratio` is its peak memory in MB, but for files that it has mapped
and that the system takes back where it needs room; beside it stand the peak with those, and the
server's.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cases import Case, show
from labeler import Labeler, requests_of

from core.labeling.stream import save_view
from core.progress import finish
from core.studio.process import read_record
from core.studio.project import open_project
from core.studio.server import stop_server
from core.tasks.index.look import look_at_tasks
from core.workspace.databases import VARIABLE
from core.workspace.settings import Workspace, load_workspace
from tests.faults.postgresql import PASSWORD, a_cluster
from tests.studio.first_start import prepare

LABELPILOT = str(Path(sys.executable).with_name("labelpilot"))
IN_A_FOLDER = 1000
LINKS = 50_000
LABELS = 1000
LENGTH = 512
ROWS_AT_ONCE = 20_000
TOML = """[images]
path = "data/images"
recursive = true
[project]
title = "Many"
label_config = "config.xml"
[learning]
hooks = "hooks.py"
"""
CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image"><Choice value="a"/><Choice value="b"/></Choices></View>"""
HOOKS = """
import json
from pathlib import Path
HERE = Path(__file__).parent
def get_embeddings():
    return str(HERE / "embeddings.npy")
def get_loss_trainset():
    tags = sorted(json.loads((HERE / "data" / "dataset.json").read_text()))
    return {tag: 1 / (1 + number) for number, tag in enumerate(tags)}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--workspace", type=Path, help="one with its tasks, made by this before")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="labelpilot-many-"))
        root = arguments.workspace or Path(folder) / "workspace"
        os.environ["LABELPILOT_TRUST"] = str(root)
        if arguments.workspace is None:
            toml = TOML
            if arguments.database == "postgresql":
                os.environ[VARIABLE] = PASSWORD
                toml += f'[studio]\ndatabase = "{stack.enter_context(a_cluster()).url}"\n'
            make_workspace(root, arguments.tasks, toml)
        # Elsewhere: what a process has held, its commands seem to hold too.
        writer = multiprocessing.get_context("spawn").Process(
            target=write_embeddings, args=(root, arguments.tasks)
        )
        writer.start()
        writer.join()
        try:
            cases = list(measured(root, f"{arguments.tasks:,} images, {arguments.database}"))
        finally:
            stop_server(load_workspace(root))
    show(cases, arguments.json)


def make_workspace(root: Path, images: int, toml: str) -> None:
    """A workspace with so many images, in folders of a thousand: links to few files."""
    root.mkdir(parents=True)
    (root / "labelpilot.toml").write_text(toml)
    (root / "config.xml").write_text(CONFIG)
    prepare(load_workspace(root))
    for number in range(images):
        path = path_of(root, number)
        if number % IN_A_FOLDER == 0:
            path.parent.mkdir(parents=True)
        if number % LINKS == 0:
            linked = path
            linked.write_bytes(b"an image")
        else:
            os.link(linked, path)


def path_of(root: Path, number: int) -> Path:
    folder = f"{number // IN_A_FOLDER // 100:02}/{number // IN_A_FOLDER % 100:02}"
    return root / "data" / "images" / folder / f"{number:07}.png"


def write_embeddings(root: Path, images: int) -> None:
    """The hooks file, and what it names: vectors in a file, their tags beside it."""
    (root / "hooks.py").write_text(HOOKS)
    random = np.random.default_rng(0)
    file = root / "embeddings.npy"
    vectors = np.lib.format.open_memmap(file, "w+", np.float32, (images, LENGTH))
    for start in range(0, images, ROWS_AT_ONCE):
        block = vectors[start : start + ROWS_AT_ONCE]
        block[:] = random.standard_normal(block.shape, np.float32)
    vectors.flush()
    tags = [f"{number:07}" for number in range(images)]
    file.with_suffix(".json").write_text(json.dumps(tags))


def measured(root: Path, size: str) -> list[Case]:
    """The steps in their order, each with its time and memory."""
    cases: list[Case] = []

    def step(name: str, *arguments: str) -> None:
        seconds, own, with_files = run(root, *arguments)
        server = most_memory(load_workspace(root))
        unit = f"MB; with files {with_files:.0f}, the server {server:.0f}"
        cases.append(Case(f"{size}: {name}", seconds, own, unit))
        print(cases[-1], file=sys.stderr, flush=True)

    step("set-up with the import", "setup")
    step("a sync with nothing to do", "sync")
    step("another", "sync")
    labels = label(load_workspace(root))
    cases.append(Case(f"{size}: {LABELS:,} labels, one after the other", labels))
    step("export", "export")
    step("a round, planned and published", "active-learning", "--model-version", "v1")
    step("the same round again", "active-learning", "--model-version", "v1")
    cases += waits(load_workspace(root), size)
    step("the round taken back", "rounds", "--undo", "v1")
    return cases


def run(root: Path, *arguments: str) -> tuple[float, float, float]:
    """Seconds of a command, and the most memory in MB, without and with files that it maps."""
    began = time.monotonic()
    command = [LABELPILOT, *arguments, "--json", "--workspace", str(root)]
    own = 0.0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
        used = None
        while used is None:
            own = max(own, held(process.pid, "RssAnon"))
            time.sleep(0.02)
            ended, status, resources = os.wait4(process.pid, os.WNOHANG)
            used = resources if ended else None
        said.seek(0)
        assert os.waitstatus_to_exitcode(status) in (0, 4), said.read()[-2000:]
    return time.monotonic() - began, own, used.ru_maxrss / 1024


def held(pid: int, what: str) -> float:
    """MB of a process, as the system counts them under the name `what`; 0 once it has ended."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) / 1024


def most_memory(workspace: Workspace) -> float:
    """The most memory that the server has held, in MB."""
    record = read_record(workspace)
    assert record is not None
    return held(record.pid, "VmHWM")


def label(workspace: Workspace) -> float:
    """Label images that lie far apart; the seconds that it took."""
    with open_project(workspace) as opened:
        with finish(look_at_tasks(opened)) as known:
            tasks = (task.id for task in known.tasks())
            apart = list(itertools.islice(tasks, 0, None, max(opened.remote.tasks // LABELS, 1)))
        labeler = Labeler(opened.client, opened.id, 0)
        began = time.monotonic()
        for labeler.task in apart[:LABELS]:
            labeler.submit()
        return time.monotonic() - began


def waits(workspace: Workspace, size: str) -> list[Case]:
    """What a labeler waits for, in the round."""
    with open_project(workspace) as opened:
        labeler = Labeler(opened.client, opened.id, save_view(opened))
        found = []
        for name, request in requests_of(labeler).items():
            request()
            began = time.monotonic()
            request()
            found.append(Case(f"{size}: {name}", time.monotonic() - began))
    return found


if __name__ == "__main__":
    main()
