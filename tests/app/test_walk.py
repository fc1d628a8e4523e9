"""The manual, walked key by key in tmux at 80x24 against a real Label Studio.

From a folder of images and nothing else to the open label stream, then from labels to the dataset.
The manual has its users fill in fifteen pages for it.
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

import httpx
import pytest

from core.setup.steps import STEPS
from core.studio.project import connect, require_project
from core.studio.server import stop_server
from core.workspace.settings import Workspace, load_workspace
from core.workspace.toml_lines import FILE_NAME
from tests.needs import needs
from tests.studio.first_start import prepare

pytestmark = needs("tmux")

MOST_KEYS = 12
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
    """A project folder with images in it, and nothing else but a migrated database."""
    images = tmp_path / "toys" / "pictures"
    images.mkdir(parents=True)
    for name in ("[b]cat #1.png", "dög 100%.png", *(f"img_{n:02}.png" for n in range(10))):
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
def test_from_a_folder_of_images_to_the_label_stream_in_at_most_twelve_keys(
    tmux: Tmux, folder: Path
) -> None:
    tmux.wait_for("A new workspace", "pictures", "12 images (png 12)")
    tmux.press("a", ",", "b", "Enter")
    tmux.wait_for("to do  Server")
    tmux.press("a")
    shown = tmux.wait_for("All is set up.", "12 of 12 images are tasks", seconds=START_SECONDS)
    assert shown.count("✓ done") == len(STEPS)
    tmux.press("b")
    shown = tmux.wait_for("Label in the browser", "http://127.0.0.1:")
    assert tmux.keys <= MOST_KEYS

    # The link is the label stream of a project in which every image opens.
    link = next(word for word in shown.split() if "/projects/" in word)
    assert link.endswith("/projects/1/data?labeling=1")
    workspace = load_workspace(folder)
    with contextlib.closing(connect(workspace)) as client:
        project = require_project(client, workspace)
        tasks = list(client.tasks(project.id, project.image_key))
        assert len(tasks) == 12
        for task in tasks[:3]:
            choice = {"from_name": "labels", "to_name": "image", "type": "choices"}
            client.annotate(task.id, [{**choice, "value": {"choices": ["a"]}}])

    tmux.press("Enter", "4")
    tmux.wait_for("3 images labeled", "on no image: b")
    tmux.press("Enter")
    tmux.wait_for("Written: ", "3 tags")
    dataset = json.loads(workspace.annotations.dataset.read_text())
    assert list(dataset.values()) == [["a"]] * 3

    # Stopped from outside, the server's step is to do again; one key starts it.
    stop_server(workspace)
    tmux.press("1")
    tmux.wait_for("· to do  Server", "server stopped")
    tmux.press("s")
    tmux.wait_for("✓ done   Server", seconds=START_SECONDS)

    # It goes on when the app is left.
    tmux.press("q")
    deadline = time.monotonic() + 15
    with contextlib.suppress(subprocess.CalledProcessError):
        while time.monotonic() < deadline:
            tmux.shown()
            time.sleep(0.1)
    assert httpx.get(f"{link.split('/projects')[0]}/health", timeout=10).status_code == 200
