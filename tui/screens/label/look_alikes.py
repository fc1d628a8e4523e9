"""From an image to those that look like it, held for whoever labels them together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from core.errors import LabelpilotError
from core.progress import finish
from tui.asking import ask
from tui.dialogs.dialog import sentence
from tui.screens.label.group import Group, GroupScreen, most_shown

if TYPE_CHECKING:
    from core.labeling.item import LabelItem
    from core.labeling.questionnaire import Answers
    from core.labeling.session import LabelSession
    from tui.screens.label.helping import Helping
    from tui.screens.label.hotkeys import Press
    from tui.screens.section import Section

# More images than are held at a time.
MOST = 1_000


@dataclass(frozen=True, slots=True)
class Before:
    """The image in front, what is given for it, and how long it was seen."""

    item: LabelItem
    session: LabelSession
    keys: Mapping[str, Press]
    answers: Answers
    seconds: float


class LookAlikes:
    """Opens the window of a section; `front` gives what is in front, `label` takes the group."""

    def __init__(
        self,
        section: Section,
        helping: Helping,
        front: Callable[[], Before | None],
        label: Callable[[Group], None],
    ) -> None:
        self._section, self._helping = section, helping
        self._front, self._label = front, label
        # The images that were labeled here, which what helps does not know of yet.
        self.done: set[str] = set()

    @property
    def why_not(self) -> str:
        """Why there are no groups, in a sentence; empty where there are."""
        found = self._helping.found
        if found is None:
            return self._helping.words or "Look-alikes are not known yet."
        return "" if found.sizes.largest > 1 else f"{str(found.sizes).capitalize()}."

    def open(self) -> None:
        """Find look-alikes of the image in front, and show them."""
        found, before = self._helping.found, self._front()
        if found is None or before is None:
            return
        size = self._section.size
        count = min(found.sizes.largest, most_shown(size.width, size.height)) - 1
        # What was taken back is to be labeled once more.
        done = self.done - {one.tag for one in before.session.ahead(MOST)}

        def find() -> list[LabelItem]:
            tasks = finish(found.look_alikes(before.item.tag, count, done))
            near = [task.task_id for task in tasks]
            items = before.session.hold_beside(near) if near else []
            return [item for item in items if item.path is not None]

        cost = found.sizes.cost(count + 1)
        ask(
            self._section,
            "look-alikes",
            find,
            partial(self._show, before, str(cost) if cost else str(found.sizes)),
            lambda error: self._section.host.say(sentence(error), "error"),
        )

    def _show(self, before: Before, cost: str, near: list[LabelItem]) -> None:
        now = self._front()
        if now is None or now.item.task_id != before.item.task_id:
            self._let_go(before.session)
        elif not near:
            self._section.host.say("No other image looks like this one.")
        else:
            items = [now.item, *near]
            questions = before.session.questionnaire
            screen = GroupScreen(items, questions, now.keys, now.answers, cost)
            self._section.app.push_screen(screen, partial(self._closed, now))

    def _closed(self, before: Before, group: Group | None) -> None:
        if group is not None:
            self._label(replace(group, seconds=before.seconds + group.seconds))
        self._let_go(before.session)

    def _let_go(self, session: LabelSession) -> None:
        """Let others have the look-alikes that were not labeled."""

        def work() -> None:
            # What is not given back at once is nobody's after a while.
            with contextlib.suppress(LabelpilotError):
                session.hold_beside(())

        self._section.run_worker(work, thread=True, group="beside", exit_on_error=False)
