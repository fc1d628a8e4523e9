"""Which key gives which answer: the config's own keys first, then a digit for the class that is
called by it, then digits, then letters.

A key that this screen needs for itself is no answer's, whatever a config says: what stands beside
an answer is what counts.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tui.keys import OWN, keys_of
from tui.own_keys import character_of

if TYPE_CHECKING:
    from core.labeling.questionnaire import Answer, Question, Questionnaire

DIGITS = "1234567890"


@dataclass(frozen=True, slots=True)
class Press:
    """What a key does: it gives `answer` to a question, or without one lets a number be typed."""

    question: str
    answer: Answer | None = None


def allot(questions: Questionnaire) -> Mapping[str, Press]:
    """Key -> what it does. Of more answers than there are keys, the first have one."""
    taken = _taken()
    found: dict[str, Press] = {}
    # What is typed comes first: it is found by no part of a name.
    rest = [Press(one.name) for one in questions.questions if one.kind == "number"]
    has_rating = any(one.kind == "rating" for one in questions.questions)
    for wishes in (_wishes, _called_by_a_digit):
        for question in questions.questions:
            for press, wish in wishes(question):
                if wish and not (wish in taken or wish in found or press in found.values()):
                    found[wish] = press
                elif press not in rest:
                    rest.append(press)
    free = (
        key
        for key in (*("" if has_rating else DIGITS), *string.ascii_lowercase)
        if key not in taken and key not in found
    )
    waiting = (press for press in rest if press not in found.values())
    found.update(zip(free, waiting))  # noqa: B905
    return found


def is_one_key(questions: Questionnaire) -> bool:
    """Whether one key is all that is asked: a single choice among few."""
    asked = questions.questions
    return len(asked) == 1 and asked[0].kind == "choices" and not asked[0].several


def keys_of_image() -> set[str]:
    """The keys that do something to the image in front."""
    keys = (key for key in keys_of("label") if key.action not in ("again", "close"))
    return {part for key in keys for part in key.key.split(",")}


def _taken() -> set[str]:
    """The characters that do something else here."""
    known = [key.key for key in keys_of("label", "everywhere")]
    known += [command.key for command in OWN.commands]
    return {character_of(part) for keys in known for part in keys.split(",")} - set(DIGITS)


def _wishes(question: Question) -> Iterator[tuple[Press, str]]:
    """Each answer of a question with the key that it would have."""
    if question.kind == "number":
        yield Press(question.name), _character(question.hotkey)
    elif question.kind == "rating":
        for star in question.answers:
            yield Press(question.name, star), str(star) if star in range(1, 10) else ""
    else:
        for choice in question.choices:
            if choice.open:
                yield Press(question.name, choice.stored), _character(choice.hotkey)


def _called_by_a_digit(question: Question) -> Iterator[tuple[Press, str]]:
    """The classes that are called by a digit, each with that."""
    for choice in question.choices:
        if choice.open and len(choice.text) == 1 and choice.text in DIGITS:
            yield Press(question.name, choice.stored), choice.text


def _character(hotkey: str) -> str:
    """The one character that a config's hotkey is; empty for none, or for several keys."""
    _, shift, key = hotkey.strip().rpartition("shift+")
    return (key.upper() if shift else key) if len(key) == 1 else ""
