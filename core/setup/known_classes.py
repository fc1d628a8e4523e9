"""The example's known classes: they stand in for a labeler, in the example alone.

The file that tells them came with the workspace, and so may be anybody's: only one that says of the
example's own images which digit each shows makes a workspace the example.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

import orjson

from core.errors import ConfigurationError
from core.files import read_at_most
from core.images import ImagePaths, tag_of
from core.labeling_config import read_labeling_config
from core.progress import Progress, Work
from core.studio.project import OpenProject
from core.tasks.limits import ANSWER_SECONDS
from core.words import count
from core.workspace.settings import Workspace

CLASSES_FILE = "digits.json"
DIGITS = tuple("0123456789")
_MOST_BYTES = 1_000_000
# Which images are labeled: the same ones each time.
_SEED = 0


def known_classes(workspace: Workspace) -> Mapping[str, Sequence[str]]:
    """Tag -> classes, of the example's images; empty where the workspace is not the example."""
    try:
        known = orjson.loads(read_at_most(workspace.root / CLASSES_FILE, _MOST_BYTES, "The file"))
        right = all(tag == f"digit_{n:04d}" for n, tag in enumerate(known)) and all(
            len(classes) == 1 and classes[0] in DIGITS for classes in known.values()
        )
    except (OSError, ConfigurationError, ValueError, TypeError, AttributeError, LookupError):
        return {}
    return known if right else {}


def annotate(opened: OpenProject, number: int) -> Work[int]:
    """Give the known classes of `number` images drawn at random; returns how many have one.

    An image that has an annotation is left alone, so that a second run adds none. Our own server
    takes all at once. Raises ConfigurationError where the workspace is not the example, or its
    classes are others by now.
    """
    workspace, client = opened.workspace, opened.client
    known = known_classes(workspace)
    config = read_labeling_config(workspace.project.label_config)
    control = next(iter(config.controls.values()), None)
    if not known or control is None or not set(DIGITS) <= set(control.classes):
        raise ConfigurationError(
            "The known digits cannot be submitted: only the example has them.",
            next_step="`labelpilot demo --dir DIR` makes an example in another folder.",
        )
    tasks, paths = {}, ImagePaths(workspace.images.path)
    for task in client.tasks(opened.id, opened.remote.image_key):
        path = paths.inside(task.image)
        if path is not None and (tag := tag_of(path, workspace.images.tag)) in known:
            tasks[tag] = task
    chosen = random.Random(_SEED).sample(sorted(tasks), min(number, len(tasks)))  # noqa: S311
    answers = {
        tasks[tag].id: {
            "from_name": control.name,
            "to_name": control.to_names[0],
            "type": "choices",
            "value": {"choices": known[tag]},
        }
        for tag in chosen
        if not tasks[tag].annotations
    }
    done = len(chosen) - len(answers)
    yield Progress("annotations", done, len(chosen))
    if client.takes_labels_back(opened.id):
        client.take_labels_back(opened.id, _whole(answers, client.whoami().email), ANSWER_SECONDS)
    else:
        for annotated, (task_id, region) in enumerate(answers.items(), start=done + 1):
            client.annotate(task_id, [region])
            yield Progress("annotations", annotated, len(chosen))
    note = f"{count(len(chosen), 'digit')} labeled as what they are known to be"
    yield Progress("annotations", len(chosen), len(chosen), note)
    return len(chosen)


def _whole(answers: Mapping[int, object], email: str) -> list[dict[str, object]]:
    """Annotations of now, as our own server takes them in."""
    now = datetime.now(timezone.utc).isoformat()
    return [
        {
            "task": task_id,
            "result": [region],
            "email": email,
            "was_cancelled": False,
            "ground_truth": False,
            "lead_time": None,
            "created_at": now,
            "updated_at": now,
        }
        for task_id, region in answers.items()
    ]
