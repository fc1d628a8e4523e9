"""Whatever lies in the annotations folder, or comes from the API: it is read, or it is named and
left out; nothing else comes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dataset.reading.batch import interpret
from core.dataset.reading.reader import read_tasks
from core.dataset.reading.records import Interpreter
from core.dataset.reading.regions import RegionBook
from core.labeling_config import LabelingConfig, parse_labeling_config

IMAGES = Path("/srv/data/ds")
CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image" choice="multiple"><Choice value="cat"/></Choices>
<Taxonomy name="tree" toName="image"><Choice value="a"><Choice value="b"/></Choice></Taxonomy>
<Rating name="stars" toName="image"/>
<RectangleLabels name="box" toName="image"><Label value="car"/></RectangleLabels>
<PolygonLabels name="poly" toName="image"><Label value="car"/></PolygonLabels>
<BrushLabels name="brush" toName="image"><Label value="car"/></BrushLabels></View>"""
KINDS = ("choices", "taxonomy", "rating", "rectanglelabels", "polygonlabels", "brushlabels")
NAMES = ("kind", "tree", "stars", "box", "poly", "brush")
# Keys of every level, and what Label Studio writes under them, so that little is refused at once.
KEYS = (
    "id task data annotations result value type from_name to_name was_cancelled completed_by "
    "updated_at ground_truth image $undefined$ choices taxonomy rating labels item_index x y width "
    "height rotation points rle original_width original_height radiusX"
).split()
WORDS = (*KINDS, *NAMES, "cat", "image", "/data/local-files/?d=ds/a.png", "s3://b/ds/../x.png")

words = st.sampled_from(WORDS) | st.text(max_size=6)
numbers = st.integers() | st.floats() | st.integers(-2, 200)
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | words,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | words, inner, max_size=5)
    ),
    max_leaves=12,
)


def shaped(fields: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """An object with all of `fields`, or with some, of which one or the other has anything."""
    spoiled = {name: value | anything for name, value in fields.items()}
    return st.fixed_dictionaries(dict(fields)) | st.fixed_dictionaries({}, optional=spoiled)


values = shaped(
    {
        "choices": st.lists(words | st.lists(words, max_size=2), max_size=3),
        "taxonomy": st.lists(st.lists(words, max_size=2), max_size=2),
        "rating": numbers,
        "rectanglelabels": st.lists(words, max_size=2),
        "points": st.lists(st.lists(numbers, max_size=3), max_size=4),
        "rle": st.lists(st.integers(-1, 300), max_size=30),
        **dict.fromkeys(("x", "y", "width", "height", "rotation"), numbers),
    }
)
results = shaped(
    {
        "value": values,
        "from_name": st.sampled_from(NAMES),
        "to_name": st.just("image"),
        "type": st.sampled_from(KINDS),
        "original_width": numbers,
        "original_height": numbers,
        "item_index": st.integers(),
    }
)
tasks = shaped(
    {
        "data": st.dictionaries(st.sampled_from(["image", "$undefined$"]), words, min_size=1),
        "id": st.integers(),
    }
)
annotations = shaped(
    {
        "result": st.lists(results, max_size=3),
        "task": tasks,
        "id": st.integers(),
        "updated_at": st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
        "was_cancelled": st.booleans(),
        "completed_by": st.integers() | st.fixed_dictionaries({"email": words, "id": numbers}),
    }
)
with_annotations = st.tuples(tasks, st.lists(annotations, max_size=2)).map(
    lambda pair: {**pair[0], "annotations": pair[1]} if isinstance(pair[0], dict) else pair[0]
)
documents = annotations | with_annotations | anything
files = st.one_of(
    documents.map(lambda value: json.dumps(value).encode()),
    st.tuples(documents, st.integers(0, 200)).map(
        lambda cut: json.dumps(cut[0]).encode()[: cut[1]]
    ),
    st.binary(max_size=60),
)


@pytest.fixture(scope="module", params=["with a config", "without"])
def controls(request: pytest.FixtureRequest) -> LabelingConfig:
    return parse_labeling_config(CONFIG) if request.param == "with a config" else LabelingConfig()


@given(contents=st.lists(files, min_size=1, max_size=4), regions=st.booleans())
def test_any_file_is_read_or_named(
    controls: LabelingConfig, contents: list[bytes], regions: bool
) -> None:
    names = [str(number) for number in range(len(contents))]
    book = RegionBook() if regions else None
    given_ = [(content, number) for number, content in enumerate(contents)]
    found = interpret(names, given_, Interpreter(controls, IMAGES), book)
    told = {*found.block.names, *(name for name, _ in found.half_written)}
    # Where one annotation of a file cannot be read, it is named by its place there.
    told |= {one.name.partition(",")[0] for one in found.unreadable}
    assert sorted(told) == names
    assert all(one.reason for one in found.unreadable)


@given(found=st.lists(with_annotations | anything, max_size=4), regions=st.booleans())
def test_any_answer_is_read_or_named(
    controls: LabelingConfig, found: list[object], regions: bool
) -> None:
    book = RegionBook() if regions else None
    for batch in read_tasks(found, Interpreter(controls, IMAGES), regions=book):
        assert batch.done == len(found)
        assert all(one.name and one.reason for one in batch.unreadable)
