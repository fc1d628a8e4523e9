"""What one annotation says of an image: real files of each control, and the odd ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.dataset.reading.batch import Columns
from core.dataset.reading.reader import Batch, read_tasks
from core.dataset.reading.records import Interpreter, Record
from core.dataset.reading.schema import NotReadable, decode_document
from core.labeling_config import LabelingConfig, parse_labeling_config

Build = Callable[..., dict[str, Any]]
IMAGES = Path("/srv/data/ds")
TWO_IMAGES = """<View><Image name="a" value="$left"/><Image name="b" value="$right"/>
<Choices name="same" toName="a"><Choice value="yes"/></Choices></View>"""
PAGES = """<View><Image name="pages" valueList="$images"/>
<RectangleLabels name="box" toName="pages"><Label value="car"/></RectangleLabels>
<Choices name="doc" toName="pages"><Choice value="ok"/></Choices></View>"""


def classes_by_image(content: bytes, config: str | None) -> dict[str, list[str]]:
    """Image -> classes, as the file's content says."""
    controls = LabelingConfig() if config is None else parse_labeling_config(config)
    records = Columns.of(Interpreter(controls, IMAGES).document(decode_document(content)))
    return {record.image: [name for _, name in record.labels] for record in records}


def records_of(task: dict[str, Any], config: str | None) -> list[Record]:
    controls = LabelingConfig() if config is None else parse_labeling_config(config)
    (batch,) = read_tasks([task], Interpreter(controls, IMAGES))
    assert not batch.unreadable
    return list(batch.records)


@pytest.mark.parametrize("shape", ["def", "fut"])
@pytest.mark.parametrize("with_config", [True, False])
@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("choices_single", {"a.b.c.jpg": ["cat"]}),
        ("choices_multi", {"cat 1.png": ["indoor", "N"]}),
        ("taxonomy", {"dog#2.png": ["Animal/Cat/Siamese", "Plant"]}),
        ("rating", {"img_00.png": ["4"]}),
        ("rectangle", {"img_00.png": ["car"]}),
        ("rectangle_rotated", {"img_01.png": ["bus"]}),
        ("polygon", {"img_02.png": ["road"]}),
        ("brush_rle", {"img_03.png": ["sky"]}),
        ("keypoint", {"img_04.png": ["nose"]}),
        ("ellipse", {"img_05.png": ["wheel"]}),
        ("empty_result", {"img_01.png": []}),
        ("per_region_choices", {"img_06.png": ["car"]}),
        ("single_plus_multi_plus_text", {"img_02.png": ["dog", "blurry"]}),
        ("undefined_key_no_config", {"img_00.png": []}),
        ("undefined_key_after_config", {"img_01.png": ["cat"]}),
    ],
)
def test_a_real_file_gives_its_image_and_classes(
    samples: Path,
    shape: str,
    case: str,
    config: str,
    with_config: bool,
    expected: dict[str, list[str]],
) -> None:
    found = classes_by_image(
        (samples / f"{shape}_{case}.json").read_bytes(), config if with_config else None
    )
    if not with_config:
        found = {image: sorted(classes) for image, classes in found.items()}
        expected = {image: sorted(classes) for image, classes in expected.items()}
    assert found == expected


@pytest.mark.parametrize("shape", ["def", "fut"])
def test_the_class_goes_to_the_image_that_its_control_names(samples: Path, shape: str) -> None:
    content = (samples / f"{shape}_two_images.json").read_bytes()
    assert classes_by_image(content, TWO_IMAGES) == {"plain.png": ["yes"]}


@pytest.mark.parametrize("shape", ["def", "fut"])
def test_two_images_without_a_config_are_not_guessed_at(samples: Path, shape: str) -> None:
    content = (samples / f"{shape}_two_images.json").read_bytes()
    with pytest.raises(NotReadable, match="no labeling config"):
        classes_by_image(content, None)


@pytest.mark.parametrize("shape", ["def", "fut"])
def test_each_page_of_a_list_gets_its_own_classes(samples: Path, shape: str) -> None:
    content = (samples / f"{shape}_value_list_images.json").read_bytes()
    assert classes_by_image(content, PAGES) == {"img_00.png": ["ok"], "img_01.png": ["car"]}


def test_what_was_clicked_before_a_skip_in_the_browser_is_not_meant(
    samples: Path, config: str
) -> None:
    document = decode_document((samples / "UI_real_6175.json").read_bytes())
    (record,) = Columns.of(Interpreter(parse_labeling_config(config), IMAGES).document(document))
    assert record.cancelled and record.labels == ()


def test_a_real_browser_annotation_gives_choices_and_brush(samples: Path, config: str) -> None:
    found = classes_by_image((samples / "UI_real_6174.json").read_bytes(), config)
    assert list(found.values()) == [["indoor", "blurry", "sky"]]


@pytest.mark.parametrize("shape", ["def", "fut"])
def test_every_real_file_can_be_read(samples: Path, shape: str, config: str) -> None:
    for file in samples.glob(f"{shape}_*.json"):
        own = {"two_images": TWO_IMAGES, "value_list_images": PAGES}.get(file.stem[4:], config)
        assert classes_by_image(file.read_bytes(), own), file.name


def test_the_api_and_the_folder_give_the_same_records(samples: Path, config: str) -> None:
    interpreter = Interpreter(parse_labeling_config(config), IMAGES)
    for file in samples.glob("fut_*.json"):
        if "two_images" in file.name or "value_list" in file.name:
            continue
        content = file.read_bytes()
        (batch,) = read_tasks([json.loads(content)], interpreter)
        assert list(batch.records) == interpreter.document(decode_document(content)), file.name


def test_a_task_of_the_api_has_only_the_number_of_who_labeled(
    annotation: Build, config: str
) -> None:
    one = annotation(classes=["N"], completed_by=7)
    task = {"id": 1, "data": one["task"]["data"], "annotations": [one]}
    (record,) = records_of(task, config)
    assert record.person == "7"


def test_a_task_without_annotations_gives_no_record(config: str) -> None:
    assert records_of({"id": 1, "data": {"image": "x.png"}, "annotations": []}, config) == []


@pytest.mark.parametrize(
    "task",
    [
        {"id": 3, "data": {"image": "x.png"}},
        {"id": 3, "data": {"image": "x.png"}, "annotations": [12, 13]},
        {"id": 3, "data": {"image": "x.png"}, "annotations": [{"id": 12}]},
        {"id": 3, "data": {"a": 1, "b": 2}, "annotations": [{"id": 12, "result": []}]},
    ],
    ids=["no annotations", "only ids", "no result", "no image"],
)
def test_a_task_that_cannot_be_read_is_named(task: dict[str, Any], config: str) -> None:
    batch: Batch
    (batch,) = read_tasks([task], Interpreter(parse_labeling_config(config), IMAGES))
    assert [left_out.name for left_out in batch.unreadable] == ["task 3"]
    assert list(batch.records) == []


def test_pairwise_names_the_selected_side_on_both_images() -> None:
    config = """<View><Image name="a" value="$left"/><Image name="b" value="$right"/>
    <Pairwise name="better" toName="a,b"/></View>"""
    result = {
        "from_name": "better",
        "to_name": "a,b",
        "type": "pairwise",
        "value": {"selected": "left"},
    }
    task = {
        "id": 1,
        "data": {"left": "l.png", "right": "r.png"},
        "annotations": [{"id": 1, "result": [result]}],
    }
    pair = (("better", "left"),)
    assert {one.image: one.labels for one in records_of(task, config)} == {
        "l.png": pair,
        "r.png": pair,
    }


def test_a_class_about_a_text_is_none_of_the_image(annotation: Build) -> None:
    config = """<View><Image name="image" value="$image"/><Text name="q" value="$q"/>
    <Choices name="multi" toName="image"><Choice value="cat"/></Choices>
    <Labels name="aspect" toName="q"><Label value="counting"/></Labels></View>"""
    one = annotation(classes=["cat"])
    one["result"].append(
        {"from_name": "aspect", "to_name": "q", "type": "labels", "value": {"labels": ["counting"]}}
    )
    assert classes_by_image(json.dumps(one).encode(), config) == {"img.png": ["cat"]}


def test_labels_of_a_separate_shape_are_classes_of_the_image() -> None:
    config = """<View><Image name="image" value="$ocr"/>
    <Labels name="label" toName="image"><Label value="Text"/></Labels>
    <Rectangle name="bbox" toName="image"/></View>"""
    box = {"x": 1.5, "y": 2, "width": 3, "height": 4, "rotation": 0}
    common = {"id": "r", "to_name": "image"}
    task = {
        "id": 1,
        "data": {"ocr": "page.png"},
        "annotations": [
            {
                "id": 1,
                "result": [
                    {**common, "from_name": "bbox", "type": "rectangle", "value": box},
                    {
                        **common,
                        "from_name": "label",
                        "type": "labels",
                        "value": {**box, "labels": ["Text"]},
                    },
                ],
            }
        ],
    }
    (record,) = records_of(task, config)
    assert record.labels == (("label", "Text"),)
