"""The images that are tasks, by their tags: what everything after labeling knows an image by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
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


class TaggedTasks(Mapping[str, TaggedTask]):
    """Tag -> task of each image that is one. There may be a million: each is made as it is asked
    for."""

    def __init__(
        self, folder: Path, paths: Mapping[str, str], ids: Mapping[str, int], labeled: Set[str]
    ) -> None:
        """`paths` is tag -> path in `folder`, `ids` path -> task; `labeled` are paths too."""
        self._folder = folder
        self._paths = paths
        self._ids = ids
        self._labeled = labeled

    def __getitem__(self, tag: str) -> TaggedTask:
        path = self._paths[tag]
        return TaggedTask(self._folder, path, self._ids[path], path in self._labeled)

    def __contains__(self, tag: object) -> bool:
        return tag in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    @property
    def tags(self) -> Set[str]:
        """All tags, for what asks after many of them."""
        return self._paths.keys()

    @property
    def labeled(self) -> set[str]:
        """The tags of those that are labeled."""
        return {tag for tag, path in self._paths.items() if path in self._labeled}


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


def tasks_by_tag(opened: OpenProject) -> Work[TaggedTasks]:
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


def tagged(tasks: Iterable[Task], images: Images) -> TaggedTasks:
    """Tag -> task for every image that is one of `tasks`.

    An image that is two tasks stands for the first, and is labeled if either is. Raises
    ConfigurationError where two images have one tag.
    """
    path_of = ImagePaths(images.path)
    ids: dict[str, int] = {}
    labeled: set[str] = set()
    for task in tasks:
        path = path_of(task.image)
        ids.setdefault(path, task.id)
        if task.annotations:
            labeled.add(path)
    return TaggedTasks(images.path, tags_by_path(ids, images.tag), ids, labeled)


def image_files(workspace: Workspace, tags: Set[str]) -> Work[dict[str, Path]]:
    """Tag -> file of those images in the workspace's folder; none of those in a bucket."""
    named = (yield from _paths_by_tag(workspace)).items()
    return {tag: workspace.images.path / path for tag, path in named if tag in tags}


def image_tags(workspace: Workspace) -> Work[set[str]]:
    """The tags of all images in the workspace's folder, tasks or not; none of those in a bucket."""
    return set((yield from _paths_by_tag(workspace)))


def _paths_by_tag(workspace: Workspace) -> Work[dict[str, str]]:
    if workspace.images.bucket is not None:
        return {}
    manifest = yield from look_at_images(workspace)
    return {tag_of(path, workspace.images.tag): path for path in manifest.paths}
