"""Whatever Label Studio 0.9 to 1.23 wrote is read: the label, or a named reason, and never a whole
file lost for one field."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from core.dataset.class_names import ClassNames
from core.dataset.export import ExportResult, export_dataset
from core.dataset.reading.batch import rows_of
from core.dataset.reading.reader import read_tasks
from core.dataset.reading.records import Interpreter
from core.errors import ConfigurationError, LabelpilotError
from core.labeling_config import parse_labeling_config
from core.progress import finish
from core.workspace.settings import Workspace
from tests.unit.dataset.reading.files import CONFIG, IMAGES, read

Build = Callable[..., dict[str, Any]]
Export = Callable[..., ExportResult]
Dataset = Callable[[], dict[str, list[str]]]
Change = Callable[[dict[str, Any]], object]

MOMENT = datetime(2026, 11, 24, 6, 35, 7, tzinfo=timezone.utc)
PLAIN = {
    "id": 7,
    "result": [
        {
            "id": "r",
            "from_name": "kind",
            "to_name": "image",
            "type": "choices",
            "value": {"choices": ["cat"]},
        }
    ],
    "was_cancelled": False,
    "ground_truth": False,
    "updated_at": "2026-11-24T06:35:07Z",
    "completed_by": {"id": 1, "email": "a@b.co"},
    "task": {"id": 3, "data": {"image": "/data/local-files/?d=ds/a.png"}},
}


def changed(change: Change) -> dict[str, Any]:
    annotation = copy.deepcopy(PLAIN)
    change(annotation)
    return annotation


def said(value: dict[str, Any], **fields: Any) -> Change:
    return lambda a: a["result"][0].update(value=value, **fields)


@pytest.mark.parametrize(
    ("change", "classes"),
    [
        (said({"choices": [1]}), ["1"]),
        (said({"choices": [1.0, 2.5, True]}), ["1", "true", "2.5"]),
        (said({"choices": "cat"}), ["cat"]),
        (said({"choices": 1}), ["1"]),
        (said({"choices": [None, "cat", ""]}), ["cat"]),
        (said({"choices": ["", "cat"]}), ["cat"]),
        (said({"choices": ""}), []),
        (said({"choices": [["A", 1]]}), ["A/1"]),
        (said({"taxonomy": [["A", "B"]]}, type="taxonomy", from_name="tree"), ["A/B"]),
        (said({"taxonomy": ["A"]}, type="taxonomy", from_name="tree"), ["A"]),
        (said({"rating": "4"}, type="rating", from_name="stars"), ["4"]),
        (said({"selected": "left"}, type=None, from_name="pair"), ["left"]),
        (said({"choices": ["cat"]}, type=""), ["cat"]),
        (said({"choices": ["cat"]}, type="Choices"), ["cat"]),
        (said({"taxonomy": [["A"]]}), ["A"]),
        (said({"choices": ["cat"]}, type="Choices", id=5.5, item_index="x"), ["cat"]),
        (said({"choices": ["cat"]}, to_name=["image"]), ["cat"]),
        (lambda a: a.update(completed_by="a@b.co"), ["cat"]),
        (lambda a: a.update(completed_by=["?"], lead_time="long", was_cancelled="no"), ["cat"]),
        (lambda a: a.update(updated_at="2026-11-24T06:35:07"), ["cat"]),
        (lambda a: a.update(updated_at=1795502107), ["cat"]),
        (lambda a: a.update(updated_at="yesterday", created_at="2026-11-24"), ["cat"]),
        (lambda a: a.update(id="2f9a-uuid"), ["cat"]),
        (lambda a: a.update(id=-5, ground_truth=None), ["cat"]),
        (lambda a: a.update(annotations=[], completions=None), ["cat"]),
        (lambda a: a.update(result=a["result"][0]), ["cat"]),
        (lambda a: a["task"].update(id="three", total_annotations="one"), ["cat"]),
        (lambda a: a["task"]["data"].update(width=float("nan")), ["cat"]),
        (lambda a: a.update(lead_time=float("inf")), ["cat"]),
    ],
)
def test_a_label_is_kept_whatever_else_is_odd(change: Change, classes: list[str]) -> None:
    ((record,), left) = read(changed(change))
    assert read([changed(change)])[0][0].labels == record.labels
    assert (record.image, [name for _, name in record.labels], left) == ("a.png", classes, [])


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"], ids=lambda name: str(name)
)
@pytest.mark.parametrize("several", [False, True])
def test_any_encoding_of_unicode_is_read(encoding: str, several: bool) -> None:
    text = json.dumps([PLAIN] if several else PLAIN)
    ((record,), left) = read(text.encode(encoding))
    assert (record.labels, left) == ((("kind", "cat"),), [])


@pytest.mark.parametrize(
    "moment",
    [
        "2026-11-24T06:35:07",
        "2026-11-24 06:35:07+00:00",
        "2026-11-24T08:35:07+02:00",
        MOMENT.timestamp(),
        str(int(MOMENT.timestamp())),
        MOMENT.timestamp() * 1000,
    ],
)
def test_a_time_is_the_same_however_it_is_written(moment: object) -> None:
    ((record,), _) = read(changed(lambda a: a.update(updated_at=moment)))
    assert record.moment == MOMENT.timestamp()


@pytest.mark.parametrize(
    ("who", "name"),
    [
        ("a@b.co", "a@b.co"),
        (" a@b.co, 1", "a@b.co"),
        ("12", "12"),
        (12, "12"),
        ({"id": "12"}, "12"),
        ({"email": 5, "username": "ann"}, "ann"),
        (None, ""),
    ],
)
def test_who_labeled_is_known_however_it_is_written(who: object, name: str) -> None:
    ((record,), _) = read(changed(lambda a: a.update(completed_by=who, id="x")))
    assert record.person == name


def test_the_completions_of_label_studio_before_1_0_are_annotations() -> None:
    completion = {
        "id": 3001,
        "result": PLAIN["result"],
        "created_at": 1598265300,
        "lead_time": 3.1,
        "honeypot": True,
    }
    skipped = {"id": 3002, "result": [], "skipped": True, "created_at": 1598265301}
    task = {"id": 3, "data": {"image": "/data/local-files/?d=ds/a.png"}, "predictions": []}
    for content in (
        {**task, "completions": [completion, skipped]},
        [{**task, "completions": [completion, skipped]}],
        {"image": "/data/local-files/?d=ds/a.png", "completions": [completion, skipped]},
        {**task, "annotations": [], "completions": [completion, skipped]},
    ):
        ((record, other), left) = read(content)
        assert left == []
        assert record.labels == (("kind", "cat"),) and record.ground_truth
        assert (record.annotation, record.moment) == (3001, 1598265300)
        assert other.cancelled and other.labels == ()


def test_one_annotation_that_says_nothing_readable_leaves_its_neighbours() -> None:
    task = PLAIN["task"]
    bad = changed(said({"choices": [{"text": "cat"}]}))
    records, left = read({**task, "annotations": [PLAIN, bad, {**PLAIN, "id": 9}]})
    assert [record.annotation for record in records] == [7, 9]
    assert left == ["a class that is no text"]
    (batch,) = read_tasks([{**task, "annotations": [PLAIN, bad]}], Interpreter(CONFIG, IMAGES))
    assert [one.name for one in batch.unreadable] == ["task 3, annotation 2"]
    assert [record.annotation for record in batch.records] == [7]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"images": [], "annotations": [{"id": 1, "bbox": []}], "categories": []}, "COCO"),
        ([{"id": 1, "image": "a.png", "kind": "cat", "annotator": 1, "annotation_id": 2}], "MIN"),
        ({"id": 1, "image": "a.png", "kind": "cat"}, "MIN"),
        (changed(said({"text": ["x"], "taxonomy": [["A"]], "rating": 1})), "of which type"),
        ({"id": 1, "data": {"image": "a.png"}}, "without its annotations"),
        ({"id": 1, "data": {"image": "a.png"}, "annotations": [1, 2]}, "only the numbers"),
        ({**PLAIN, "task": 3}, "without its task"),
        ({**PLAIN, "result": None}, "without its result"),
        ({"a": ["cat"]}, "no annotation of Label Studio"),
        ([[PLAIN]], "lists in a list"),
        (b"[" * 3000 + b"]" * 3000, "nested|no annotation|lists in"),
    ],
)
def test_what_is_no_annotation_is_named_as_what_it_is(content: object, reason: str) -> None:
    records, left = read(content)
    assert records == [] and len(left) == 1
    assert any(part in left[0] for part in reason.split("|")), left


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"image,id,kind,annotator,annotation_id\na.png,1,cat,1,1\n", "CSV or TSV"),
        (b"image\tid\tkind\tannotator\tlead_time\n", "CSV or TSV"),
        (b'"annotation_id","image","kind"\n18,"a.png","cat"\n', "CSV or TSV"),
        (json.dumps(PLAIN).encode() + b"\n" + json.dumps(PLAIN).encode(), "JSON Lines"),
        (json.dumps(PLAIN).encode()[:-9], "no whole JSON"),
    ],
)
def test_what_is_no_json_is_named_as_what_it_is(
    workspace: Workspace, content: bytes, reason: str
) -> None:
    (workspace.annotations.path / "export").write_bytes(content)
    for source in ("storage", workspace.annotations.path / "export"):
        with pytest.raises(LabelpilotError, match=reason):
            finish(export_dataset(workspace, source))  # type: ignore[arg-type]


def test_annotations_without_a_number_count_each(
    write: Callable[..., None], annotation: Build, workspace: Workspace, export: Export
) -> None:
    # No server gives the number 0.
    for name, classes, number in (("a", ["N"], None), ("b", ["indoor"], 0), ("c", ["indoor"], 0)):
        one = annotation(1, "ds/x.png", classes)
        one["id"] = number
        one["result"].append(
            {
                "from_name": "box",
                "to_name": "image",
                "type": "rectanglelabels",
                "value": {"x": 1, "y": 1, "width": 9, "height": 9, "rectanglelabels": ["car"]},
                "original_width": 100,
                "original_height": 100,
            }
        )
        one["updated_at"] = f"2026-11-24T06:35:0{ord(name) - 96}Z"
        (workspace.annotations.path / name).write_text(json.dumps(one))
    result = export(rule="majority")
    assert (result.images, result.annotations, len(result.conflicts)) == (1, 3, 1)
    assert result.classes == {"indoor": 1, "car": 1}
    coco = workspace.root / "coco.json"
    export(format="coco", out=coco)
    assert len(json.loads(coco.read_text())["annotations"]) == 1


def test_a_label_that_was_left_out_is_named_the_next_time_too(
    annotation: Build, workspace: Workspace, export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.dataset.reading.cache.UNCERTAIN_NS", -(10**18))
    one, bad = annotation(1, classes=["N"]), annotation(2, classes=["N"])
    bad["result"][0]["value"] = {"choices": [{}]}
    task = {**one["task"], "annotations": [one, bad]}
    (workspace.annotations.path / "1.json").write_text(json.dumps(task))
    for _ in range(2):
        assert [left.name for left in export().unreadable] == ["1.json, annotation 2"]


@pytest.mark.parametrize("kind", ["in the folder", "a file", "another folder"])
def test_an_export_of_label_studio_is_read_where_it_lies_and_where_it_is_named(
    annotation: Build, workspace: Workspace, dataset: Dataset, kind: str, tmp_path: Path
) -> None:
    tasks = [
        {"id": n, "data": one["task"]["data"], "annotations": [one]}
        for n in range(1, 601)
        for one in [annotation(n, f"ds/{n}.png", ["N"])]
    ]
    tasks.append(
        {"id": 601, "data": {"image": "/data/local-files/?d=ds/601.png"}, "annotations": []}
    )
    file = workspace.annotations.path / "project-1-at-2026.json"
    if kind != "in the folder":
        file = tmp_path / "elsewhere" / file.name
        file.parent.mkdir()
    file.write_text(json.dumps(tasks))
    source = {"in the folder": "storage", "a file": file, "another folder": file.parent}[kind]
    result = finish(export_dataset(workspace, source))  # type: ignore[arg-type]
    assert dataset() == {str(n): ["N"] for n in range(1, 601)}
    assert result.unreadable == ()


@pytest.mark.parametrize("content", [None, "{", "no JSON"])
def test_a_source_that_is_missing_or_no_json_is_refused(
    workspace: Workspace, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "export.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigurationError, match=r"no JSON|no folder and no file") as raised:
        finish(export_dataset(workspace, file))
    assert raised.value.next_step
    assert not workspace.annotations.dataset.exists()


FLAT, NESTED = '<Choice value="A/B"/>', '<Choice value="A"><Choice value="B"/></Choice>'


@pytest.mark.parametrize("offered", [FLAT + NESTED, FLAT, NESTED, ""])
@pytest.mark.parametrize("control", ["Taxonomy", "Choices"])
def test_a_choice_with_a_slash_and_a_nested_one_are_two_classes(offered: str, control: str) -> None:
    # What is not offered came from the task's data, or from a config of before.
    config = parse_labeling_config(f"""<View><Image name="image" value="$image"/>
    <{control} name="tree" toName="image" value="$more">{offered}</{control}></View>""")
    kind = control.lower()
    for both, names in (
        ([["A/B"], ["A", "B"]], {"A/B", "A > B"}),
        ([["A/B"]], {"A/B"}),
        ([["A", "B"]], {"A > B" if FLAT in offered else "A/B"}),
    ):
        answer = changed(said({kind: both}, type=kind, from_name="tree"))
        rows, left = rows_of("1", json.dumps(answer).encode(), Interpreter(config, IMAGES))
        assert left == []
        held = rows[0][2]
        assert set(ClassNames(config, [held])[held]) == names
