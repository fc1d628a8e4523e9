"""An image that is to be labeled, with what is known of it."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from core.images import ImagePaths, tag_of
from core.labeling.questionnaire import Answers
from core.studio.models import Task
from core.workspace.settings import Images


@dataclass(frozen=True, slots=True)
class LabelItem:
    """An image to be labeled.

    `path` is its file, where it lies on this machine; `url` is its address as its task holds it.
    `annotation` is the number of the annotation that is to be changed, where it is labeled again;
    `suggestion` are the answers that it was given before, which may be none; None where it has no
    label. `note` is a sentence on why it is shown.
    """

    task_id: int
    tag: str
    path: Path | None
    url: str
    annotation: int | None = None
    suggestion: Answers | None = None
    note: str = ""


def item_of(task: Task, images: Images, paths: ImagePaths) -> LabelItem:
    """The image of a task; `paths` are those of `images`."""
    inside = paths.inside(task.image)
    path = None if inside is None else images.path / inside
    with contextlib.suppress(ValueError):
        return LabelItem(task.id, tag_of(inside or paths(task.image), images.tag), path, task.image)
    return LabelItem(task.id, f"task {task.id}", path, task.image)
