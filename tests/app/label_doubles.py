"""A session of labeling over a real folder, whose labels are kept in memory, and its screen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from core.labeling.item import LabelItem
from core.labeling.questionnaire import Answers, Questionnaire
from core.labeling.questions import read_questions
from core.labeling.session import LabelSession
from core.labeling_config import parse_labeling_config
from tui.screens.label.screen import LabelScreen

if TYPE_CHECKING:
    from tests.app.conftest import Walk

Asks: TypeAlias = "Callable[..., MemorySession]"


@dataclass
class MemorySession(LabelSession):
    """Asks what `config` asks of every item, in their order; `sent` is what was submitted."""

    config: str
    items: list[LabelItem]
    sent: list[tuple[int, Answers, float]] = field(default_factory=list)
    skipped: list[int] = field(default_factory=list)
    done: list[LabelItem] = field(default_factory=list)
    failed: tuple[str, ...] = ()
    at_end: bool = True
    on_their_way: int = 0
    closed: bool = False
    groups: list[list[int]] = field(default_factory=list)
    beside: list[int] = field(default_factory=list)
    # What is ahead once another order is followed.
    next_order: list[LabelItem] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.questionnaire: Questionnaire = read_questions(parse_labeling_config(self.config))

    def ahead(self, count: int) -> Sequence[LabelItem]:
        return self.items[:count]

    def follow_order(self, front: LabelItem | None = None) -> None:
        self.items = [*([front] if front else []), *self.next_order]

    def submit(self, item: LabelItem, answers: Answers, lead_time: float) -> None:
        assert item is self.items[0]
        self.sent.append((item.task_id, answers, lead_time))
        self.done.append(self.items.pop(0))

    def submit_together(
        self, items: Sequence[LabelItem], answers: Answers, lead_time: float
    ) -> None:
        self.sent += [(item.task_id, answers, lead_time / len(items)) for item in items]
        self.groups.append([item.task_id for item in items])
        self.items = [one for one in self.items if one not in items]
        self.done += items

    def hold_beside(self, tasks: Sequence[int]) -> list[LabelItem]:
        self.beside = list(tasks)
        return [one for task in tasks for one in self.items if one.task_id == task]

    def skip(self, item: LabelItem, lead_time: float = 0.0) -> None:
        self.skipped.append(item.task_id)
        self.done.append(self.items.pop(0))

    def take_back(self) -> LabelItem | None:
        if not self.done:
            return None
        item = self.done.pop()
        said = next((answers for task, answers, _ in self.sent if task == item.task_id), None)
        if said is not None:
            # As they are read from an annotation: what is not answered does not stand there.
            said = {name: given for name, given in said.items() if given}
        item = replace(item, suggestion=said)
        self.items.insert(0, item)
        self.sent = [one for one in self.sent if one[0] != item.task_id]
        return item

    @property
    def done_by_me(self) -> int:
        return len(self.sent)

    def close(self) -> None:
        self.closed = True


def items_of(paths: Sequence[Path]) -> list[LabelItem]:
    """An item for each image file."""
    return [
        LabelItem(number, path.stem, path, f"/data/local-files/?d={path.name}")
        for number, path in enumerate(paths, start=1)
    ]


def config_of(*classes: str, choice: str = "multiple", more: str = "") -> str:
    """A labeling config with these classes."""
    choices = "".join(f'<Choice value="{name}"/>' for name in classes)
    return (
        f'<View><Image name="image" value="$image"/><Choices name="labels" toName="image" '
        f'choice="{choice}">{choices}</Choices>{more}</View>'
    )


async def opened(app: Walk) -> LabelScreen:
    """The section, once its first image is seen."""
    await app.press("3")
    screen = app.app.screen
    assert isinstance(screen, LabelScreen)
    await app.until(lambda: screen._item is None or screen._front._sight.since is not None)
    return screen


async def seen(app: Walk, name: str) -> None:
    """Wait until the image of this name is on the screen, and keys are meant for it."""
    screen = app.app.screen_stack[0]
    assert isinstance(screen, LabelScreen)
    await app.until(lambda: f" {name} " in app.text and screen._front._sight.since is not None)


def given(session: MemorySession) -> list[tuple[int, tuple[object, ...]]]:
    """Task and answers of what was submitted, for a config with one question."""
    return [(task, answers.get("labels", ())) for task, answers, _ in session.sent]
