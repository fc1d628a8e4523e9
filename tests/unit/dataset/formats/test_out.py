"""Where a dataset is written to: a file or a folder of its own, and nothing else is touched."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.dataset.export import ExportResult
from core.errors import ConfigurationError
from core.workspace.settings import Workspace

Build = Callable[..., dict[str, Any]]
Export = Callable[..., ExportResult]
Write = Callable[..., None]


def device(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        path.symlink_to("/dev/null")


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


MADE: dict[str, Callable[[Path], object]] = {
    "device": device,
    "pipe": os.mkfifo,
    "socket": listening,
    "loop": lambda path: path.symlink_to(path),
    "link to a device": lambda path: (device(Path("null")), path.symlink_to("null")),
    "link to a folder": lambda path: path.symlink_to(path.parent),
    "folder": lambda path: (path / "in").mkdir(parents=True),
}


@pytest.mark.parametrize("format", ["json", "csv", "parquet", "coco", "yolo", "huggingface"])
@pytest.mark.parametrize("kind", [*MADE, ".", "..", "/", "", "x" * 300])
def test_what_is_no_place_for_a_dataset_is_refused_and_left_alone(
    write: Write,
    annotation: Build,
    export: Export,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    format: str,
    kind: str,
) -> None:
    write(annotation(1, "ds/a.png", ["N"]))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    out = Path(kind)
    if kind in MADE:
        out = Path("out")
        MADE[kind](out)
    before = {path: path.lstat().st_mode for path in Path().rglob("*")}
    with pytest.raises(ConfigurationError) as raised:
        export(format=format, out=out)
    assert raised.value.next_step
    assert {path: path.lstat().st_mode for path in Path().rglob("*")} == before


@pytest.mark.parametrize("name", ["labelpilot.toml", "config.xml"])
def test_the_workspaces_own_files_are_not_written_over(
    write: Write, annotation: Build, export: Export, workspace: Workspace, name: str
) -> None:
    write(annotation(1, "ds/a.png", ["N"]))
    file = workspace.root / name
    file.write_text(file.read_text() if file.exists() else "")
    before = file.read_text()
    with pytest.raises(ConfigurationError, match="workspace's own"):
        export(out=file)
    assert file.read_text() == before


def test_a_link_to_a_file_is_written_through(
    write: Write, annotation: Build, export: Export, tmp_path: Path
) -> None:
    write(annotation(1, "ds/a.png", ["N"]))
    (tmp_path / "link.json").symlink_to(tmp_path / "far.json")
    export(out=tmp_path / "link.json")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "far.json").read_text().startswith("{")
