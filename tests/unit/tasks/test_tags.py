"""Tasks are known by the tags of their images, each image once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from core.errors import ConfigurationError
from core.images import url_maker
from core.progress import finish
from core.studio.models import RemoteProject, Task
from core.studio.project import OpenProject
from core.tasks.tags import TaggedTask, image_tags, tasks_by_tag
from core.workspace.settings import Images, Workspace

CONFIG = (
    '<View><Image name="i" value="$image"/>'
    '<Choices name="c" toName="i"><Choice value="a"/></Choices></View>'
)


class Listing:
    """A client that lists these tasks: (id, image below the folder, number of annotations)."""

    def __init__(self, root: Path, tasks: list[tuple[int, str, int]]) -> None:
        url_of = url_maker(root / "images", root)
        self._tasks = [Task(number, url_of(path), count) for number, path, count in tasks]

    def tasks(self, project_id: int, image_key: str) -> Iterator[Task]:
        assert image_key == "image"
        return iter(self._tasks)


def opened(root: Path, *tasks: tuple[int, str, int]) -> OpenProject:
    workspace = Workspace(root=root, images=Images(path=root / "images"))
    remote = RemoteProject(1, "Images", CONFIG, "", "", len(tasks))
    return OpenProject(workspace, cast(Any, Listing(root, list(tasks))), remote)


def test_an_image_that_is_two_tasks_stands_for_the_first_and_is_labeled_if_either_is(
    tmp_path: Path,
) -> None:
    found = finish(
        tasks_by_tag(opened(tmp_path, (1, "a.png", 0), (2, "b.png", 0), (3, "a.png", 1)))
    )
    images = tmp_path / "images"
    assert found == {
        "a": TaggedTask(images / "a.png", 1, labeled=True),
        "b": TaggedTask(images / "b.png", 2, labeled=False),
    }


def test_two_images_with_one_tag_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="tag"):
        finish(tasks_by_tag(opened(tmp_path, (1, "x/a.png", 0), (2, "y/a.png", 0))))


def test_a_project_without_tasks_says_how_to_get_some(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        finish(tasks_by_tag(opened(tmp_path)))
    assert "labelpilot sync" in caught.value.next_step


def test_the_tags_of_a_folder_are_those_of_all_its_images(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.jpg"):
        (tmp_path / "images" / name).write_bytes(b"x")
    assert finish(image_tags(opened(tmp_path).workspace)) == {"a", "b"}
