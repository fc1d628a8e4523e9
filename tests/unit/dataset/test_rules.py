"""Rules: what several annotations make of one image."""

from __future__ import annotations

import pytest

from core.dataset.class_names import ClassNames
from core.dataset.options import RULES, SETTLING, Rule
from core.dataset.reading.batch import Columns
from core.dataset.reading.records import Labels, Record
from core.dataset.rules import Decision, Tally
from core.errors import ConfigurationError, LabelpilotError
from core.labeling_config import LabelingConfig, parse_labeling_config


def record(
    number: int,
    *classes: str,
    image: str = "a.png",
    moment: float = 0,
    cancelled: bool = False,
    truth: bool = False,
) -> Record:
    labels: Labels = tuple(("kind", name) for name in classes)
    return Record(image, number, labels, cancelled, truth, moment or float(number), "a@b.co")


def decide(*records: Record, rule: Rule = "latest", live: set[int] | None = None) -> Decision:
    tally = Tally(live)
    tally.add(Columns.of(records))
    return tally.decide(rule, "stem")


def classes(decision: Decision) -> dict[str, set[str]]:
    return {tag: {name for _, name in labels} for tag, labels in decision.labels.items()}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("latest", {"dog"}),
        ("union", {"cat", "dog", "red"}),
        ("majority", {"cat"}),
    ],
)
def test_each_rule_does_what_it_says(rule: Rule, expected: set[str]) -> None:
    records = [record(1, "cat", "red"), record(2, "cat"), record(3, "dog")]
    for order in (records, records[::-1]):
        decision = decide(*order, rule=rule)
        assert classes(decision) == {"a": expected}
        assert decision.conflicts == ("a",)


def test_a_majority_is_more_than_half() -> None:
    assert classes(decide(record(1, "cat"), record(2, "dog"), rule="majority")) == {"a": set()}


def test_refusing_names_the_images_that_differ() -> None:
    with pytest.raises(LabelpilotError, match=r"on 1 of them: a\."):
        decide(record(1, "cat"), record(2, "dog"), rule="refuse")


@pytest.mark.parametrize("rule", SETTLING)
def test_a_ground_truth_settles_what_people_differ_in(rule: Rule) -> None:
    decision = decide(record(1, "cat", truth=True), record(2, "dog"), rule=rule)
    assert (classes(decision), decision.conflicts) == ({"a": {"cat"}}, ())
    both = [record(1, "cat", truth=True), record(2, "dog", truth=True), record(3, "cat")]
    assert decide(*both, rule="ground-truth").conflicts == ("a",)
    with pytest.raises(LabelpilotError):
        decide(*both, rule="refuse")


@pytest.mark.parametrize("rule", RULES)
def test_annotations_that_agree_are_no_conflict(rule: Rule) -> None:
    decision = decide(record(1, "cat"), record(2, "cat"), rule=rule)
    assert decision.conflicts == ()
    assert classes(decision) == {"a": {"cat"}}


def test_ground_truth_wins_where_there_is_one() -> None:
    truth = record(1, "cat")._replace(ground_truth=True)
    decision = decide(truth, record(2, "dog"), rule="ground-truth")
    assert classes(decision) == {"a": {"cat"}}
    assert list(decision.chosen) == [1]
    assert classes(decide(record(1, "cat"), record(2, "dog"), rule="ground-truth")) == {
        "a": {"dog"}
    }


def test_the_annotation_changed_last_wins_even_where_its_id_is_lower() -> None:
    decision = decide(record(1, "cat", moment=9), record(2, "dog", moment=5))
    assert classes(decision) == {"a": {"cat"}}


def test_skipped_annotations_are_left_out_and_counted() -> None:
    decision = decide(record(1, "cat"), record(2, cancelled=True))
    assert (decision.skipped, decision.conflicts, classes(decision)) == (1, (), {"a": {"cat"}})


def test_an_image_without_a_class_is_kept() -> None:
    assert classes(decide(record(1))) == {"a": set()}


def test_an_annotation_that_is_gone_from_label_studio_is_left_out() -> None:
    decision = decide(record(14, "cat"), record(15, "dog"), live={15, 16})
    assert classes(decision) == {"a": {"dog"}}
    assert (decision.deleted, decision.missing) == (1, (16,))


def test_one_annotation_met_in_both_shapes_counts_once() -> None:
    for rule in RULES:
        decision = decide(record(1, "cat", moment=1), record(1, "dog", moment=2), rule=rule)
        assert classes(decision) == {"a": {"dog"}}
        assert (decision.annotations, decision.conflicts) == (1, ())


def test_two_images_with_one_tag_are_an_error_that_names_both() -> None:
    records = [record(1, "cat", image="a/x.png"), record(2, "cat", image="b/x.png")]
    with pytest.raises(ConfigurationError, match=r"a/x\.png and b/x\.png"):
        decide(*records)
    tally = Tally()
    tally.add(Columns.of(records))
    assert tally.decide("latest", "path").tags == ["a/x.png", "b/x.png"]


def test_a_name_that_two_controls_offer_goes_by_control_and_name() -> None:
    controls = parse_labeling_config(
        """<View><Image name="i" value="$i"/>
        <Choices name="sharp" toName="i"><Choice value="yes"/><Choice value="no"/></Choices>
        <Choices name="bright" toName="i"><Choice value="yes"/></Choices></View>"""
    )
    labels = (("bright", "yes"), ("sharp", "no"))
    names = ClassNames(controls, [labels])
    assert names.all == ("sharp: yes", "no", "bright: yes")
    assert names[labels] == ("no", "bright: yes")


def test_classes_that_no_config_names_come_last() -> None:
    controls = parse_labeling_config(
        """<View><Image name="i" value="$i"/>
        <Choices name="kind" toName="i"><Choice value="z"/><Choice value="b"/></Choices></View>"""
    )
    names = ClassNames(controls, [(("kind", "a"), ("kind", "b"), ("kind", "z"))])
    assert names.all == ("z", "b", "a")


def test_without_a_config_the_classes_are_sorted() -> None:
    held = [(("kind", "b"),), (("kind", "a"),)]
    assert ClassNames(LabelingConfig(), held).all == ("a", "b")


def test_an_image_that_is_gone_does_not_stand_in_the_way_of_the_one_with_its_tag() -> None:
    tally = Tally()
    old, new = record(1, "cat", image="old/x.png"), record(2, "dog", image="new/x.png")
    tally.add(Columns.of([old, new]))
    decision = tally.decide("latest", "stem", lambda path: path.startswith("new/"))
    assert (decision.images, decision.conflicts) == (["new/x.png"], ("x",))
    assert classes(decision) == {"x": {"dog"}}
