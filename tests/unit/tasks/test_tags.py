"""Tasks are known by the tags of their images, each image once."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ConfigurationError
from core.images import url_maker
from core.progress import finish
from core.studio.models import Task
from core.tasks.tags import TaggedTask, image_tags, tagged
from core.workspace.settings import Images, Workspace


def found(root: Path, *tasks: tuple[int, str, int]) -> dict[str, TaggedTask]:
    """The tags of tasks: (id, image below the folder, number of annotations)."""
    url_of = url_maker(root / "images", root)
    listed = [Task(number, url_of(path), count) for number, path, count in tasks]
    return dict(tagged(listed, Images(path=root / "images")))


def test_an_image_that_is_two_tasks_stands_for_the_first_and_is_labeled_if_either_is(
    tmp_path: Path,
) -> None:
    images = tmp_path / "images"
    assert found(tmp_path, (1, "a.png", 0), (2, "b.png", 0), (3, "a.png", 1)) == {
        "a": TaggedTask(images, "a.png", 1, labeled=True),
        "b": TaggedTask(images, "b.png", 2, labeled=False),
    }


def test_two_images_with_one_tag_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="tag"):
        found(tmp_path, (1, "x/a.png", 0), (2, "y/a.png", 0))


def test_the_tags_of_a_folder_are_those_of_all_its_images(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.jpg"):
        (tmp_path / "images" / name).write_bytes(b"x")
    workspace = Workspace(root=tmp_path, images=Images(path=tmp_path / "images"))
    assert finish(image_tags(workspace)) == {"a", "b"}
