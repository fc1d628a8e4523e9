"""The answers to the image in front, from what is suggested to what is submitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.labeling.questionnaire import toggled

if TYPE_CHECKING:
    from core.labeling.item import LabelItem
    from core.labeling.questionnaire import Answer, Answers, Question, Questionnaire
    from tui.screens.label.answer_rows import AnswerRows
    from tui.screens.label.answers import Chances
    from tui.screens.label.helping import Helping


class Given:
    """What is answered, with the `chances` of what a model ticked."""

    def __init__(self) -> None:
        self.answers: Answers = {}
        self.chances: Chances = {}
        # Whether no answer is what somebody means: one who answered before, who changed what was
        # ticked, or who was told that nothing is chosen.
        self.may_be_none = False

    def begin(
        self,
        item: LabelItem | None,
        questions: Questionnaire,
        helping: Helping,
        rows: AnswerRows,
    ) -> None:
        """Give what `item` was given before, else what is suggested for it, else the config's own.
        A tick that has no room in `rows` is none: nobody would see it."""
        self.answers, self.chances, self.may_be_none = {}, {}, False
        if item is None:
            return
        if item.suggestion is not None:
            self.answers, self.may_be_none = dict(item.suggestion), True
            return
        self.answers = questions.at_first()
        found = helping.of(item.tag)
        if found is not None:
            suggested = {**self.answers, **found.answers}
            if rows.fits(suggested, found.probabilities):
                self.answers, self.chances = suggested, found.probabilities

    def toggle(self, question: Question, answer: Answer) -> None:
        self._change(toggled(question, self.answers, answer))

    def only(self, question: Question, answer: Answer) -> None:
        """Give one answer alone, also one that is ticked already: its key says that it is right."""
        self._change({question.name: (answer,)})

    def put(self, name: str, given: tuple[Answer, ...]) -> None:
        """Give what was typed to the question called `name`."""
        self._change({**self.answers, name: given})

    def _change(self, answers: Answers) -> None:
        self.answers, self.may_be_none = answers, True

    def is_none(self, questions: Questionnaire) -> bool:
        """Whether nothing would be said of the image."""
        return not questions.result(self.answers)

    def problem(self, questions: Questionnaire, *, held: bool) -> str:
        """Why they are not submitted, in a sentence; empty where they can be. What nobody
        touched takes two presses, of which the second is none that is only `held` down."""
        problems = questions.problems(self.answers)
        if problems:
            return problems[0]
        if not self.is_none(questions) or (self.may_be_none and not held):
            return ""
        self.may_be_none = True
        return "Nothing is chosen. Once more submits the image without an answer."
