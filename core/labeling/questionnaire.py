"""What is asked of an image, and what may be answered: the part of a labeling config that can be
answered without drawing, judged as Label Studio's own page judges it.

An answer of a choice is what an annotation holds of it: its name, or the path to it.
"""

from __future__ import annotations

import math
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

Kind = Literal["choices", "taxonomy", "rating", "number"]
Stored: TypeAlias = "str | tuple[str, ...]"
Answer: TypeAlias = "Stored | int | float"
# Question -> its answers; one that is missing has none.
Answers: TypeAlias = Mapping[str, "tuple[Answer, ...]"]

_ID_LETTERS = string.ascii_letters + string.digits + "_-"
_ID_LENGTH = 10


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer to choose: what is `stored` of it, and the path of words by which it is shown.

    One that is not `open` only holds others, and is chosen with all of them.
    """

    stored: Stored
    path: tuple[str, ...]
    hotkey: str = ""
    hint: str = ""
    open: bool = True

    @property
    def text(self) -> str:
        """The words by which it is shown, without what it lies in."""
        return self.path[-1]

    def is_called(self, name: str) -> bool:
        """Whether a condition means it by `name`."""
        stored = self.stored if isinstance(self.stored, str) else self.stored[-1]
        return name in (stored, self.path[-1])


@dataclass(frozen=True, slots=True)
class Condition:
    """When a question is asked: `when` as Label Studio says it, about one question or any."""

    when: str
    about: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A control about the image.

    `several` answers can be given, at most `most` where that is no 0. `conditions` must all hold
    for it to be asked. `minimum`, `maximum` and `step` bound a number; a rating goes from 1 to its
    `maximum`. `hotkey` counts a rating or a number up. `default` is what is chosen at first; of a
    number, what it becomes where nothing is said.
    """

    name: str
    to_name: str
    kind: Kind
    title: str
    choices: tuple[Choice, ...] = ()
    several: bool = False
    most: int = 0
    required: bool = False
    required_message: str = ""
    conditions: tuple[Condition, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    hotkey: str = ""
    default: tuple[Answer, ...] = ()

    @property
    def answers(self) -> tuple[Answer, ...]:
        """What can be chosen, as it is stored; nothing of a number, which is typed."""
        if self.kind == "rating":
            return tuple(range(1, int(self.maximum or 0) + 1))
        return tuple(choice.stored for choice in self.choices if choice.open)

    def chosen(self, answers: tuple[Answer, ...]) -> tuple[Choice, ...]:
        """The choices among `answers`, in the order of the config."""
        return tuple(choice for choice in self.choices if choice.stored in answers)

    def problem(self, answers: tuple[Answer, ...]) -> str:
        """Why these cannot be its answers, as a sentence; empty where they can."""
        if not answers:
            asked = f"{self.title}: an answer is required."
            return (self.required_message or asked) if self.required else ""
        if len(answers) > 1 and not self.several:
            return f"{self.title}: only one answer can be given."
        if self.most and len(answers) > self.most:
            return f"{self.title}: at most {self.most} answers can be given."
        if self.kind in ("choices", "taxonomy"):
            known = set(self.answers)
            other = next((one for one in answers if one not in known), None)
            return f"{self.title}: {_words(other)!r} is none of its answers." if other else ""
        return self._out_of_bounds(answers[0])

    def _out_of_bounds(self, answer: Answer) -> str:
        if isinstance(answer, (str, tuple)) or not math.isfinite(answer):
            return f"{self.title}: {_words(answer)!r} is no number."
        if self.kind == "rating" and answer != int(answer):
            return f"{self.title}: a rating is a whole number."
        if self.minimum is not None and answer < self.minimum:
            return f"{self.title}: {answer:g} is less than {self.minimum:g}."
        if self.maximum is not None and answer > self.maximum:
            return f"{self.title}: {answer:g} is more than {self.maximum:g}."
        basis = self.minimum or 0.0
        if self.step and (over := math.fmod(answer - basis, self.step)):
            near = f"{answer - over:g} and {answer - over + self.step:g}"
            return f"{self.title}: {answer:g} cannot be given; the nearest are {near}."
        return ""

    def value(self, answers: tuple[Answer, ...]) -> Any:
        """What an annotation holds of these answers."""
        if self.kind == "choices":
            return [_as_json(stored) for stored in self._with_holders(answers)]
        if self.kind == "taxonomy":
            return [_as_json(one) for one in answers]
        number = answers[0]
        return int(number) if isinstance(number, float) and number.is_integer() else number

    def _with_holders(self, answers: tuple[Answer, ...]) -> list[Stored]:
        """The answers in the order of the config, each after what it lies in where all of that is
        chosen."""
        found = set(answers)
        for holder in reversed(self.choices):
            if not holder.open and isinstance(holder.stored, tuple):
                depth = len(holder.stored) + 1
                inside = [
                    one.stored
                    for one in self.choices
                    if len(one.stored) == depth and one.stored[:-1] == holder.stored
                ]
                if all(one in found for one in inside):
                    found.add(holder.stored)
        return [choice.stored for choice in self.choices if choice.stored in found]

    def read(self, value: Any) -> tuple[Answer, ...]:
        """The answers that an annotation holds in `value`; what is none of its answers is left
        out."""
        if self.kind in ("rating", "number"):
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            return (value,) if is_number and (value or self.kind == "number") else ()
        known = set(self.answers)
        items = value if isinstance(value, list) else [value]
        read = (_as_stored(one) for one in items)
        return tuple(one for one in read if one in known)


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """All that is asked of an image, in the order of the config.

    `unanswerable` says in sentences what can only be answered in the browser; it is `complete`
    where a whole annotation can be made without that.
    """

    questions: tuple[Question, ...] = ()
    unanswerable: tuple[str, ...] = ()
    complete: bool = True
    _by_name: Mapping[str, Question] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {one.name: one for one in self.questions})

    def __getitem__(self, name: str) -> Question:
        return self._by_name[name]

    def at_first(self) -> Answers:
        """What is chosen before anybody has answered."""
        return {
            one.name: one.default for one in self.questions if one.default and one.kind != "number"
        }

    def visible(self, answers: Answers) -> tuple[Question, ...]:
        """The questions that are asked once these answers are given.

        What a hidden question was answered counts for nothing.
        """
        asked = self.questions
        for _ in self.questions:
            given = {one.name: found for one in asked if (found := answers.get(one.name, ()))}
            now = tuple(
                one
                for one in self.questions
                if all(self._holds(condition, given) for condition in one.conditions)
            )
            if now == asked:
                break
            asked = now
        return asked

    def problems(self, answers: Answers) -> tuple[str, ...]:
        """What the config forbids of these answers, as sentences."""
        found = (one.problem(self._given(one, answers)) for one in self.visible(answers))
        return tuple(filter(None, found))

    def result(self, answers: Answers) -> list[dict[str, Any]]:
        """The answers as Label Studio's page writes them; hidden questions write nothing."""
        return [
            {
                "value": {one.kind: value},
                "id": "".join(secrets.choice(_ID_LETTERS) for _ in range(_ID_LENGTH)),
                "from_name": one.name,
                "to_name": one.to_name,
                "type": one.kind,
                "origin": "manual",
            }
            for one in self.visible(answers)
            if (given := self._given(one, answers)) and (value := one.value(given)) != []
        ]

    def answers_of(self, result: Sequence[Mapping[str, Any]]) -> Answers:
        """The answers in what an annotation or a prediction says; regions are left out."""
        found: dict[str, tuple[Answer, ...]] = {}
        for item in result:
            question = self._by_name.get(str(item.get("from_name")))
            value = item.get("value")
            if question is None or not isinstance(value, Mapping):
                continue
            if given := question.read(value.get(question.kind)):
                found[question.name] = given
        return found

    def _given(self, question: Question, answers: Answers) -> tuple[Answer, ...]:
        given = answers.get(question.name, ())
        return given or (question.default if question.kind == "number" else ())

    def _holds(self, condition: Condition, given: Answers) -> bool:
        """Whether a condition holds, with the answers of those that are asked."""
        when, about, names = condition.when, condition.about, condition.names
        if when == "choice-selected":
            return self._is_chosen(about, names, given)
        if when == "choice-unselected":
            return not self._is_chosen(about, names, given)
        if when == "any-choice":
            return any(name in found for found in given.values() for name in names)
        # Nothing is drawn here, so that no region is ever selected.
        return when != "region-selected"

    def _is_chosen(self, about: str, names: tuple[str, ...], given: Answers) -> bool:
        if not about:
            return any(self._by_name[name].kind == "choices" for name in given)
        question = self._by_name.get(about)
        if question is None or not question.choices:
            return False
        chosen = question.chosen(given.get(about, ()))
        if not names:
            return bool(chosen)
        return any(choice.is_called(name) for choice in chosen for name in names)


def toggled(question: Question, answers: Answers, answer: Answer) -> dict[str, tuple[Answer, ...]]:
    """`answers` once an answer was chosen that was not, or the other way round."""
    given = answers.get(question.name, ())
    if answer in given:
        now = tuple(one for one in given if one != answer)
    else:
        now = (*given, answer) if question.several else (answer,)
    return {**answers, question.name: now}


def _as_stored(value: Any) -> Stored:
    """A choice as an annotation holds it; the empty name for what is none."""
    if isinstance(value, list):
        return tuple(value) if all(isinstance(part, str) for part in value) else ""
    return value if isinstance(value, str) else ""


def _as_json(stored: Answer) -> Any:
    return list(stored) if isinstance(stored, tuple) else stored


def _words(answer: Answer | None) -> str:
    return "/".join(answer) if isinstance(answer, tuple) else str(answer)
