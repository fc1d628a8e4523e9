"""The manual, walked key by key in tmux at 80x24 against a real Label Studio.

From a folder of images and nothing else to the open label stream, then from labels to the dataset
and to the first round. The manual has its users fill in fifteen pages for it.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest

from core.studio.project import connect, require_project
from core.studio.server import stop_server
from core.workspace.settings import Workspace, load_workspace
from core.workspace.toml_lines import FILE_NAME
from tests.needs import needs
from tests.studio.first_start import prepare

pytestmark = needs("tmux")

# To the label stream, and from there to the first round.
MOST_KEYS = 8
HOOKS = """
def get_embeddings():
    return {name: [1.0, n] for n, name in enumerate(NAMES)}
def get_loss_trainset():
    return {name: n / 10 for n, name in enumerate(NAMES[:3])}
def get_tags_labeled():
    return NAMES[:3]
"""
# Label Studio takes its time to start: minutes on a loaded machine.
START_SECONDS = 300.0
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)


class Tmux:
    """A tmux of its own with one pane of 80x24, and a count of the keys that were pressed."""

    def __init__(self, folder: Path) -> None:
        self._socket = f"labelpilot-{os.getpid()}"
        self.keys = 0
        variables = [
            "LABEL_STUDIO_API_KEY=",
            "PYTHON_KEYRING_BACKEND=keyring.backends.null.Keyring",
        ]
        command = ["env", *variables, sys.executable, "-m", "tui", "--workspace", str(folder)]
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", *command)

    def press(self, *keys: str) -> None:
        """Press keys as a person does, one after the other."""
        for key in keys:
            self._tmux("send-keys", *([key] if len(key) > 1 else ["-l", key]))
            self.keys += 1

    def wait_for(self, *words: str, seconds: float = 30.0) -> str:
        """Look until the pane shows all of `words`, and return what it shows."""
        deadline = time.monotonic() + seconds
        while not all(word in (shown := self.shown()) for word in words):
            assert time.monotonic() < deadline, f"{words} never came; the pane shows:\n{shown}"
            time.sleep(0.1)
        return shown

    def shown(self) -> str:
        return self._tmux("capture-pane", "-p")

    def close(self) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self._tmux("kill-server")

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
            cwd=Path(__file__).parents[2],
        )
        return done.stdout


@pytest.fixture
def folder(tmp_path: Path, migrated: Path) -> Iterator[Path]:
    """A project folder with images in nested folders, and nothing else but a migrated database."""
    for kind in ("cat", "dög"):
        images = tmp_path / "toys" / "pictures" / kind
        images.mkdir(parents=True)
        for name in (f"[b]{kind} #1 100%.png", *(f"{kind}_{n:02}.png" for n in range(5))):
            (images / name).write_bytes(PNG)
    prepare(Workspace(tmp_path / "toys"), migrated)
    yield tmp_path / "toys"
    if (tmp_path / "toys" / FILE_NAME).exists():
        stop_server(load_workspace(tmp_path / "toys"))


@pytest.fixture
def tmux(folder: Path) -> Iterator[Tmux]:
    one = Tmux(folder)
    yield one
    one.close()


@pytest.mark.timeout(600)
def test_from_a_folder_of_images_to_the_label_stream_and_to_a_round_in_eight_keys_each(
    tmux: Tmux, folder: Path
) -> None:
    tmux.wait_for("A new workspace", "pictures", "12 images in 2 folders (png 12)", "cat 6")
    tmux.press("Tab", " ", "Enter")
    tmux.wait_for("to do  Server")
    tmux.press("a")
    tmux.wait_for("All is set up.", "12 of 12 images are tasks", seconds=START_SECONDS)
    tmux.press("b")
    shown = tmux.wait_for("Label in the browser", "http://127.0.0.1:")
    assert tmux.keys <= MOST_KEYS
    tmux.keys = 0

    # The link is the label stream of a project in which every image opens.
    link = next(word for word in shown.split() if "/projects/" in word)
    assert link.endswith("/projects/1/data?labeling=1")
    workspace = load_workspace(folder)
    with contextlib.closing(connect(workspace)) as client:
        project = require_project(client, workspace)
        tasks = list(client.tasks(project.id, project.image_key))
        assert len(tasks) == 12
        names = [Path(unquote(task.image)).stem for task in tasks]
        for task in tasks[:3]:
            choice = {"from_name": "labels", "to_name": "image", "type": "choices"}
            client.annotate(task.id, [{**choice, "value": {"choices": ["cat"]}}])

    tmux.press("Enter", "4")
    tmux.wait_for("3 images labeled", "on no image: dög")
    tmux.press("Enter")
    tmux.wait_for("Written: ", "3 tags")
    dataset = json.loads(workspace.annotations.dataset.read_text())
    assert list(dataset.values()) == [["cat"]] * 3
    # What the user brings of their own: a model.
    workspace.learning.hooks.write_text(f"NAMES = {names!r}\n{HOOKS}")
    tmux.press("5", "Enter")
    tmux.wait_for("5 images would be asked for", seconds=START_SECONDS)
    tmux.press("p")
    tmux.wait_for("Published: 5 images scored")
    assert tmux.keys <= MOST_KEYS

    # The server goes on when the app is left.
    tmux.press("q")
    deadline = time.monotonic() + 15
    with contextlib.suppress(subprocess.CalledProcessError):
        while time.monotonic() < deadline:
            tmux.shown()
            time.sleep(0.1)
    assert httpx.get(f"{link.split('/projects')[0]}/health", timeout=10).status_code == 200
