"""The launcher, run by path as the server's process runs it, beside files that are in its way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.studio.process import LAUNCHER

# In place of Label Studio: says where `core` and `http` come from, and what else is loaded.
PROBE = """
import os, sys
sys.path.insert(0, os.path.dirname(__file__))
def main():
    import core, http.client
    print("core", core.__file__)
    print("http", http.__file__)
    print("tui", any(name.split(".")[0] == "tui" for name in sys.modules))
"""


@pytest.fixture
def label_studio(tmp_path: Path) -> Path:
    """A folder with a package `label_studio`, which has a `core` of its own as the real one has."""
    package = tmp_path / "packages" / "label_studio"
    (package / "core").mkdir(parents=True)
    for name in ("__init__.py", "core/__init__.py"):
        (package / name).touch()
    (package / "server.py").write_text(PROBE)
    return package


def printed(launcher: Path, label_studio: Path, **variables: str) -> str:
    """What is printed, with labelpilot's own packages as much in the way as they can be."""
    paths = [str(label_studio.parent), str(LAUNCHER.parents[2])]
    return subprocess.run(
        [sys.executable, str(launcher), "start"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)} | variables,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def run(launcher: Path, label_studio: Path) -> dict[str, str]:
    """What the probe says."""
    lines = [line.partition(" ") for line in printed(launcher, label_studio).splitlines()]
    return {name: said for name, _, said in lines}


def recorded(launcher: Path, label_studio: Path, **variables: str) -> set[str]:
    """The names of the patches that the launcher writes down as closed, each with a sentence."""
    folder = label_studio.parent
    printed(launcher, label_studio, LABEL_STUDIO_BASE_DATA_DIR=str(folder), **variables)
    closed = json.loads((folder / "labelpilot-patches.json").read_text())["closed"]
    assert all(one["without"].endswith(".") for one in closed)
    return {one["name"] for one in closed}


def test_nothing_beside_the_launcher_shadows_a_module_of_the_servers(
    tmp_path: Path, label_studio: Path
) -> None:
    launcher = shutil.copytree(LAUNCHER, tmp_path / "beside")
    for name in ("socketserver", "socket", "http", "django", "label_studio", "core", "process"):
        (launcher / f"{name}.py").write_text("raise AssertionError(__name__)\n")
    assert "beside" not in run(launcher, label_studio)["http"]


def test_a_launcher_that_is_a_link_is_as_good(tmp_path: Path, label_studio: Path) -> None:
    (tmp_path / "launcher").symlink_to(LAUNCHER)
    assert "studio" not in Path(run(tmp_path / "launcher", label_studio)["http"]).parts


def test_in_the_servers_process_core_is_label_studios(label_studio: Path) -> None:
    found = run(LAUNCHER, label_studio)
    assert found["core"] == str(label_studio / "core" / "__init__.py")
    assert found["tui"] == "False"


def test_a_patch_that_is_asked_to_be_closed_is_and_is_written_down(label_studio: Path) -> None:
    assert "sqlite" not in recorded(LAUNCHER, label_studio)
    assert "sqlite" in recorded(LAUNCHER, label_studio, LABELPILOT_CLOSED_PATCHES="sqlite")


def test_a_version_that_was_not_tried_closes_what_hangs_on_its_insides(label_studio: Path) -> None:
    with_main = PROBE.replace("def main():", "def main():\n    _setup_env()")
    (label_studio / "server.py").write_text(with_main + "def _setup_env():\n    pass\n")
    metadata = label_studio.parent / "label_studio-99.0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text("Metadata-Version: 2.1\nName: label-studio\nVersion: 99.0\n")
    assert "an-image-each is closed: not tried with Label Studio 99.0" in printed(
        LAUNCHER, label_studio
    )
    assert recorded(LAUNCHER, label_studio).isdisjoint({"sqlite", "answers-at-once"})
