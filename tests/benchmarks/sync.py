"""How fast, and in how little memory, images become tasks.

    uv run python tests/benchmarks/sync.py --json [--large 100000] [--many 1000000]

Four ways on two real servers, the same number of empty files each: Label Studio's own sync on a
server as people start it; the same through labelpilot on its tuned server; bulk import through
labelpilot; and the bare POSTs of a bulk import with nothing around them, which is the floor.
labelpilot's ways hold everything that a sync does: listing the folder, asking what is there, the
import, the proof. Not counted is the import of Label Studio's SDK, which every way needs. The ways
take turns, so that a busy moment of the machine meets all of them; the median counts.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock
from urllib.parse import quote

from cases import Case, show

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.progress import finish  # noqa: E402
from core.secrets.credentials import VARIABLE  # noqa: E402
from core.studio.client import StudioClient  # noqa: E402
from core.tasks.limits import FIRST_BATCH, LARGEST_BATCH  # noqa: E402
from core.tasks.options import Mode  # noqa: E402
from tests.faults.postgresql import a_cluster  # noqa: E402
from tests.faults.server import CONFIG, FaultServer, fault_server  # noqa: E402
from tests.studio.stock import stock_server  # noqa: E402
from tui.backend import Backend  # noqa: E402

MEGABYTES = 300
# How often the slow ways are run.
OWN_ROUNDS = 2

SYNC = """
import resource, sys, time
from pathlib import Path
import httpcore
from core.progress import finish
from tui.backend import Backend
from core.workspace.settings import load_workspace
began = time.monotonic()
result = finish(Backend().sync(load_workspace(Path(sys.argv[1])), "bulk"))
assert result.complete and result.images == int(sys.argv[2]), result
print(time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
MANY = """
import resource, sys, time
from pathlib import Path
from core.progress import finish
from core.studio.models import Task
from core.images import url_maker
from core.tasks.scan import scan_images
from core.tasks.proof import compare
from core.workspace.settings import Images
folder, count = Path(sys.argv[1]), int(sys.argv[2])
began = time.monotonic()
manifest = finish(scan_images(Images(folder, ".*")))
url = url_maker(folder, folder.parent)
tasks = (Task(1, url(path), 0) for path in manifest.paths[::2])
proof = compare(manifest.paths, tasks, folder)
assert proof.images == count and len(proof.missing) == count // 2
print(time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main() -> None:
    """Start the servers, run every case, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print a JSON list and nothing else")
    parser.add_argument("--images", type=int, default=10_000, help="images of the timed cases")
    parser.add_argument("--rounds", type=int, default=6, help="runs of bulk import and bare POSTs")
    parser.add_argument("--large", type=int, default=0, help="images of one large bulk sync")
    parser.add_argument("--many", type=int, default=0, help="files of the case on memory alone")
    parser.add_argument("--postgresql", action="store_true", help="our server on PostgreSQL")
    options = parser.parse_args()
    cases: list[Case] = []
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="labelpilot-sync-")))
        cluster = stack.enter_context(a_cluster()) if options.postgresql else None
        ours_at = fault_server(folder / "ours", small_disk=False, cluster=cluster)
        our_server = stack.enter_context(ours_at)
        stack.enter_context(mock.patch.dict(os.environ, {VARIABLE: our_server.token}))
        if options.images:
            cases += timed(folder, our_server, options.images, options.rounds)
        if options.large:
            cases += large(our_server, options.large)
    if options.many:
        cases.append(memory(options.many))
    show(cases, options.json)


def timed(folder: Path, our_server: FaultServer, images: int, rounds: int) -> list[Case]:
    """The four ways, in turns."""
    warm_up(our_server)
    bulk, bare = list[float](), list[float]()

    def in_turns(count: int) -> None:
        for _ in range(count):
            bare.append(bare_posts(our_server, images))
            bulk.append(ours(our_server, images, "bulk"))

    shipped, tuned, native = list[float](), list[float](), list[float]()
    root = folder / "stock-files"
    root.mkdir()
    with stock_server(folder / "stock", root) as stock:
        for number in range(OWN_ROUNDS):
            in_turns(rounds // OWN_ROUNDS)
            path = stock.root / f"images{number}"
            fill(path, images)
            shipped.append(own_sync(stock.url, stock.personal_token, path, images))
            case = our_server.case(images, "native")
            tuned.append(own_sync(our_server.url, our_server.token, case.folder, images))
            native.append(ours(our_server, images, "native"))
    imported, floor = statistics.median(bulk), statistics.median(bare)
    its_own = statistics.median(shipped)
    name = f"{images:,} images"
    stock_sync = "the speed of Label Studio's own sync, as it is shipped"
    return [
        Case(f"{name}, own sync, as shipped", its_own, 1.0, stock_sync, "none", True),
        speed(
            f"{name}, own sync, tuned server", statistics.median(tuned), stock_sync, its_own, 1.3
        ),
        speed(
            f"{name}, own sync, tuned server, through labelpilot, with its proof",
            statistics.median(native),
            stock_sync,
            its_own,
            1.3,
        ),
        speed(f"{name}, bulk import", imported, stock_sync, its_own, 15.0),
        share(f"{name}, bulk import", imported, "the time of the bare POSTs", floor, 1.10),
    ]


def speed(name: str, mine: float, against: str, its: float, at_least: float) -> Case:
    ratio = its / mine
    return Case(name, mine, ratio, against, f">= {at_least}", ratio >= at_least)


def share(name: str, mine: float, against: str, its: float, at_most: float) -> Case:
    ratio = mine / its
    return Case(name, mine, ratio, against, f"<= {at_most}", ratio <= at_most)


def warm_up(our_server: FaultServer) -> None:
    """Everything is imported and the server has seen each kind of request once."""
    ours(our_server, 100, "bulk")
    bare_posts(our_server, 100)
    ours(our_server, 100, "native")


def ours(our_server: FaultServer, images: int, mode: Mode) -> float:
    """Seconds of a whole sync through labelpilot."""
    case = our_server.case(images, mode)
    workspace = case.own_workspace()
    began = time.monotonic()
    result = finish(Backend().sync(workspace, mode))
    seconds = time.monotonic() - began
    assert result.complete and result.created == images, result
    return seconds


def bare_posts(our_server: FaultServer, images: int) -> float:
    """Seconds of the POSTs alone, of the sizes that labelpilot's come to on a fast server."""
    case = our_server.case(images, "bulk")
    names = sorted(path.name for path in case.folder.iterdir())
    urls = [f"/data/local-files/?d={quote(f'{case.name}/{name}')}" for name in names]
    with contextlib.closing(our_server.client()) as client:
        client.task_count(case.project_id)
        began = time.monotonic()
        start, size = 0, FIRST_BATCH
        while start < images:
            data = [{"image": url} for url in urls[start : start + size]]
            client.import_tasks(case.project_id, data, 600)
            start, size = start + size, min(LARGEST_BATCH, 4 * size)
        return time.monotonic() - began


def fill(path: Path, images: int) -> None:
    """Make a folder of empty files."""
    path.mkdir(parents=True)
    for number in range(images):
        (path / f"img {number:06}.png").touch()


def own_sync(url: str, token: str, path: Path, images: int) -> float:
    """Seconds of the sync that the button in Label Studio starts."""
    with contextlib.closing(StudioClient(url, token)) as client:
        project = client.create_project("own sync")
        client.update_project(project.id, {"label_config": CONFIG})
        fields = {"title": "images", "path": str(path), "use_blob_urls": True}
        storage = client.create_source_storage(project.id, fields)
        began = time.monotonic()
        after = client.sync_storage(storage)
        seconds = time.monotonic() - began
        assert after.status == "completed", after
        assert client.task_count(project.id) == images
    return seconds


def large(our_server: FaultServer, images: int) -> list[Case]:
    """One large bulk sync in a process of its own, twice: all to do, and nothing to do."""
    case = our_server.case(images, "bulk")
    root = case.write(our_server.url)
    floor = bare_posts(our_server, images)
    first, megabytes = in_its_own_process(SYNC, root, images)
    again, later = in_its_own_process(SYNC, root, images)
    name = f"{images:,} images"
    return [
        share(f"{name}, bulk import", first, "the time of the bare POSTs", floor, 1.10),
        share(f"{name}, nothing to do", again, "the time of the import", first, 2.0),
        Case(
            f"{name}, largest size of the process",
            first,
            max(megabytes, later) / MEGABYTES,
            f"{MEGABYTES} MB",
            "< 1",
            max(megabytes, later) < MEGABYTES,
        ),
    ]


def memory(files: int) -> Case:
    """Listing a folder and holding it against as many tasks, in a process of its own."""
    shared_memory = Path("/dev/shm")
    place = shared_memory if shared_memory.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        images = Path(folder) / "images"
        images.mkdir()
        for number in range(files):
            os.close(os.open(images / f"image_{number:09}.png", os.O_CREAT, 0o644))
        seconds, megabytes = in_its_own_process(MANY, images, files)
    ratio = megabytes / MEGABYTES
    name = f"{files:,} files, largest size of the process"
    return Case(name, seconds, ratio, f"{MEGABYTES} MB", "< 1", ratio < 1)


def in_its_own_process(body: str, path: Path, count: int) -> tuple[float, float]:
    """Seconds and the largest size in MB of a process that runs `body`."""
    done = subprocess.run(
        [sys.executable, "-c", body, str(path), str(count)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=3600,
    )
    assert done.returncode == 0, done.stderr
    seconds, megabytes = map(float, done.stdout.split())
    return seconds, megabytes


if __name__ == "__main__":
    main()
