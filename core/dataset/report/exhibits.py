"""The images that the report's page shows: a small picture of each, and the link to its task.

Pictures are made anew of the pixels alone, few and small; what is no image, or lies elsewhere, is
left out. Task numbers stand in the annotation files, so that no server has to be asked.
"""

from __future__ import annotations

import base64
import importlib.util
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from core.dataset.report.report import HealthReport
from core.errors import LabelpilotError
from core.files import read_at_most
from core.images import ImagePaths, is_inside
from core.progress import Progress, Work
from core.studio.identity import known_project
from core.studio.server import server_url
from core.workspace.settings import Workspace

# Pixels of a picture's longer side, and how many a page holds: some 5 KB each.
SIDE = 112
MOST_PICTURES = 400
# Of a class, so many are shown; of the images on which people differ, and of pairs alike, these.
OF_A_CLASS = 8
OF_CLASSES = 24
ROWS = 60
MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Exhibits:
    """By tag: a picture as a `data:` URL, and the address of the task. `of_class` are, by class,
    the tags of some of its images, evenly from all."""

    pictures: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, str] = field(default_factory=dict)
    of_class: dict[str, list[str]] = field(default_factory=dict)


def gather_exhibits(
    workspace: Workspace, report: HealthReport, reach: Callable[[str], str] = str
) -> Work[Exhibits]:
    """What the page shows of images; `reach` makes an address one for the user's browser."""
    of_class = _of_classes(report)
    wanted = [tag for tag in _wanted(report, of_class) if tag in report.images_of]
    tags = list(dict.fromkeys(wanted))[:MOST_PICTURES]
    found = Exhibits(of_class=of_class)
    address, images = _address(workspace), ImagePaths(workspace.images.path)
    can_show = importlib.util.find_spec("PIL") is not None and workspace.images.bucket is None
    for number, tag in enumerate(tags):
        yield Progress("pictures", number, len(tags))
        path, annotation = report.images_of[tag]
        if can_show and (picture := _picture(workspace, path)):
            found.pictures[tag] = picture
        if address and (task := _task(workspace.annotations.path, annotation, path, images)):
            found.tasks[tag] = reach(f"{address}/data?task={task}")
    return found


def _of_classes(report: HealthReport) -> dict[str, list[str]]:
    busiest = sorted(report.classes, key=lambda name: -report.classes[name])[:OF_CLASSES]
    tags: dict[str, list[str]] = {name: [] for name in report.classes if name in busiest}
    for tag, classes in report.classes_of.items():
        for name in classes:
            if name in tags:
                tags[name].append(tag)
    return {name: _evenly(its) for name, its in tags.items() if its}


def _evenly(tags: list[str]) -> list[str]:
    shown = min(OF_A_CLASS, len(tags))
    return [tags[number * len(tags) // shown] for number in range(shown)]


def _wanted(report: HealthReport, of_class: dict[str, list[str]]) -> Iterator[str]:
    """The tags to show, what has to be looked at first."""
    for one in report.differing[:ROWS]:
        yield one.tag
    for pair in report.near_duplicates.pairs[:ROWS]:
        yield from (pair.first, pair.second)
    for tags in of_class.values():
        yield from tags


def _picture(workspace: Workspace, path: str) -> str:
    from core.pictures import Unreadable, small_jpeg

    folder = os.path.realpath(workspace.images.path)
    file = workspace.images.path / path
    leads_out = not Path(os.path.realpath(file)).is_relative_to(folder)
    if not is_inside(path) or (leads_out and not workspace.images.follow_links):
        return ""
    try:
        content = small_jpeg(file, SIDE)
    except Unreadable:
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"


def _address(workspace: Workspace) -> str:
    """The project's address; empty where there is no project yet, or our server does not run."""
    known = known_project(workspace)
    try:
        return f"{server_url(workspace)}/projects/{known.id}" if known else ""
    except LabelpilotError:
        return ""


def _task(folder: Path, annotation: int, path: str, images: ImagePaths) -> int:
    """The number of the task that an annotation of the image `path` is of; 0 where its file does
    not tell, or is of another image: these may be the annotations of another project."""
    try:
        content = orjson.loads(read_at_most(folder / str(annotation), MOST_BYTES, "The annotation"))
        task = content["task"]
        number = task["id"]
        is_its = any(images.inside(str(url)) == path for url in task["data"].values())
    except (LabelpilotError, ValueError, KeyError, TypeError, AttributeError):
        return 0
    return number if is_its and type(number) is int and number > 0 else 0
