"""Which image a task is by now whose file is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.progress import finish
from core.studio.models import Task
from core.tasks.manifest import Manifest
from core.tasks.moves import Moves, find_moves
from core.tasks.scan import scan_images
from core.workspace.settings import Images

URL = "/data/local-files/?d="


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "images"
    folder.mkdir(parents=True)
    return folder


def manifest(folder: Path, *names: str) -> Manifest:
    """The image folder with these files in it, and what it lists."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"an image")
    return finish(scan_images(Images(folder, recursive=True)))


def moves(folder: Path, there: Manifest, *paths: str) -> Moves:
    """What became of tasks with these URLs, numbered from 1."""
    tasks = [Task(number, URL + path, 0) for number, path in enumerate(paths, start=1)]
    return find_moves(tasks, there, folder.parent)


def test_a_file_that_went_to_another_folder_is_found_by_its_name(folder: Path) -> None:
    there = manifest(folder, "b/one.png", "two.png")
    found = moves(folder, there, "images/a/one.png", "images/two.png", "images/gone.png")
    assert found == Moves({1: "b/one.png"}, (), (3,))


def test_a_folder_that_was_renamed_is_followed_whole(folder: Path) -> None:
    there = manifest(folder, "a/1.png", "b/1.png", "2.png")
    found = moves(folder, there, "old/a/1.png", "old/b/1.png", "old/2.png")
    assert found.found == {1: "a/1.png", 2: "b/1.png", 3: "2.png"}


def test_a_server_that_looks_in_another_place_is_put_right(folder: Path) -> None:
    there = manifest(folder, "one.png")
    # Its document root was the image folder's parent, and is now the parent of that.
    found = find_moves([Task(1, f"{URL}images/one.png", 0)], there, folder.parent.parent)
    assert found.found == {1: "one.png"}


def test_one_of_several_is_not_guessed(folder: Path) -> None:
    there = manifest(folder, "b/one.png", "c/one.png")
    assert moves(folder, there, "images/a/one.png") == Moves({}, (1,), ())
    assert moves(folder, there, "images/a/one.png", "images/d/one.png").found == {}


def test_an_image_that_has_a_task_is_nobody_elses(folder: Path) -> None:
    there = manifest(folder, "b/one.png")
    assert moves(folder, there, "images/a/one.png", "images/b/one.png") == Moves({}, (), (1,))


def test_a_file_that_is_there_is_not_gone_whatever_the_pattern_says(folder: Path) -> None:
    there = manifest(folder, "b/one.png")
    (folder / "one.png").write_bytes(b"left out by the pattern")
    assert moves(folder, there, "images/one.png") == Moves({}, (), ())


@pytest.mark.parametrize(
    "url", ["/data/upload/1/x.png", "s3://bucket/a.png", "https://e.org/a.png"]
)
def test_what_is_no_file_of_the_servers_is_left_alone(folder: Path, url: str) -> None:
    there = manifest(folder, "one.png")
    assert find_moves([Task(1, url, 0)], there, folder.parent) == Moves({}, (), ())
