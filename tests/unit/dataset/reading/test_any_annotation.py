"""Any annotation of the kinds that Label Studio wrote from 0.9 to 1.23 gives what it says."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from core.dataset.reading.records import path_of
from core.dataset.reading.schema import CLASS_KEYS
from tests.unit.dataset.reading.files import read

# A control, and the path to one of its classes.
Class = tuple[str, tuple[str, ...]]

SIDES = ("x", "y", "width", "height", "rotation", "radiusX", "radiusY")
names = st.sampled_from(["cat", "dog", "é", "A/B"]) | st.integers(0, 9)
# Of controls that the config has, and of such as it once had.
kinds = st.sampled_from(
    [
        ("kind", "choices"),
        ("tree", "taxonomy"),
        ("stars", "rating"),
        ("pair", "pairwise"),
        ("box", "rectanglelabels"),
        ("poly", "polygonlabels"),
        ("region", "labels"),
        *((f"former {kind}", kind) for kind in CLASS_KEYS if kind.endswith("labels")),
        *((f"former {kind}", kind) for kind in ("choices", "taxonomy", "rating")),
    ]
)
# Results that say no class of the image.
beside = st.sampled_from(
    [
        {"type": "relation", "from_id": "a", "to_id": "b", "direction": "right"},
        {"type": "textarea", "from_name": "note", "to_name": "image", "value": {"text": ["cat"]}},
        {"type": "number", "from_name": "count", "to_name": "image", "value": {"number": 3}},
        {
            "type": "rectangle",
            "from_name": "rect",
            "to_name": "image",
            "value": {"x": 1, "y": None},
        },
        {"type": "brush", "from_name": "b", "to_name": "image", "value": {"rle": [0, "x"]}},
        {"type": "choices", "from_name": "kind", "to_name": "image", "value": None},
        {"type": "choices", "from_name": "kind", "to_name": "image", "value": {"choices": [None]}},
    ]
)
skips = st.sampled_from([{"was_cancelled": True}, {"skipped": 1}, {"was_cancelled": "true"}])
times = st.one_of(
    st.none(),
    st.floats(0, 4e9),
    st.integers(0, 4_000_000_000_000),
    st.datetimes().map(lambda at: at.isoformat()),
    st.datetimes().map(lambda at: at.isoformat(" ") + "Z"),
    st.text(max_size=5),
)
people = st.one_of(
    st.none(),
    st.integers(),
    st.emails(),
    st.fixed_dictionaries({"id": st.integers() | st.text(max_size=3), "email": st.emails()}),
    st.lists(st.integers(), max_size=1),
)
flags = st.sampled_from([None, False, 0, "false", ""])
numbers = st.one_of(st.none(), st.integers(), st.uuids().map(str), st.integers(0, 9).map(str))
odd = (
    st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.lists(st.none(), max_size=1)
)
extra = st.dictionaries(st.sampled_from(["lead_time", "prediction", "draft", "project"]), odd)


@st.composite
def answers(draw: st.DrawFn) -> tuple[dict[str, Any], list[Class]]:
    """A result, and the classes that it gives."""
    name, kind = draw(kinds)
    classes: list[Any] = draw(st.lists(names, min_size=1, max_size=3, unique_by=str))
    value: Any = classes
    if kind == "rating":
        classes = [draw(st.integers(1, 5))]
        value = draw(st.sampled_from([classes[0], float(classes[0]), str(classes[0])]))
    elif kind == "taxonomy":
        value = [one if draw(st.booleans()) else [one] for one in classes]
    elif len(classes) == 1 and draw(st.booleans()):
        value = classes[0]
    if kind == "pairwise":
        classes = [draw(st.sampled_from(["left", "right", 1]))]
        value = classes[0]
    held: dict[str, Any] = {"selected" if kind == "pairwise" else kind: value}
    if kind.endswith("labels"):
        sides = st.floats(0, 100) | st.integers(0, 100) | st.integers(0, 100).map(str) | odd
        held.update(draw(st.fixed_dictionaries({}, optional=dict.fromkeys(SIDES, sides))))
        held.update(draw(st.dictionaries(st.sampled_from(["points", "rle", "format"]), odd)))
    written = draw(st.sampled_from([kind, kind.upper(), "", None]))
    result = {"from_name": name, "to_name": "image", "type": written, "value": held}
    result |= draw(st.dictionaries(st.sampled_from(["id", "origin", "score", "item_index"]), odd))
    if "id" in result and not kind.endswith("labels"):
        # With a region's, it would be an answer about that alone.
        result["id"] = draw(st.none() | st.uuids().map(str))
    if "item_index" in result:
        result["item_index"] = None
    return result, [(name, (str(one),)) for one in classes]


@st.composite
def written(draw: st.DrawFn) -> tuple[Any, list[set[Class] | None]]:
    """A file's content, and the classes that each of its annotations gives; None for a skip."""
    found = draw(st.lists(st.lists(answers(), max_size=3), min_size=1, max_size=3))
    skipped = [draw(st.none() | skips) for _ in found]
    annotations = [
        {
            **draw(extra),
            "id": draw(numbers),
            "result": draw(st.lists(beside, max_size=1)) + [result for result, _ in its],
            "updated_at": draw(times),
            "created_at": draw(times),
            "completed_by": draw(people),
            "was_cancelled": draw(flags),
            "ground_truth": draw(odd),
            **(skip or {}),
        }
        for its, skip in zip(found, skipped, strict=True)
    ]
    expected = [
        None if skip else {pair for _, pairs in its for pair in pairs}
        for its, skip in zip(found, skipped, strict=True)
    ]
    data = {"image": draw(st.sampled_from(["ds/a.png", "/data/local-files/?d=ds/a.png"]))}
    shape = draw(st.sampled_from(["annotations", "completions", "one", "list"]))
    task: dict[str, Any] = {"id": draw(numbers), "data": data}
    guessed = {"result": [answer for answer, _ in draw(st.lists(answers(), max_size=1))]}
    task |= draw(st.sampled_from([{}, {"predictions": [guessed]}, {"drafts": [guessed]}]))
    if shape == "one":
        return {**annotations[0], "task": task}, expected[:1]
    if shape == "list":
        return [{**task, "annotations": [one]} for one in annotations], expected
    return {**task, shape: annotations}, expected


@given(written(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_any_annotation_file_that_label_studio_wrote_gives_all_of_its_labels(
    case: tuple[Any, list[set[Class] | None]], encoding: str
) -> None:
    content, expected = case
    records, left = read(json.dumps(content).encode(encoding))
    assert left == []
    assert [record.image for record in records] == ["a.png"] * len(expected)
    assert [one.cancelled for one in records] == [classes is None for classes in expected]
    found = [{(control, path_of(name)) for control, name in one.labels} for one in records]
    assert found == [classes or set() for classes in expected]
    assert all(record.annotation is not None for record in records)
