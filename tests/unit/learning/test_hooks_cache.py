"""What an earlier run of the hooks gave is used again only while it is known to hold."""

from __future__ import annotations

import dataclasses
import os
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.errors import LabelpilotError
from core.learning.hooks.run import Hooks, run_hooks
from core.progress import finish
from core.workspace.settings import Annotations, Images, Workspace
from tests.unit.learning.hooks_file import LOSSES, hooks_of, workspace
from tests.unit.learning.shard_folder import write_shards

COUNTED = """
import json, pathlib
from model import VECTOR
def get_embeddings():
    runs = pathlib.Path("runs").read_text() if pathlib.Path("runs").exists() else ""
    with open("runs", "w") as file:
        file.write(runs + "x")
    return {"a": VECTOR, "b": json.loads(pathlib.Path("weights.json").read_text())}
def get_loss_trainset():
    return {"a": len(list(pathlib.Path("checkpoints").iterdir()))}
"""


def counted(root: Path) -> Workspace:
    ready = workspace(root, COUNTED)
    (root / "labeling" / "model.py").write_text("VECTOR = [1, 2]")
    (root / "weights.json").write_text("[3, 4]")
    (root / "checkpoints").mkdir()
    return ready


def second_look(ready: Workspace) -> Hooks:
    return finish(run_hooks(ready, ready.root / "round", reuse=True))


def test_a_second_look_costs_no_run_and_gives_the_same(tmp_path: Path) -> None:
    ready = counted(tmp_path)
    first = second_look(ready)
    (tmp_path / "round" / "unit.npy").touch()
    again = second_look(ready)
    assert (tmp_path / "runs").read_text() == "x"
    assert again.losses == first.losses
    assert list(again.embeddings.tags) == list(first.embeddings.tags)
    np.testing.assert_array_equal(again.embeddings.vectors, first.embeddings.vectors)


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "labeling/active_learning.py").write_text(COUNTED + "\n# changed"),
        lambda root: (root / "labeling/model.py").write_text("VECTOR = [1, 2, 3][:2]"),
        lambda root: (root / "weights.json").write_text("[3, 4.5]"),
        lambda root: (root / "checkpoints/new.pt").touch(),
        lambda root: (root / "round/embeddings.npy").write_bytes(b""),
    ],
    ids=["the hooks file", "a module of its own", "a file it reads", "a folder", "our own copy"],
)
def test_what_has_changed_since_makes_the_hooks_run_again(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    ready = counted(tmp_path)
    second_look(ready)
    change(tmp_path)
    assert len(second_look(ready).embeddings.tags) == 2
    assert (tmp_path / "runs").read_text() == "xx"


def test_weights_that_a_library_opens_unseen_make_the_hooks_run_again(tmp_path: Path) -> None:
    ready = counted(tmp_path)
    weights = tmp_path / "checkpoints" / "best.safetensors"
    weights.write_bytes(b"old")
    second_look(ready)
    # The time of its content is that of the old one, as after `cp -p`.
    former = weights.stat()
    weights.write_bytes(b"new")
    os.utime(weights, ns=(former.st_atime_ns, former.st_mtime_ns))
    second_look(ready)
    assert (tmp_path / "runs").read_text() == "xx"


def test_what_was_overwritten_while_the_hooks_ran_is_not_taken_for_what_they_read(
    tmp_path: Path,
) -> None:
    ready = workspace(
        tmp_path,
        """
        text = open("weights.json").read()
        open("weights.json", "w").write(text + " ")
        open("runs", "a").write("x")
        def get_embeddings(): return {"a": [1, 2]}
        """
        + textwrap.indent(LOSSES, " " * 8),
    )
    (tmp_path / "weights.json").write_text("[3]")
    second_look(ready)
    second_look(ready)
    assert (tmp_path / "runs").read_text() == "xx"


@pytest.mark.parametrize(
    "outside",
    [
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import socket; socket.create_server(('127.0.0.1', 0)); "
        "s = socket.socket(); s.connect_ex(('127.0.0.1', 9))",
    ],
    ids=["a program", "a shell", "the network"],
)
def test_hooks_that_reach_outside_run_again_each_time(tmp_path: Path, outside: str) -> None:
    text = f"{outside}\nopen('runs', 'a').write('x')\ndef get_embeddings(): return {{'a': [1]}}"
    ready = workspace(tmp_path, text + LOSSES)
    second_look(ready)
    second_look(ready)
    assert (tmp_path / "runs").read_text() == "xx"


def test_new_images_and_annotations_are_told_by_what_the_hooks_read_of_them(
    tmp_path: Path,
) -> None:
    images, annotations = tmp_path / "data" / "images", tmp_path / "data" / "annotations"
    ready = dataclasses.replace(
        counted(tmp_path),
        images=Images(path=images),
        annotations=Annotations(path=annotations, dataset=tmp_path / "data" / "dataset.json"),
    )
    images.mkdir(parents=True)
    annotations.mkdir()
    second_look(ready)
    (images / "1.png").touch()
    (annotations / "1").touch()
    second_look(ready)
    assert (tmp_path / "runs").read_text() == "x"


def test_a_second_look_says_from_when_what_it_uses_is(tmp_path: Path) -> None:
    ready = counted(tmp_path)
    second_look(ready)
    yesterday = time.time() - 24 * 3600
    os.utime(tmp_path / "round" / "result.json", (yesterday, yesterday))
    notes: list[str] = []
    finish(run_hooks(ready, tmp_path / "round", reuse=True), lambda event: notes.append(event.note))
    day = time.strftime("%Y-%m-%d at %H:%M", time.localtime(yesterday))
    assert any("not run again" in note and day in note for note in notes)


def test_another_python_runs_the_hooks_again(tmp_path: Path, bare_python: str) -> None:
    ready = counted(tmp_path)
    second_look(ready)
    second_look(workspace(tmp_path, COUNTED, bare_python))
    assert (tmp_path / "runs").read_text() == "xx"


def test_a_failed_run_is_never_taken_for_a_result(tmp_path: Path) -> None:
    ready = workspace(tmp_path, "raise ValueError('no')")
    for _ in range(2):
        with pytest.raises(LabelpilotError, match="line 1"):
            second_look(ready)


def test_what_is_still_in_use_from_an_earlier_run_stays_as_it_was(tmp_path: Path) -> None:
    first = hooks_of(tmp_path, "def get_embeddings(): return {'a': [1, 2]}" + LOSSES)
    hooks_of(tmp_path, "def get_embeddings(): return {'a': [3]}" + LOSSES)
    np.testing.assert_array_equal(first.embeddings.vectors, [[1, 2]])


def test_a_second_look_reads_the_users_own_file_of_vectors_if_it_is_the_same(
    tmp_path: Path,
) -> None:
    ready = workspace(
        tmp_path,
        "def get_embeddings(): return 'e.npz'" + LOSSES,
    )
    np.savez(tmp_path / "e.npz", tags=np.array(["a"]), embeddings=np.eye(1))
    second_look(ready)
    second_look(ready)
    np.savez(tmp_path / "e.npz", tags=np.array(["a", "b"]), embeddings=np.eye(2))
    assert list(second_look(ready).embeddings.tags) == ["a", "b"]


def test_a_second_look_at_a_folder_of_shards_sees_that_one_has_changed(tmp_path: Path) -> None:
    # Outside the workspace, so that only what the hooks gave tells.
    root, folder = tmp_path / "workspace", tmp_path / "shards"
    root.mkdir()
    folder.mkdir()
    write_shards(folder, np.eye(3), ["a", "b", "c"], rows=2)
    ready = workspace(root, f"def get_embeddings(): return {str(folder)!r}" + LOSSES)
    assert list(second_look(ready).embeddings.tags) == ["a", "b", "c"]
    write_shards(folder, np.eye(4), ["a", "b", "c", "d"], rows=2)
    assert list(second_look(ready).embeddings.tags) == ["a", "b", "c", "d"]
