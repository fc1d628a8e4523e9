"""The whole way without a line of Python: from a folder of photographs to the second round."""

from __future__ import annotations

import random
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from core.images import tag_of
from core.learning.builtin.losses import BY_A_HEAD
from core.learning.measuring.comparison import Curves
from core.learning.measuring.kept_replay import keep_replay
from core.learning.rounds.options import ORDERS
from tests.photographs import PHOTOGRAPHS, cut
from tests.studio.places import Place

FIRST, NEXT, EACH = 16, 4, 4


def _choice(name: str) -> list[dict[str, Any]]:
    value = {"choices": [name]}
    return [{"from_name": "kind", "to_name": "image", "type": "choices", "value": value}]


def _tasks(place: Place) -> dict[str, int]:
    """Tag -> task."""
    tasks = place.client.tasks(place.project_id, "image")
    return {tag_of(PurePosixPath(task.image).name, "stem"): task.id for task in tasks}


def _round(place: Place, version: str) -> dict[str, Any]:
    done = place.run("active-learning", "--model-version", version, "--order", "herding", "--json")
    assert done.code == 0, done.err
    found: dict[str, Any] = done.json
    return found


def test_photographs_come_to_a_second_round_and_a_wrong_label_is_suspected(place: Place) -> None:
    images = place.workspace.images.path
    for file in images.iterdir():
        file.unlink()
    classes = cut(images, EACH)
    choices = "".join(f'<Choice value="{name}"/>' for name in PHOTOGRAPHS)
    (place.root / "config.xml").write_text(
        '<View><Image name="image" value="$image"/>'
        f'<Choices name="kind" toName="image" choice="multiple">{choices}</Choices></View>'
    )
    place.set_up()
    assert place.run("sync").code == 0
    tasks = _tasks(place)
    assert tasks.keys() == classes.keys()

    first = random.Random(0).sample(sorted(classes), FIRST)
    wrong = next(tag for tag in first if classes[tag] == "cat")
    for tag in first:
        place.client.annotate(tasks[tag], _choice("tissue" if tag == wrong else classes[tag]))
    made = _round(place, "model_v1")
    assert (made["embeddings_of"], made["losses_of"]) == ("EfficientNet-Lite0", BY_A_HEAD)
    assert made["scored"] == len(classes) - FIRST
    assert (made["recommended"], made["measured_on"]) == (None, None)
    suspected = [one["tag"] for one in place.run("suspects", "--json").json]
    assert wrong in suspected
    tab = place.run("suspects", "--publish", "--json").json["url"].rpartition("tab=")[2]
    shown = place.client.view_tasks(place.project_id, int(tab), len(tasks))
    assert {task for task, _ in shown} == {tasks[tag] for tag in suspected}

    scores = place.client.predictions(place.project_id, "model_v1")
    asked = [one.task for one in sorted(scores, key=lambda one: -one.score)][:NEXT]
    tag_of_task = {task: tag for tag, task in tasks.items()}
    for task in asked:
        place.client.annotate(task, _choice(classes[tag_of_task[task]]))
    given = {tag: ["tissue" if tag == wrong else classes[tag]] for tag in first}
    orders = {order: np.full((2, 2, 4), 0.5 + (order == "margin") / 4) for order in ORDERS}
    curves = Curves((10, 20), orders, images=FIRST)
    keep_replay(place.workspace, curves, given, made["embeddings_of"])
    next_round = _round(place, "model_v2")
    assert next_round["scored"] == len(classes) - FIRST - NEXT
    assert (next_round["recommended"], next_round["measured_on"]) == ("margin", FIRST)
    again = place.run("embed", "--json").json
    assert (again["images"], again["computed"]) == (len(classes), 0)
