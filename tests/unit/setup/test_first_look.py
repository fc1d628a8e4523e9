"""What is found of images before there is a workspace."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.progress import finish
from core.setup import first_look
from core.setup.first_look import image_folder, look_into


def made(root: Path, *files: str) -> Path:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["photos/a/1.png", "photos/b/2.jpg", "photos/c/d/3.webp"], "photos"),
        (["data/images/1.png", "data/images/2.png"], "data/images"),
        (["data/train/cat/1.png", "data/val/cat/2.png"], "data"),
        ([*(f"photos/{n}.png" for n in range(40)), "docs/logo.png"], "photos"),
        ([*(f"{n}.png" for n in range(9)), "docs/logo.png"], "."),
        ([".cache/1.png", "venv/2.png", "notes/a.txt"], None),
        (["photos and more/[b] x/1.png", "photos and more/y/1.png"], "photos and more"),
    ],
)
def test_the_parent_of_the_folders_that_hold_the_images_is_found(
    tmp_path: Path, files: list[str], expected: str | None
) -> None:
    found = finish(image_folder(made(tmp_path, *files)))
    assert found == (None if expected is None else tmp_path / expected)


def test_images_are_counted_by_ending_and_folder_and_links_to_folders_not_followed(
    tmp_path: Path,
) -> None:
    made(tmp_path, "1.PNG", "a/1.jpg", "a/2.jpeg", "b/3.png", "b/notes.txt", ".c/4.png")
    (tmp_path / "again").symlink_to(tmp_path / "a")
    look = finish(look_into(tmp_path))
    assert look.endings() == {"png": 3, "jpg": 1, "jpeg": 1}
    assert (look.count(), look.count(False), len(look.images)) == (5, 1, 4)
    assert look.others == {"txt": 1}


def test_folder_names_are_offered_where_the_images_are_sorted_into_folders(tmp_path: Path) -> None:
    files = ["train/cat/1.png", "val/cat/2.png", "train/dog/3.png"]
    assert finish(look_into(made(tmp_path / "sorted", *files))).classes == {"cat": 2, "dog": 1}
    mixed = ["1.png", "2.png", "a/3.png", "b/4.png"]
    assert finish(look_into(made(tmp_path / "mixed", *mixed))).classes == {}
    assert finish(look_into(made(tmp_path / "one", "a/3.png"))).classes == {}


def test_one_name_in_two_places_is_told_where_both_are_taken(tmp_path: Path) -> None:
    look = finish(look_into(made(tmp_path, "1.png", "a/1.jpg", "a/2.png")))
    assert (bool(look.same_name(True)), look.same_name(False)) == (True, "")
    look = finish(look_into(made(tmp_path, "1.jpg")))
    assert look.same_name(False).startswith("1.")


def test_a_look_ends_after_so_many_entries_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_look, "MOST_ENTRIES", 3)
    look = finish(look_into(made(tmp_path, *(f"{n}.png" for n in range(9)))))
    assert (look.count(), look.whole) == (3, False)
