"""The answers below the image, in as many rows as all of them take, so that the picture keeps its
size from image to image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tui.keys import key_of
from tui.screens.label.answers import Chances, found_rows, rows_of
from tui.screens.label.hotkeys import Press
from tui.text import plain
from tui.widgets.live_text import LiveText

if TYPE_CHECKING:
    from textual.content import Content

    from core.labeling.questionnaire import Answers, Question, Questionnaire


class AnswerRows(LiveText):
    """Shows each answer with its key, whether it is given, and the chance that a model gives it."""

    # For what there is room, so that it is made once and not for each image.
    _asked_for: object = None

    def ask(
        self, questions: Questionnaire, keys: Mapping[str, Press], *, with_chances: bool
    ) -> None:
        """Make room for `questions`, `with_chances` beside their answers."""
        asked_for = (questions, keys, with_chances, self._width, self._most)
        if asked_for == self._asked_for:
            return
        self._asked_for = asked_for
        self._questions, self._keys = questions, keys
        asked = questions.questions
        widest = {(one.name, answer): 0.5 for one in asked for answer in one.answers}
        rows = self._rows(asked, {}, widest if with_chances else {})
        self._height = min(self._most, max(len(rows), 1)) if asked else 0
        self.styles.height = self._height

    def fits(self, answers: Answers, chances: Chances) -> bool:
        """Whether all that is ticked then can be seen."""
        return len(self._rows(self._questions.visible(answers), answers, chances)) <= self._most

    def put(self, answers: Answers, chances: Chances) -> None:
        """Show what is asked where these are given."""
        rows = self._rows(self._questions.visible(answers), answers, chances)
        if len(rows) > self._height > 0:
            others = f"There are more: {key_of('label', 'find')} and a part of the name."
            rows = [*rows[: self._height - 1], plain(others, "$muted")]
        self.show(rows)

    def put_found(self, presses: Sequence[Press], at: int, answers: Answers) -> None:
        """Show the answers that were found, the one at `at` marked."""
        at = min(at, max(0, len(presses) - 1))
        self.show(found_rows(self._questions, presses, at, answers, self._width, self._height))

    def _rows(self, asked: Sequence[Question], answers: Answers, chances: Chances) -> list[Content]:
        return rows_of(asked, answers, self._keys, self._width, key_of("label", "find"), chances)

    @property
    def _most(self) -> int:
        return max(1, self.screen.size.height // 3)

    @property
    def _width(self) -> int:
        return max(1, self.screen.size.width - 2)
