"""The images that are tasks, by their tags: what everything after labeling knows an image by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.errors import ConfigurationError
from core.images import ImagePaths, tag_of, tags_by_path
from core.progress import Work
from core.studio.models import Task
from core.studio.project import OpenProject
from core.tasks.index.look import look_at_tasks
from core.tasks.kept_manifest import look_at_images
from core.workspace.settings import Images, Workspace


@dataclass(frozen=True, slots=True)
class TaggedTask:
    """The task of the image `name` in `folder`. `labeled`: it has an annotation."""

    folder: Path
    name: str
    task_id: int
    labeled: bool

    @property
    def path(self) -> Path:
        return self.folder / self.name


class ImageFiles(Mapping[str, Path]):
    """Tag -> file of the images that are tasks; each is made as it is asked for."""

    def __init__(self, images: Mapping[str, TaggedTask]) -> None:
        self._images = images

    def __getitem__(self, tag: str) -> Path:
        return self._images[tag].path

    def __iter__(self) -> Iterator[str]:
        return iter(self._images)

    def __len__(self) -> int:
        return len(self._images)


def tasks_by_tag(opened: OpenProject) -> Work[dict[str, TaggedTask]]:
    """Tag -> task for every image that is a task.

    Raises ConfigurationError where two images have one tag, or the project has no task.
    """
    with (yield from look_at_tasks(opened)) as known:
        found = tagged(known.tasks(), opened.workspace.images)
    if not found:
        raise ConfigurationError(
            "The project has no tasks yet.", next_step="Run `labelpilot sync`."
        )
    return found


def tagged(tasks: Iterable[Task], images: Images) -> dict[str, TaggedTask]:
    """Tag -> task for every image that is one of `tasks`.

    An image that is two tasks stands for the first, and is labeled if either is. Raises
    ConfigurationError where two images have one tag.
    """
    path_of = ImagePaths(images.path)
    labeled: dict[str, bool] = {}
    task_ids: dict[str, int] = {}
    for task in tasks:
        path = path_of(task.image)
        task_ids.setdefault(path, task.id)
        labeled[path] = labeled.get(path, False) or task.annotations > 0
    return {
        tag: TaggedTask(images.path, path, task_ids[path], labeled[path])
        for tag, path in tags_by_path(task_ids, images.tag).items()
    }


def image_tags(workspace: Workspace) -> Work[set[str]]:
    """The tags of all images in the workspace's folder, tasks or not; none of those in a bucket."""
    if workspace.images.bucket is not None:
        return set()
    manifest = yield from look_at_images(workspace)
    return {tag_of(path, workspace.images.tag) for path in manifest.paths}
