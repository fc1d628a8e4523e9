"""What is labeled in the app that is fuzzed: pictures and none, and all kinds of questions."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from core.errors import LabelpilotError
from core.labeling.groups import GroupCost, GroupSizes
from core.labeling.item import LabelItem
from core.labeling.suggestions import Precision, Suggestions
from core.learning.suggesting.helping import Help
from core.tasks.tags import TaggedTask
from tests.app.doubles import refusal
from tests.app.label_doubles import MemorySession, config_of, items_of

ODD = ("[/red]", "cat & co", "2", "x", "\x1b[31m", "no end " * 20)
CONFIGS = (
    config_of("cat", "dog"),
    config_of("cat", "dog", choice="single-radio"),
    config_of("cat", "dog", *(one.replace("&", "&amp;").replace("\x1b", "") for one in ODD)),
    config_of(*(f"class {number}" for number in range(300))),
    config_of("cat", more='<Rating name="stars" toName="image" required="true"/>'),
    config_of("cat", more='<Number name="count" toName="image" min="0" max="9" hotkey="n"/>'),
    '<View><Image name="image" value="$image"/><Taxonomy name="labels" toName="image">'
    '<Choice value="a"><Choice value="b"/><Choice value="c"/></Choice></Taxonomy></View>',
    '<View><Image name="image" value="$image"/><RectangleLabels name="labels" toName="image">'
    '<Label value="a"/></RectangleLabels></View>',
)
COLOURS = ("red", "lime", "blue")
_tasks = itertools.count(1000)


class FuzzedSession(MemorySession):
    """Gives what was labeled again, as another image, and lets the disk refuse now and then."""

    def ahead(self, count: int) -> Sequence[LabelItem]:
        if self.done and len(self.items) < 3:
            self.items += [replace(one, task_id=next(_tasks)) for one in self.done[:3]]
        return self.items[:count]

    def refuse(self) -> None:
        """Have it be as if something had gone wrong."""
        self.failed = ("[b]photo[/]: not \x1b[31m taken.",) if not self.failed else ()
        self.on_their_way = len(self.failed) * 7

    def submit(self, item: LabelItem, answers: object, lead_time: float) -> None:
        if self.on_their_way and len(self.sent) % 5 == 0:
            self.on_their_way = 0
            raise LabelpilotError(str(refusal()))
        super().submit(item, answers, lead_time)  # type: ignore[arg-type]


def labeled_in(folder: Path, others: Sequence[Path], dice: random.Random) -> FuzzedSession:
    """Pictures in `folder`, and `others` that may be none."""
    folder.mkdir()
    paths = [folder / f"photo_{number} [b].png" for number in range(6)]
    for path in paths:
        Image.new("RGB", (dice.randrange(1, 90), dice.randrange(1, 90)), COLOURS[0]).save(path)
    items = items_of([*paths, *others, folder / "gone.png"])
    dice.shuffle(items)
    items += [LabelItem(99, "in a bucket", None, "s3://bucket/[x]")]
    return FuzzedSession(dice.choice(CONFIGS), items)


def again(session: MemorySession, dice: random.Random) -> MemorySession:
    """Some of them to be labeled again, with notes from outside."""
    some = [
        replace(one, task_id=next(_tasks), note="[/b]: dog; you: \x1b[1m") for one in session.items
    ]
    asked = session.questionnaire.questions[:1]
    said = {one.name: one.answers[:1] for one in asked if one.answers}
    first = [replace(one, annotation=7, suggestion=said) for one in some[:2]]
    return MemorySession(session.config, [*first, *some[2 : dice.randrange(2, 5)]])


def help_for(session: MemorySession, dice: random.Random) -> Help:
    """Suggestions for all of them, and groups."""
    tags = tuple(dict.fromkeys(one.tag for one in session.items))
    rows = {tag: row for row, tag in enumerate(tags)}
    tasks = {
        one.tag: TaggedTask(Path(), one.tag, one.task_id, labeled=False) for one in session.items
    }
    choices = tuple(
        (one.name, answer) for one in session.questionnaire.questions for answer in one.answers
    )
    numbers = np.random.default_rng(dice.randrange(1000))
    suggested = Suggestions(
        Precision(0.7, 212, 200, 212, 200), choices, rows, numbers.random((len(tags), len(choices)))
    )
    sizes = GroupSizes((GroupCost(6, 200, 6),), chosen=dice.choice((None, 1, 6, 40)))
    vectors = numbers.standard_normal((len(tags), 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Help(suggested, sizes, tasks, tags, rows, vectors)
