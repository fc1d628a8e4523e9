"""What is asked of the image in front: each answer with its key, and whether it is given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from tui.screens.label.hotkeys import Press
from tui.text import harmless, plain

if TYPE_CHECKING:
    from core.labeling.questionnaire import Answer, Answers, Question, Questionnaire

# Stands before the answer that enter takes.
MARK = ">"
# Between two answers, and between the parts of a path.
GAP, INSIDE = "   ", " > "
# Question and answer -> how likely a model finds it.
Chances = Mapping[tuple[str, "Answer"], float]
# A tick and its lack: of several answers, and of one alone.
_TICKS = {True: ("☑", "☐"), False: ("●", "○")}


def rows_of(
    asked: Sequence[Question],
    answers: Answers,
    keys: Mapping[str, Press],
    width: int,
    finder: str,
    chances: Chances | None = None,
) -> list[Content]:
    """Each question's answers in rows of `width` cells; those without a key are counted, and
    `finder` is the key that finds them."""
    by_press = {press: key for key, press in keys.items()}
    rows: list[Content] = []
    for question in asked:
        cells = list(_cells(question, answers, by_press, chances or {}))
        hidden = len(question.answers) - len(cells) + (question.kind == "number")
        if hidden > 0:
            cells.append(plain(f"{hidden:,} more: {finder} and a part of the name", "$muted"))
        if len(asked) > 1:
            cells.insert(0, plain(question.title, "bold"))
        rows += flowed(cells, width)
    return rows


def _cells(
    question: Question, answers: Answers, keys: Mapping[Press, str], chances: Chances
) -> Iterator[Content]:
    given = answers.get(question.name, ())
    if question.kind == "number":
        key = keys.get(Press(question.name), "")
        value = f"{given[0]:g}" if given and isinstance(given[0], (int, float)) else "no number"
        yield Content.assemble((key, "bold $primary"), " ", plain(value, _style(bool(given))))
        return
    for answer, words in words_of(question):
        key, is_given = keys.get(Press(question.name, answer), ""), answer in given
        if key or is_given:
            chance = chances.get((question.name, answer))
            yield _cell(question, words, key, is_given, chance)


def _cell(
    question: Question, words: str, key: str, is_given: bool, chance: float | None = None
) -> Content:
    tick = _TICKS[question.several][0 if is_given else 1]
    parts = [plain(key or " ", "bold $primary"), plain(f" {tick} ", _style(is_given))]
    parts.append(plain(words, _style(is_given)))
    if chance is not None:
        parts.append(plain(f" {chance:.2f}".replace(" 0.", " ."), "$muted"))
    return Content("").join(parts)


def _style(is_given: bool) -> str:
    return "bold $text-success" if is_given else ""


def words_of(question: Question) -> list[tuple[Answer, str]]:
    """Each answer that can be chosen, and how people read it."""
    if question.kind == "rating":
        return [(answer, "★" * int(str(answer))) for answer in question.answers]
    return [
        (choice.stored, harmless(INSIDE.join(choice.path)).replace("\n", " "))
        for choice in question.choices
        if choice.open
    ]


def flowed(cells: Iterable[Content], width: int) -> list[Content]:
    """Cells beside each other, in as many rows as they take."""
    rows: list[list[Content]] = [[]]
    used = 0
    for cell in cells:
        shown = cell.truncate(max(1, width), ellipsis=True)
        if rows[-1] and used + len(GAP) + shown.cell_length > width:
            rows.append([])
            used = 0
        used += (len(GAP) if rows[-1] else 0) + shown.cell_length
        rows[-1].append(shown)
    return [Content(GAP).join(row) for row in rows]


def found(asked: Sequence[Question], part: str) -> list[Press]:
    """The answers whose words hold `part`, those that begin with it first."""
    needle = part.strip().lower()
    named = [
        (words.lower(), Press(question.name, answer))
        for question in asked
        for answer, words in words_of(question)
    ]
    named = [one for one in named if needle in one[0]]
    named.sort(key=lambda one: not one[0].rpartition(INSIDE)[2].startswith(needle))
    return [press for _, press in named]


def found_rows(
    questions: Questionnaire,
    presses: Sequence[Press],
    at: int,
    answers: Answers,
    width: int,
    height: int,
) -> list[Content]:
    """The answers that were found, a row each, the one at `at` marked; around it what has room."""
    if not presses:
        return [plain("No answer holds that.", "$text-warning")]
    first = max(0, min(at - height + 1, len(presses) - height)) if at >= height else 0
    rows = []
    for number, press in list(enumerate(presses))[first : first + height]:
        question = questions[press.question]
        assert press.answer is not None
        is_given = press.answer in answers.get(press.question, ())
        words = dict(words_of(question))[press.answer]
        row = _cell(question, words, MARK if number == at else "", is_given)
        if len(questions.questions) > 1:
            row = row + plain(f"  {question.title}", "$muted")
        rows.append(row.truncate(max(1, width), ellipsis=True))
    return rows


def number_in(text: str, question: Question) -> tuple[tuple[Answer, ...], str]:
    """The number that was typed, none where nothing was; and what is wrong with it."""
    text = text.strip().replace(",", ".")
    try:
        given = (float(text),) if text else ()
    except ValueError:
        return (), f"{text!r} is no number."
    return given, question.problem(given) if given else ""
