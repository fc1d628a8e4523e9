"""Kills and full disks: the dataset that is there stays whole."""

from __future__ import annotations

import json
import os
import random
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.dataset.export import ExportResult, export_dataset
from core.dataset.source import FolderSource
from core.errors import LabelpilotError
from core.progress import finish
from core.workspace.settings import Annotations, Workspace

Build = Callable[..., dict[str, Any]]
Export = Callable[..., ExportResult]
Write = Callable[..., None]

IMAGES = 1500
KILLS = 20


@pytest.fixture
def labeled_twice(write: Write, annotation: Build) -> None:
    """Every image has two annotations, so that each rule writes another dataset."""
    for number in range(IMAGES):
        write(
            annotation(2 * number, f"ds/{number}.png", ["N"], second=1),
            annotation(2 * number + 1, f"ds/{number}.png", ["indoor"], second=2),
        )


def export_until_killed(workspace: Workspace, started: int) -> None:
    """Export by one rule and the other, on and on; say so on the descriptor `started`."""
    source = FolderSource(workspace.annotations.path)
    while True:
        for rule in ("union", "latest"):
            for event in export_dataset(workspace, source, rule=rule):
                if event.stage == "write" and event.done == 0:
                    os.write(started, b".")


@pytest.mark.usefixtures("labeled_twice")
def test_a_kill_at_any_moment_leaves_a_whole_dataset(workspace: Workspace, export: Export) -> None:
    dataset = workspace.annotations.dataset
    export(rule="union")
    whole = {dataset.read_bytes()}
    export(rule="latest")
    whole.add(dataset.read_bytes())
    assert len(whole) == 2
    chosen = random.Random(0)
    for _ in range(KILLS):
        listening, started = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                export_until_killed(workspace, started)
            finally:
                os._exit(1)
        os.close(started)
        # It is about to write; then some milliseconds on, anywhere in the writing or the next read.
        assert os.read(listening, 1) == b"."
        select.select([], [], [], chosen.uniform(0, 0.008))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        os.close(listening)
        assert os.WTERMSIG(status) == signal.SIGKILL
        assert dataset.read_bytes() in whole
    # What the killed ones left aside does not get in the way.
    export(rule="union")
    assert dataset.read_bytes() in whole


@pytest.fixture
def small_disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A file system of 32 kB, or of another size."""
    folder = tmp_path / "disk"
    folder.mkdir()
    size = f"size={getattr(request, 'param', '32k')}"
    mount = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.usefixtures("labeled_twice")
@pytest.mark.parametrize("format", ["json", "csv", "parquet", "huggingface"])
def test_a_full_disk_leaves_the_old_dataset(
    workspace: Workspace, small_disk: Path, format: str
) -> None:
    dataset = small_disk / "dataset.json"
    dataset.write_text("old")
    on_disk = Workspace(
        root=small_disk,
        images=workspace.images,
        project=workspace.project,
        annotations=Annotations(workspace.annotations.path, dataset),
    )
    source = FolderSource(workspace.annotations.path)
    # Parquet packs equal rows into next to nothing.
    (small_disk / "filling").write_bytes(bytes(28 * 1024 if format == "parquet" else 0))
    with pytest.raises(LabelpilotError, match="could not be written") as raised:
        finish(export_dataset(on_disk, source, out=dataset, format=format))
    assert raised.value.next_step
    assert dataset.read_text() == "old"
    assert sorted(os.listdir(small_disk)) in (
        [".labelpilot", "dataset.json", "filling"],
        ["dataset.json", "filling"],
    )


LIMITED = """
import resource, sys
from pathlib import Path
from core.dataset.export import export_dataset
from core.dataset.source import FolderSource
from core.errors import LabelpilotError
from core.progress import finish
from core.workspace.settings import load_workspace
workspace, limit = load_workspace(Path(sys.argv[1])), getattr(resource, sys.argv[2])
resource.setrlimit(limit, (int(sys.argv[3]), resource.getrlimit(limit)[1]))
try:
    print(finish(export_dataset(workspace, FolderSource(workspace.annotations.path))).images)
except LabelpilotError as error:
    print(error.message)
"""


def export_within(workspace: Workspace, limit: str, most: int) -> str:
    """What an export says whose process may have at most `most` of a resource."""
    (workspace.root / "labelpilot.toml").write_text(
        '[images]\npath = "ds"\n[project]\nlabel_config = "config.xml"\n'
        '[annotations]\npath = "annotations"\ndataset = "dataset.json"\n'
    )
    root = str(Path(__file__).parents[3])
    run = subprocess.run(
        [sys.executable, "-c", LIMITED, str(workspace.root), limit, str(most)],
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return run.stdout.strip()


@pytest.mark.usefixtures("labeled_twice")
def test_a_file_that_may_not_grow_leaves_the_old_dataset(workspace: Workspace) -> None:
    workspace.annotations.dataset.write_text("old")
    assert "could not be written" in export_within(workspace, "RLIMIT_FSIZE", 20_000)
    assert workspace.annotations.dataset.read_text() == "old"


def test_the_export_needs_few_file_descriptors(
    write: Write, annotation: Build, workspace: Workspace
) -> None:
    write(*(annotation(number, f"ds/{number}.png", ["N"]) for number in range(300)))
    assert export_within(workspace, "RLIMIT_NOFILE", 64) == "300"


def test_a_damaged_cache_is_read_past(
    write: Write, annotation: Build, export: Export, workspace: Workspace
) -> None:
    write(*(annotation(number, f"ds/{number}.png", ["N"]) for number in range(600)))
    export()
    whole = json.loads(workspace.annotations.dataset.read_text())
    (cache,) = workspace.state.cache.iterdir()
    content = cache.read_bytes()
    chosen = random.Random(0)
    for _ in range(20):
        damaged = bytearray(content[: chosen.randrange(len(content))])
        if damaged:
            damaged[chosen.randrange(len(damaged))] ^= 0xFF
        cache.write_bytes(damaged)
        export()
        assert json.loads(workspace.annotations.dataset.read_text()) == whole
