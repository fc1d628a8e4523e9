"""What a labeling config asks, and which answers it takes: as Label Studio's own page does."""

from __future__ import annotations

import pytest

from core.labeling.questionnaire import Answers, Question, Questionnaire, toggled
from core.labeling.questions import read_questions
from core.labeling_config import parse_labeling_config

IMAGE = '<Image name="image" value="$image"/>'
ABC = "".join(f'<Choice value="{one}"/>' for one in "abc")


def asked(body: str, image: str = IMAGE) -> Questionnaire:
    return read_questions(parse_labeling_config(f"<View>{image}{body}</View>"))


def choices(attributes: str = "", inside: str = ABC, name: str = "kind") -> str:
    return f'<Choices name="{name}" toName="image" {attributes}>{inside}</Choices>'


def taxonomy(attributes: str = "") -> str:
    inside = '<Choice value="pet"><Choice value="a cat" alias="cat"/><Choice value="dog"/></Choice>'
    return f'<Taxonomy name="tree" toName="image" {attributes}>{inside}</Taxonomy>'


def values(questionnaire: Questionnaire, answers: Answers) -> dict[str, object]:
    return {one["from_name"]: one["value"] for one in questionnaire.result(answers)}


def test_questions_come_in_order_each_with_the_heading_above_it() -> None:
    found = asked(
        f'<Header value="What is it?"/>{choices()}{taxonomy()}<Header value="How many?"/>'
        '<View><Number name="count" toName="image" min="1" max="9" hotkey="n"/></View>'
        '<Rating name="stars" toName="image" maxRating="3"/>'
    )
    assert [(one.name, one.kind, one.title) for one in found.questions] == [
        ("kind", "choices", "What is it?"),
        ("tree", "taxonomy", "tree"),
        ("count", "number", "How many?"),
        ("stars", "rating", "stars"),
    ]
    assert (found["count"].minimum, found["count"].maximum, found["count"].hotkey) == (1, 9, "n")
    assert (found["stars"].minimum, found["stars"].maximum) == (1, 3)
    assert found.complete and not found.unanswerable


def test_a_choice_is_shown_by_its_value_and_stored_by_its_alias() -> None:
    inside = '<Choice value="a cat" alias="cat" hotkey="c" hint="meows"/><Choice value="dog"/>'
    (question,) = asked(choices(inside=inside)).questions
    cat, dog = question.choices
    assert (cat.text, cat.stored, cat.hotkey, cat.hint) == ("a cat", "cat", "c", "meows")
    assert (dog.text, dog.stored, dog.hotkey) == ("dog", "dog", "")


@pytest.mark.parametrize(
    ("body", "answers", "value"),
    [
        (choices(), ("b",), {"choices": ["b"]}),
        (choices('choice="multiple"'), ("c", "a"), {"choices": ["a", "c"]}),
        (taxonomy(), (("pet", "dog"), ("pet",)), {"taxonomy": [["pet", "dog"], ["pet"]]}),
        ('<Rating name="stars" toName="image"/>', (4,), {"rating": 4}),
        ('<Number name="n" toName="image"/>', (4.0,), {"number": 4}),
        ('<Number name="n" toName="image"/>', (0.5,), {"number": 0.5}),
    ],
)
def test_answers_are_written_as_the_page_writes_them_and_read_back(
    body: str, answers: tuple[object, ...], value: dict[str, object]
) -> None:
    found = asked(body)
    name = found.questions[0].name
    (written,) = found.result({name: answers})  # type: ignore[dict-item]
    assert written.pop("id")
    kind = found.questions[0].kind
    assert written == {
        "value": value,
        "from_name": name,
        "to_name": "image",
        "type": kind,
        "origin": "manual",
    }
    assert set(found.answers_of([written])[name]) == set(answers)


def test_a_nested_choice_is_written_with_what_it_fills() -> None:
    inside = '<Choice value="pet"><Choice value="cat"/><Choice value="dog"/></Choice>'
    found = asked(choices('choice="multiple" allowNested="true"', inside))
    cat, dog = ("pet", "cat"), ("pet", "dog")
    assert values(found, {"kind": (cat,)}) == {"kind": {"choices": [["pet", "cat"]]}}
    both = {"choices": [["pet"], ["pet", "cat"], ["pet", "dog"]]}
    assert values(found, {"kind": (dog, cat)}) == {"kind": both}
    assert found.answers_of(found.result({"kind": (dog, cat)})) == {"kind": (cat, dog)}
    # Without allowNested, Label Studio shows the outer ones alone.
    assert [one.stored for one in asked(choices(inside=inside))["kind"].choices] == ["pet"]


NUMBER = '<Number name="n" toName="image" min="1" max="9" step="2" required="true"/>'


@pytest.mark.parametrize(
    ("body", "answers", "words"),
    [
        (choices('required="true"'), {}, "kind: an answer is required"),
        (choices('required="true" requiredMessage="Say it!"'), {}, "Say it!"),
        (choices(), {"kind": ("a", "b")}, "only one answer"),
        (choices(), {"kind": ("z",)}, "'z' is none"),
        (taxonomy('maxUsages="1"'), {"tree": (("pet",), ("pet", "dog"))}, "at most 1"),
        (taxonomy('leafsOnly="true"'), {"tree": (("pet",),)}, "'pet' is none"),
        (NUMBER, {}, "required"),
        (NUMBER, {"n": (0,)}, "less than 1"),
        (NUMBER, {"n": (11,)}, "more than 9"),
        (NUMBER, {"n": (4,)}, "the nearest are 3 and 5"),
        (NUMBER, {"n": ("x",)}, "no number"),
        (NUMBER, {"n": (float("nan"),)}, "no number"),
        ('<Rating name="r" toName="image"/>', {"r": (6,)}, "more than 5"),
    ],
)
def test_what_a_config_forbids_is_a_sentence(body: str, answers: Answers, words: str) -> None:
    (problem,) = asked(body).problems(answers)
    assert words in problem


def test_what_a_config_allows_is_no_problem() -> None:
    body = choices('required="true"') + taxonomy('maxUsages="2"') + NUMBER
    answers: Answers = {"kind": ("a",), "tree": (("pet",), ("pet", "cat")), "n": (5,)}
    assert asked(body).problems(answers) == ()


def when(about: str, names: str, body: str, how: str = "choice-selected") -> str:
    condition = f'visibleWhen="{how}" whenTagName="{about}" whenChoiceValue="{names}"'
    return f"<View {condition}>{body}</View>"


def names(questions: tuple[Question, ...]) -> list[str]:
    return [one.name for one in questions]


def test_hidden_questions_are_not_asked_nor_required_nor_written() -> None:
    more = choices('required="true"', name="more")
    found = asked(choices() + when("kind", "a,b", more + when("more", "c", NUMBER)))
    assert names(found.visible({})) == ["kind"]
    assert names(found.visible({"kind": ("b",)})) == ["kind", "more"]
    everything: Answers = {"kind": ("b",), "more": ("c",), "n": (3,)}
    assert names(found.visible(everything)) == ["kind", "more", "n"]
    assert found.problems({"kind": ("c",)}) == ()
    # What was answered before its question was hidden counts for nothing.
    assert values(found, {**everything, "kind": ("c",)}) == {"kind": {"choices": ["c"]}}
    assert set(values(found, everything)) == {"kind", "more", "n"}


@pytest.mark.parametrize(
    ("hidden", "answers", "shown"),
    [
        (when("kind", "a", NUMBER, "choice-unselected"), {}, True),
        (when("kind", "a", NUMBER, "choice-unselected"), {"kind": ("a",)}, False),
        (when("kind", "", NUMBER), {"kind": ("c",)}, True),
        (when("kind", "", NUMBER), {}, False),
        (when("", "", NUMBER), {"kind": ("c",)}, True),
        (when("", "", NUMBER), {"tree": (("pet",),)}, False),
        (when("tree", "a cat", NUMBER), {"tree": (("pet", "cat"),)}, True),
        (when("tree", "cat", NUMBER), {"tree": (("pet",),)}, False),
        (when("nobody", "a", NUMBER), {"kind": ("a",)}, False),
        (f'<View whenChoiceValue="a">{NUMBER}</View>', {"kind": ("a",)}, True),
        (f'<View whenChoiceValue="a">{NUMBER}</View>', {"kind": ("b",)}, False),
        (f'<View visibleWhen="region-selected">{NUMBER}</View>', {"kind": ("b",)}, False),
        (f'<View visibleWhen="no-region-selected">{NUMBER}</View>', {}, True),
        # A number is hidden by what it stands in, and by nothing of its own.
        (NUMBER.replace("/>", ' visibleWhen="choice-selected"/>'), {}, True),
    ],
)
def test_each_condition_of_label_studio_holds(hidden: str, answers: Answers, shown: bool) -> None:
    found = asked(choices() + taxonomy() + hidden)
    assert ("n" in names(found.visible(answers))) is shown


def test_what_is_chosen_at_first_is_offered_and_a_number_falls_back_to_its_default() -> None:
    inside = '<Choice value="a"/><Choice value="b" selected="true"/>'
    number = '<Number name="n" toName="image" defaultValue="2" required="true"/>'
    found = asked(choices(inside=inside) + number)
    assert found.at_first() == {"kind": ("b",)}
    assert found.problems({}) == ()
    assert values(found, {}) == {"n": {"number": 2}}


@pytest.mark.parametrize(
    ("body", "words", "complete"),
    [
        (
            '<RectangleLabels name="box" toName="image"><Label value="x"/></RectangleLabels>',
            "box",
            0,
        ),
        (choices('perRegion="true"', name="region"), "drawn", False),
        (choices('perItem="true"', name="item"), "each of several images", False),
        ('<TextArea name="notes" toName="image"/>', "notes (TextArea)", True),
        ('<TextArea name="notes" toName="image" required="true"/>', "notes (TextArea)", False),
        ('<Pairwise name="pair" toName="image,other"/>', "pair (Pairwise)", False),
        (choices('value="$options"', "", "own"), "another in each task", False),
        ('<Text name="words" value="$text"/>', "words (Text) is not shown", False),
        ('<Image name="other" value="$other"/>', "several images", False),
    ],
)
def test_what_cannot_be_answered_here_is_said(body: str, words: str, complete: bool) -> None:
    found = asked(choices() + body)
    assert names(found.questions) == ["kind"]
    assert len(found.unanswerable) == 1
    assert words in found.unanswerable[0]
    assert found.complete is bool(complete)


def test_what_is_none_of_its_answers_is_not_written() -> None:
    assert asked(choices('choice="multiple"')).result({"kind": ("z",)}) == []


def test_one_key_chooses_and_takes_back() -> None:
    single, several = asked(choices())["kind"], asked(choices('choice="multiple"'))["kind"]
    assert toggled(single, {"kind": ("a",)}, "b") == {"kind": ("b",)}
    assert toggled(several, {"kind": ("a",)}, "b") == {"kind": ("a", "b")}
    assert toggled(several, {"kind": ("a", "b")}, "a") == {"kind": ("b",)}


def test_results_of_regions_and_of_others_are_read_as_no_answers() -> None:
    found = asked(choices())
    strange: list[dict[str, object]] = [
        {"from_name": "kind", "value": {"choices": ["z", 3, None, [["a"]], ["a", 1]]}},
        {"from_name": "box", "value": {"rectanglelabels": ["x"]}},
        {"from_name": "kind", "value": None},
        {},
    ]
    assert found.answers_of(strange) == {}
