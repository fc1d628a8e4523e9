"""What files hold of labels, whole, and which of it a project has, lacks or has otherwise."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from core.dataset.reading.batch import LeftOut
from core.dataset.restore.compare import Comparison
from core.dataset.restore.found import Found, find_labels
from core.errors import ConfigurationError
from core.labeling_config import parse_labeling_config
from core.studio.models import Annotation

CONFIG = parse_labeling_config(
    """<View><Image name="image" value="$image"/>
    <Choices name="kind" toName="image"><Choice value="cat"/><Choice value="dog"/></Choices>
    <Choices name="sure" toName="image"><Choice value="yes"/><Choice value="no"/></Choices>
    </View>"""
)
BORN = datetime(2026, 1, 1, tzinfo=timezone.utc)
TASK = {"id": 7, "data": {"image": "a.png"}, "created_at": "2026-01-01T00:00:00Z"}
RESULT = [
    {"from_name": "kind", "to_name": "image", "type": "choices", "value": {"choices": ["cat"]}}
]


def annotation(**fields: Any) -> dict[str, Any]:
    times = {"created_at": "2026-01-02T00:00:00.000001Z", "updated_at": "2026-01-03T00:00:00Z"}
    return {"id": 3, "result": RESULT, **times, "lead_time": 2, **fields}


def found(source: Path) -> list[Found | LeftOut]:
    return list(find_labels(source, CONFIG))


def test_both_shapes_of_a_folder_and_an_export_give_the_same(tmp_path: Path) -> None:
    by = {"id": 1, "email": "Ann@example.com"}
    one = annotation(completed_by=by, was_cancelled=True, ground_truth=True)
    folder = tmp_path / "annotations"
    folder.mkdir()
    (folder / "3").write_text(json.dumps({**one, "task": TASK}))
    (folder / "7.json").write_text(json.dumps({**TASK, "annotations": [one]}))
    export = tmp_path / "export.json"
    unnamed = {**one, "completed_by": 1, "created_username": "Ann Lee Ann@example.com, 1"}
    export.write_text(json.dumps([{**TASK, "annotations": [unnamed]}]))
    every = found(folder) + found(export)
    assert len(every) == 3
    for label in every:
        assert isinstance(label, Found)
        assert (label.number, label.person, label.lead_time) == (3, "ann@example.com", 2.0)
        assert (label.cancelled, label.ground_truth, label.result) == (True, True, RESULT)
        assert label.created == BORN + timedelta(days=1, microseconds=1)
        assert label.updated == BORN + timedelta(days=2)
        assert (label.task_number, label.task_created) == (7, BORN)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_labels_of_older_versions_are_found_in_todays_shape(tmp_path: Path, encoding: str) -> None:
    region = {"id": "r", "from_name": "box", "to_name": "image", "type": "rectanglelabels"}
    box = {**region, "value": {"x": 1, "y": 2, "width": 3, "height": 4, "rectanglelabels": ["car"]}}
    completion = {
        "id": 3001,
        "result": [{**RESULT[0], "type": None, "value": {"choices": "cat"}}, box],
        "created_at": BORN.timestamp(),
        "completed_by": "Ann@example.com",
        "lead_time": "2.0",
        "honeypot": True,
    }
    skipped = {"id": 3002, "result": RESULT, "skipped": True, "created_at": BORN.timestamp()}
    task = {"id": 7, "image": "a.png", "completions": [completion, skipped]}
    folder = tmp_path / "annotations"
    folder.mkdir()
    (folder / "7.json").write_bytes(json.dumps(task).encode(encoding))
    (folder / "export.json").write_bytes(json.dumps([task]).encode(encoding))
    every = found(folder) + found(folder / "7.json") + found(folder / "export.json")
    assert len(every) == 8
    for one, other in zip(every[::2], every[1::2], strict=True):
        assert isinstance(one, Found) and isinstance(other, Found)
        assert (one.number, one.person, one.lead_time) == (3001, "ann@example.com", 2.0)
        assert (one.data, one.ground_truth, one.created) == ({"image": "a.png"}, True, BORN)
        assert one.result == [*RESULT, box]
        assert (other.cancelled, other.result) == (True, [])


def test_a_dataset_gives_each_class_to_its_control(tmp_path: Path) -> None:
    file = tmp_path / "dataset.json"
    file.write_text(json.dumps({"a": ["dog", "yes"], "b": [], "c": ["horse"]}))
    first, second, third = found(file)
    assert isinstance(first, Found) and isinstance(second, Found)
    said = [(one["from_name"], one["to_name"], one["value"]["choices"]) for one in first.result]
    assert (first.tag, said) == ("a", [("kind", "image", ["dog"]), ("sure", "image", ["yes"])])
    assert (second.tag, second.result) == ("b", [])
    assert isinstance(third, LeftOut) and "'horse'" in third.reason


@pytest.mark.parametrize("text", ["{", "[1]", '{"result": [1], "task": {"data": {}}}', '{"id": 1}'])
def test_what_is_no_annotation_is_left_out_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "9").write_text(text)
    (left,) = found(tmp_path)
    assert isinstance(left, LeftOut) and left.name == "9"


@pytest.mark.parametrize("text", ["no JSON", '{"a": 1}'])
def test_a_file_without_labels_is_said(text: str, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(ConfigurationError, match="holds no labels that can be restored"):
        found(tmp_path / "other.json")


def label(
    name: str = "cat", person: str = "ann@example.com", number: int | None = 3, day: int = 1
) -> Found:
    result = [{**RESULT[0], "value": {"choices": [name]}, "id": f"from file {number}"}]
    born = BORN + timedelta(days=day)
    return Found(Path("file"), {}, result, person=person, number=number, created=born, updated=born)


def there(name: str = "cat", person: str = "ann@example.com", number: int = 3, day: int = 1):
    result = [{**RESULT[0], "value": {"choices": [name]}, "id": "on the server"}]
    return Annotation(number, 7, BORN + timedelta(days=day), person, False, result)


def compared(labels: list[Found], annotations: list[Annotation], keeps: bool = True) -> Comparison:
    comparison = Comparison()
    comparison.add(7, labels, annotations, keeps)
    return comparison


def counts(of: Comparison) -> tuple[int, int, int, int]:
    return len(of.live), len(of.equal), len(of.missing), len(of.conflicts)


def test_a_label_is_known_by_its_number_and_birth_whatever_it_says_now() -> None:
    assert counts(compared([label("cat")], [there("dog")])) == (1, 0, 0, 0)
    assert counts(compared([label("cat")], [there("dog", day=2)])) == (0, 0, 0, 1)


def test_an_equal_one_under_another_number_is_not_doubled() -> None:
    one = compared([label(number=9)], [there()])
    assert (counts(one), one.equal[0][1]) == ((0, 1, 0, 0), 3)
    twice = compared([label(number=9), label(number=10)], [there()])
    assert counts(twice) == (0, 1, 1, 0)


def test_another_persons_label_is_a_second_opinion_where_its_time_is_kept() -> None:
    mine, yours = label("cat", number=9), there("dog", person="ben@example.com")
    assert counts(compared([mine], [yours])) == (0, 0, 1, 0)
    assert counts(compared([mine], [yours], keeps=False)) == (0, 0, 0, 1)


def test_what_was_cut_off_goes_on_in_the_order_of_time() -> None:
    labels = [label("dog", number=2, day=5), label("cat", number=9, day=4)]
    labels += [label("cat", "ben@example.com", number=1, day=6)]
    cut_off = compared(labels, [there("cat", number=20, day=9)], keeps=False)
    assert counts(cut_off) == (0, 1, 2, 0)
    assert [one.number for _, one in cut_off.missing] == [2, 1]
