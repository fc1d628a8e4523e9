"""What files hold that a project lacks, and where else each label that was found belongs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.dataset.dataset import sidecar_path, split_path
from core.dataset.reading.batch import LeftOut
from core.dataset.reading.folder import FORMER
from core.dataset.restore.compare import Comparison
from core.dataset.restore.found import Found, find_labels
from core.images import ImagePaths, tag_of
from core.labeling_config import parse_labeling_config
from core.progress import Progress, Work
from core.studio.models import Annotation, Task, image_url, read_moment
from core.studio.project import OpenProject
from core.tasks.index.look import look_at_tasks
from core.workspace.settings import Workspace

_READ_BETWEEN = 500


@dataclass(slots=True)
class Lacking:
    """What the files hold that the project lacks, and all else that was found.

    `at_once` says whether the server takes labels back as they were; `unplaced` are those whose
    image is no task, `deleted` those that were deleted from this very project.
    """

    at_once: bool
    comparison: Comparison = field(default_factory=Comparison)
    unplaced: list[Found] = field(default_factory=list)
    deleted: list[Found] = field(default_factory=list)
    unreadable: list[LeftOut] = field(default_factory=list)

    @property
    def found(self) -> int:
        """How many labels were found that this server did not write itself."""
        one = self.comparison
        known = len(one.equal) + len(one.missing) + len(one.conflicts)
        return known + len(self.unplaced)


def find_lacking(
    opened: OpenProject, sources: Sequence[Path] = (), *, closely: bool = False
) -> Work[Lacking]:
    """What `restore_labels` would do, without doing it. Raises what it raises of the files.

    Where the annotation folder is the server's own already, its files are known by little, unless
    they are to be looked at `closely`.
    """
    workspace, client = opened.workspace, opened.client
    config = parse_labeling_config(opened.remote.label_config)
    at_once = client.takes_labels_back(opened.id)
    lacking = Lacking(at_once)
    found: list[Found] = []
    for source in sources or _own_folder(workspace):
        own = source == workspace.annotations.path
        for one in find_labels(source, config, not_labels(workspace) if own else ()):
            if isinstance(one, LeftOut):
                lacking.unreadable.append(one)
            else:
                found.append(one)
            if not (len(found) + 1) % _READ_BETWEEN:
                yield Progress("read", len(found), None)
    if not found:
        return lacking
    if not at_once:
        found = _with_known_people(opened, found)
    yield Progress("look", 0, len(found), "looking which labels the project has")
    if not (sources or closely) and _are_all_live(opened, found, at_once):
        lacking.comparison.live = found
        return lacking
    with (yield from look_at_tasks(opened)) as known:
        tasks = _Tasks(opened, known.tasks())
    placed: dict[int, list[Found]] = {}
    for one in found:
        task = tasks.number_of(one)
        if task is None:
            lacking.unplaced.append(one)
        else:
            placed.setdefault(task, []).append(one)
    there: dict[int, list[Annotation]] = {}
    for annotation in client.annotations(opened.id, at_once=at_once):
        there.setdefault(annotation.task, []).append(annotation)
    for task, ones in placed.items():
        lacking.comparison.add(task, ones, there.get(task, ()), at_once)
    if not sources:
        _leave_deleted(opened, lacking)
    return lacking


def _are_all_live(opened: OpenProject, found: Sequence[Found], at_once: bool) -> bool:
    """Whether this server wrote the whole annotation folder: as ever, and seen at little cost."""
    client = opened.client
    if at_once:
        listed = client.annotations(opened.id, at_once=True, results=False)
        born = {(annotation.id, annotation.created) for annotation in listed}
        return all((one.number, one.created) in born for one in found)
    # Before such a server got the folder, the files of others were set aside.
    numbers = set(client.annotation_ids(opened.id))
    return all(one.number in numbers and not one.path.name.startswith(FORMER) for one in found)


def _own_folder(workspace: Workspace) -> list[Path]:
    folder = workspace.annotations.path
    return [folder] if folder.is_dir() else []


def not_labels(workspace: Workspace) -> set[str]:
    """Names of what labelpilot itself may have written into the annotation folder."""
    dataset = workspace.annotations.dataset
    return {path.name for path in (dataset, sidecar_path(dataset), split_path(dataset))}


class _Tasks:
    """The project's tasks, by their image's path and by its tag."""

    def __init__(self, opened: OpenProject, tasks: Iterable[Task]) -> None:
        self._paths = ImagePaths(opened.workspace.images.path)
        self._tag = opened.workspace.images.tag
        self._key = opened.remote.image_key
        self._by_path: dict[str, int] = {}
        self._by_tag: dict[str, int | None] = {}
        for task in tasks:
            path = self._path(task.image)
            # Where an image is several tasks, the first stays.
            first = self._by_path.setdefault(path, task.id)
            tag = tag_of(path, self._tag)
            if self._by_tag.setdefault(tag, first) != first:
                self._by_tag[tag] = None

    def number_of(self, found: Found) -> int | None:
        """The task that `found` belongs to; by its tag where the image lay elsewhere."""
        if found.tag:
            return self._by_tag.get(found.tag)
        path = self._path(image_url(found.data, self._key))
        if not path:
            return None
        return self._by_path.get(path) or self._by_tag.get(tag_of(path, self._tag))

    def _path(self, url: str) -> str:
        try:
            return self._paths(url)
        except ValueError:
            # An image that is written into the task itself is no file's.
            return ""


def _with_known_people(opened: OpenProject, found: Iterable[Found]) -> list[Found]:
    """`found`, without the people whom a server that is not ours to change does not know."""
    if opened.workspace.owns_server:
        return list(found)
    known = {account.email.lower() for account in opened.client.accounts()}
    return [one if one.person in known else replace(one, person="") for one in found]


def _leave_deleted(opened: OpenProject, lacking: Lacking) -> None:
    """Of the annotation folder's files, leave those whose label was deleted from this project.

    Label Studio leaves the file of a deleted annotation. That it was this server's tells its task,
    which has the same number and moment.
    """
    comparison, made = lacking.comparison, read_moment(opened.remote.created)
    young = {
        one.task_number
        for _, one in comparison.missing
        if one.created >= made and not one.path.name.startswith(FORMER)
    }
    births = opened.client.task_births(opened.id, sorted(young)) if young else {}
    kept = []
    for task, one in comparison.missing:
        if one.task_number in young and births.get(one.task_number) == one.task_created:
            lacking.deleted.append(one)
        else:
            kept.append((task, one))
    comparison.missing = kept


def tag_of_found(opened: OpenProject, one: Found) -> str:
    """The tag of the image that a label is of."""
    images = opened.workspace.images
    url = image_url(one.data, opened.remote.image_key)
    return one.tag or tag_of(ImagePaths(images.path)(url), images.tag)
