"""To label again: images that have a label already, as a queue for whoever looks at them once more.

Where the label is their own, it is shown, and changed in its place. Where it is somebody else's,
they give a second opinion beside it, without having seen the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from core.images import ImagePaths
from core.labeling.item import LabelItem, item_of
from core.labeling.questions import read_questions
from core.labeling_config import parse_labeling_config
from core.progress import Progress, Work
from core.studio.models import annotator_of, read_task
from core.studio.project import OpenProject

# Nobody looks through more at a time.
MOST = 500


def label_again(
    opened: OpenProject, notes: Mapping[int, str], *, blind: bool = False
) -> Work[list[LabelItem]]:
    """The images of the tasks in `notes`, each with what stands there: why it is shown.

    `blind`: only those of which somebody else's label is to be checked, whose note must not say it.
    """
    client, workspace = opened.client, opened.workspace
    questions = read_questions(parse_labeling_config(opened.remote.label_config))
    paths = ImagePaths(workspace.images.path)
    wanted = list(notes)[:MOST]
    account = client.whoami().id
    found: dict[int, LabelItem] = {}
    yield Progress("labels", 0, len(wanted))
    for task in client.whole_tasks(opened.id, frozenset(wanted)):
        one = read_task(task, opened.remote.image_key)
        own = _own(task.get("annotations") or (), account)
        if blind and own is not None:
            continue
        found[one.id] = replace(
            item_of(one, workspace.images, paths),
            annotation=None if own is None else int(own["id"]),
            suggestion=None if own is None else questions.answers_of(own["result"]),
            note=notes[one.id],
        )
    yield Progress("labels", len(wanted), len(wanted))
    return [found[task] for task in wanted if task in found]


def _own(annotations: Iterable[Mapping[str, Any]], account: int) -> Mapping[str, Any] | None:
    """The last label that somebody gave an image."""
    theirs = [
        one
        for one in annotations
        if annotator_of(one) == account and not one.get("was_cancelled") and one.get("result")
    ]
    return max(theirs, key=lambda one: int(one["id"]), default=None)
