"""Embeddings of a folder's images: each made once, whatever happens meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import LabelpilotError
from core.learning.builtin.embedder import Embedded, choose_model, embed
from core.learning.hooks.vector_files import load_vectors
from core.progress import Progress, finish
from core.workspace.settings import Workspace, load_workspace
from tests.unit.learning.networks import mean_colours

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Three images of one colour each, and a network that says which."""
    folder = tmp_path / "data" / "images"
    folder.mkdir(parents=True)
    for name, colour in COLOURS.items():
        Image.new("RGB", (9, 9), colour).save(folder / f"{name}.png")
    mean_colours(tmp_path / "mean.onnx")
    (tmp_path / "labelpilot.toml").write_text('[learning]\nmodel = "mean.onnx"\n')
    return load_workspace(tmp_path)


def vectors_of(found: Embedded) -> dict[str, list[float]]:
    rows = np.asarray(found.vectors.vectors, np.float32).round(2).tolist()
    return dict(zip(found.vectors.tags, rows, strict=True))


def test_each_image_is_looked_at_once_and_again_where_its_file_has_changed(
    workspace: Workspace,
) -> None:
    first = finish(embed(workspace))
    assert (first.images, first.computed, first.reused, first.dimensions) == (3, 3, 0, 3)
    assert vectors_of(first) == {"red": [1, 0, 0], "green": [0, 1, 0], "blue": [0, 0, 1]}
    images = workspace.images.path
    Image.new("RGB", (8, 8), "blue").save(images / "red.png")
    (images / "green.png").unlink()
    Image.new("RGB", (9, 9), "green").save(images / "new.png")
    second = finish(embed(workspace))
    assert (second.images, second.computed, second.reused) == (3, 2, 1)
    assert vectors_of(second) == {"red": [0, 0, 1], "new": [0, 1, 0], "blue": [0, 0, 1]}
    stages: list[Progress] = []
    third = finish(embed(workspace), stages.append)
    assert (third.computed, third.reused) == (0, 3)
    assert not any("network" in stage.note for stage in stages), "it is loaded for nothing"
    assert vectors_of(third) == vectors_of(second)


def test_they_lie_where_other_programs_can_read_them(workspace: Workspace) -> None:
    found = finish(embed(workspace))
    read = load_vectors(found.path, workspace.root / "unpacked.npy", "a test")
    assert dict(zip(read.tags, read.vectors.tolist(), strict=True)) == vectors_of(found)


def test_another_network_begins_anew_and_is_noted_in_the_workspace(workspace: Workspace) -> None:
    finish(embed(workspace))
    other = mean_colours(workspace.root / "other.onnx", shape=("N", 3, 4, 4))
    chosen = choose_model(workspace, other)
    assert chosen == load_workspace(workspace.root)
    assert finish(embed(chosen)).computed == 3
    (workspace.root / "broken.onnx").write_text("no network")
    with pytest.raises(LabelpilotError):
        choose_model(workspace, workspace.root / "broken.onnx")
    assert chosen == load_workspace(workspace.root)


def test_what_is_no_image_is_named_with_the_reason_and_the_others_are_made(
    workspace: Workspace,
) -> None:
    images = workspace.images.path
    whole = (images / "red.png").read_bytes()
    (images / "cut.png").write_bytes(whole[: len(whole) // 2])
    (images / "text.png").write_text("an image")
    Image.new("1", (20_000, 10_000)).save(images / "huge.png")
    found = finish(embed(workspace))
    assert found.images == 3
    assert set(found.unreadable) == {"cut.png", "text.png", "huge.png"}
    assert "20,000 x 10,000 pixels" in found.unreadable["huge.png"]
    Image.new("RGB", (9, 9), "red").save(images / "cut.png")
    (images / "blue.png").write_text("no longer an image")
    found = finish(embed(workspace))
    assert (found.computed, found.reused) == (1, 2)
    assert set(vectors_of(found)) == {"red", "green", "cut"}


def test_where_nothing_is_an_image_one_sentence_says_so(workspace: Workspace) -> None:
    for image in workspace.images.path.iterdir():
        image.write_text("an image")
    with pytest.raises(LabelpilotError) as caught:
        finish(embed(workspace))
    assert caught.value.message == "3 images found, and none can be read."


KILLED = """
import os, signal, sys
from pathlib import Path
from core.learning.builtin.embedder import embed
from core.workspace.settings import load_workspace
for event in embed(load_workspace(Path(sys.argv[1]))):
    if event.stage == "embeddings" and event.done >= 20:
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_that_is_killed_loses_what_it_was_at_and_no_more(workspace: Workspace) -> None:
    for number in range(200):
        colour = (number, 255 - number, number)
        Image.new("RGB", (9, 9), colour).save(workspace.images.path / f"{number}.png")
    ended = subprocess.run([sys.executable, "-c", KILLED, str(workspace.root)])
    assert ended.returncode == -signal.SIGKILL
    found = finish(embed(workspace))
    assert found.images == 203
    assert found.reused >= 20
    assert found.computed > 0
    made = vectors_of(found)
    for number in range(200):
        expected = np.array([number, 255 - number, number])
        assert np.allclose(made[str(number)], expected / np.linalg.norm(expected), atol=0.01)


def test_stopping_it_keeps_what_is_made(workspace: Workspace) -> None:
    for number in range(200):
        Image.new("RGB", (9, 9), (number, 0, 9)).save(workspace.images.path / f"{number}.png")
    work = embed(workspace)
    while (event := next(work)).stage != "embeddings" or event.done < 16:
        pass
    work.close()
    assert finish(embed(workspace)).reused >= 16


def test_the_command_prints_what_it_made_as_one_object(workspace: Workspace) -> None:
    command = [sys.executable, "-m", "tui", "embed", "--json", "--workspace", str(workspace.root)]
    done = subprocess.run(
        [*command, "--model", str(workspace.root / "mean.onnx")], capture_output=True, check=True
    )
    shown = json.loads(done.stdout)
    assert shown.keys() >= set("images computed reused dimensions path seconds".split())
    assert os.path.isfile(shown["path"])
