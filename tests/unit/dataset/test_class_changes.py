"""What a class is called, changed in a labeling config's text, in results and in a dataset."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dataset.classes.config_text import offered, renamed, widened
from core.dataset.classes.files import renamed_dataset
from core.dataset.classes.renaming import Renaming, classes_in
from core.dataset.classes.wish import Wish, merges, renames, understood
from core.errors import ConfigurationError
from core.labeling_config import LabelingConfig, parse_labeling_config

TEXT = """<View>
  <!-- <Choice value="cat"/> is the first -->
  <Image name="image" value="$image"/>
  <Choices name="kind" toName="image" choice="multiple">
    <Choice value="cat" hotkey="1"/>
    <View><Choice value='d"o&amp;g' hotkey="2" background="red"/></View>
    <Choice value="A bird" alias="bird"/>
  </Choices>
  <View visibleWhen="choice-selected" whenTagName="kind" whenChoiceValue="cat,bird"/>
  <Taxonomy name="tree" toName="image">
    <Choice value="A"><Choice value="B" hotkey="x"/></Choice>
    <Choice value="C"/>
  </Taxonomy>
  <RectangleLabels name="box" toName="image"><Label value="cat"/></RectangleLabels>
  <Rating name="stars" toName="image"/>
</View>"""
CONFIG = parse_labeling_config(TEXT)


def names(text: str, control: str = "kind") -> list[str]:
    return list(parse_labeling_config(text).controls[control].classes)


def changed_lines(text: str) -> dict[str, str]:
    return {
        old.strip(): new.strip()
        for old, new in zip(TEXT.splitlines(), text.splitlines(), strict=True)
        if old != new
    }


def test_a_renamed_class_keeps_its_place_its_key_and_what_is_shown_by_it() -> None:
    text = renamed(TEXT, Renaming("kind", {("cat",): ("<a & 'b'>",)}))
    assert changed_lines(text) == {
        '<Choice value="cat" hotkey="1"/>': ('<Choice value="&lt;a &amp; \'b\'&gt;" hotkey="1"/>'),
        '<View visibleWhen="choice-selected" whenTagName="kind" whenChoiceValue="cat,bird"/>': (
            '<View visibleWhen="choice-selected" whenTagName="kind" '
            "whenChoiceValue=\"&lt;a &amp; 'b'&gt;,bird\"/>"
        ),
    }
    assert names(text) == ["<a & 'b'>", 'd"o&g', "bird"]


def test_an_alias_is_what_annotations_hold_so_it_is_what_changes() -> None:
    text = renamed(TEXT, Renaming("kind", {("bird",): ("fowl",)}))
    assert '<Choice value="A bird" alias="fowl"/>' in text
    assert 'whenChoiceValue="cat,fowl"' in text


def test_two_names_are_exchanged_and_merged_ones_are_there_once() -> None:
    both = {("cat",): ("bird",), ("bird",): ("cat",)}
    assert names(renamed(TEXT, Renaming("kind", both))) == ["bird", 'd"o&g', "cat"]
    new = {("cat",): ("pet",), ('d"o&g',): ("pet",)}
    assert names(renamed(TEXT, Renaming("kind", new))) == ["pet", "bird"]
    there = {("cat",): ("bird",)}
    assert names(renamed(TEXT, Renaming("kind", there))) == ['d"o&g', "bird"]


def test_a_wide_config_offers_both_names_and_no_key_twice() -> None:
    text = widened(TEXT, Renaming("kind", {("cat",): ("feline",)}))
    assert names(text) == ["cat", "feline", 'd"o&g', "bird"]
    assert text.count("hotkey") == TEXT.count("hotkey")
    tree = widened(TEXT, Renaming("tree", {("A",): ("Z",)}))
    assert names(tree, "tree") == ["A", "A/B", "Z", "Z/B", "C"]


def test_what_lies_below_a_renamed_class_goes_along() -> None:
    renaming = Renaming("tree", {("A",): ("Z",)})
    assert names(renamed(TEXT, renaming), "tree") == ["Z", "Z/B", "C"]
    result = [answer("tree", "taxonomy", [["A", "B"], ["C"]])]
    assert renaming.result(result) == [answer("tree", "taxonomy", [["Z", "B"], ["C"]])]


def answer(control: str, kind: str, held: Any) -> dict[str, Any]:
    return {"from_name": control, "to_name": "image", "type": kind, "value": {kind: held}}


@pytest.mark.parametrize(
    ("held", "new"),
    [
        (["cat", "bird"], ["feline", "bird"]),
        (["cat", "feline"], ["feline"]),
        ([["cat"]], [["feline"]]),
        ("cat", "feline"),
    ],
)
def test_a_result_is_changed_in_the_shape_that_it_has(held: Any, new: Any) -> None:
    renaming = Renaming("kind", {("cat",): ("feline",)})
    result = [answer("kind", "choices", held), answer("box", "rectanglelabels", ["cat"])]
    assert renaming.result(result) == [answer("kind", "choices", new), result[1]]


def test_a_number_that_stands_for_a_class_is_one() -> None:
    assert Renaming("kind", {("1",): ("one",)}).result([answer("kind", "choices", [1, 2])]) == [
        answer("kind", "choices", ["one", 2])
    ]


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(
    lambda text: text == text.strip() and text
)


@given(st.lists(words, min_size=2, max_size=6, unique=True), st.data())
def test_whatever_a_class_is_called_it_is_found_renamed_and_taken_back(
    classes: list[str], data: st.DataObject
) -> None:
    def written(name: str) -> str:
        for sign, entity in (("&", "&amp;"), ("<", "&lt;"), ('"', "&quot;")):
            name = name.replace(sign, entity)
        return f'<Choice value="{name}"/>'

    text = (
        '<View><Image name="i" value="$image"/><Choices name="k" toName="i">'
        f"{''.join(map(written, classes))}</Choices></View>"
    )
    config = parse_labeling_config(text)
    assert [one.parts for one in offered(text, "k")] == [(name,) for name in classes]
    old, new = data.draw(st.sampled_from(classes)), data.draw(words)
    if new in classes:
        return
    renaming = understood(Wish(((old, new),)), config)
    after = renamed(text, renaming)
    expected = [new if name == old else name for name in classes]
    assert [one.parts[-1] for one in offered(after, "k")] == expected
    back = renaming.back([one.parts for one in offered(text, "k")])
    assert [one.parts for one in offered(renamed(after, back), "k")] == [(n,) for n in classes]
    result = [answer("k", "choices", classes)]
    assert [parts[-1] for _, parts in classes_in(renaming.result(result))] == expected
    assert back.result(renaming.result(result)) == result


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        (renames(["fish", "x"]), "The class 'fish' is not known."),
        (renames(["cat", "x"]), "Several control tags offer 'cat': kind, box."),
        (renames(["cat", "bird"], "kind"), "There is a class 'bird' already."),
        (renames(["bird", "bird"]), "The new name is the old one, so there is nothing to change."),
        (renames(["bird", " "]), "No class can be called ' ': it is empty."),
        (renames(["bird", "x "]), "No class can be called 'x ': it begins or ends with a space."),
        (renames(["3", "x"]), "The class '3' is of a control that gives its classes their names"),
        (renames(["A/B", "C/B"]), "A class is renamed where it stands"),
        (renames(["bird", "a,b"]), "The new name has a comma"),
        (renames(["bird", "x", "C", "y"]), "No control tag offers all of 'bird', 'C'."),
        (merges(["A", "C"]), "There are classes below 'A'."),
        (renames(["bird", "x"], "kinds"), "The control tag 'kinds' is not known."),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_with_its_reason(wish: Wish, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        understood(wish, CONFIG)
    assert caught.value.message.startswith(sentence)


def test_a_class_that_only_annotations_hold_can_be_renamed() -> None:
    found = understood(merges(["kitten", "cat"], "kind"), CONFIG, {("kind", ("kitten",))})
    assert found == Renaming("kind", {("kitten",): ("cat",)})


def test_names_that_two_controls_share_are_told_apart_in_the_dataset(tmp_path: Path) -> None:
    """`box: cat` is plain `cat` once the other control has none."""
    dataset = tmp_path / "dataset.json"
    dataset.write_text(json.dumps({"a": ["kind: cat", "bird"], "b": ["box: cat"], "c": []}))
    renaming = Renaming("kind", {("cat",): ("feline",)})
    after = parse_labeling_config(renamed(TEXT, renaming))
    found = renamed_dataset(dataset, CONFIG, after, renaming)
    assert (found.images, found.facts["classes"]) == (2, {"feline": 1, "bird": 1, "cat": 1})
    assert json.loads(found.content) == {"a": ["feline", "bird"], "b": ["cat"], "c": []}


def test_a_flat_name_may_hold_what_parts_the_names_of_a_tree() -> None:
    config: LabelingConfig = parse_labeling_config(TEXT.replace('"cat" hotkey', '"a/b" hotkey'))
    assert understood(renames(["a/b", "c/d"]), config) == Renaming("kind", {("a/b",): ("c/d",)})
