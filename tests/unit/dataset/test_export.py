"""The export: whole, stable, and honest about what it left out."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from core.dataset.dataset import sidecar_path
from core.dataset.export import ExportResult, export_dataset, preview_dataset
from core.dataset.source import FolderSource, TaskSource
from core.errors import ConfigurationError, LabelpilotError
from core.progress import Progress, finish
from core.workspace.settings import Workspace

Build = Callable[..., dict[str, Any]]
Export = Callable[..., ExportResult]
Write = Callable[..., None]
Dataset = Callable[[], dict[str, list[str]]]


def test_the_dataset_says_which_classes_each_tag_has(
    write: Write, annotation: Build, export: Export, dataset: Dataset
) -> None:
    write(
        annotation(1, "ds/b.png", ["blurry", "indoor"]),
        annotation(2, "ds/a.png", ["N"]),
        annotation(3, "ds/c.png"),
    )
    result = export()
    assert dataset() == {"a": ["N"], "b": ["indoor", "blurry"], "c": []}
    assert list(dataset()) == ["a", "b", "c"]
    assert result.as_json() == {
        "path": str(result.path),
        "images": 3,
        "classes": {"indoor": 1, "N": 1, "blurry": 1},
        "skipped": 0,
        "unreadable": 0,
        "conflicts": 0,
        "left_out": 0,
        "gone": 0,
        "seconds": result.as_json()["seconds"],
    }
    assert result.empty == 1
    assert "cat" in result.unused


def test_a_second_export_is_the_same_byte_for_byte(
    write: Write, annotation: Build, export: Export, workspace: Workspace
) -> None:
    write(*(annotation(number, f"ds/{number}.png", ["N"]) for number in range(50)))
    export()
    first = workspace.annotations.dataset.read_bytes()
    export()
    assert workspace.annotations.dataset.read_bytes() == first


def test_a_dataset_written_in_parts_is_what_orjson_writes_whole(
    write: Write,
    annotation: Build,
    export: Export,
    dataset: Dataset,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.dataset.formats.dataset_json.TAGS_AT_ONCE", 3)
    write(*(annotation(n, f"ds/{n} é.png", ["N", "blurry"][: n % 3]) for n in range(10)))
    export()
    options = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_SORT_KEYS
    assert workspace.annotations.dataset.read_bytes() == orjson.dumps(dataset(), option=options)


def test_half_written_and_foreign_files_are_named_and_left_out(
    write: Write, annotation: Build, export: Export, dataset: Dataset, workspace: Workspace
) -> None:
    folder = workspace.annotations.path
    write(annotation(1, "ds/a.png", ["N"]))
    (folder / "2").write_text(json.dumps(annotation(2, "ds/b.png", ["N"]))[:-30])
    (folder / "deep").write_text("[" * 10_000)
    (folder / "deep2").write_text('{"id": 1, "x": ' + "[" * 10_000 + "]" * 10_000 + "}")
    (folder / "notes.txt").write_text("hello")
    (folder / "empty").write_text("")
    (folder / "other.json").write_text('{"a": "dataset"}')
    (folder / "binary").write_bytes(b"\x89PNG\r\n\xff")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    (folder / ".gitkeep").write_text("")
    result = export()
    assert dataset() == {"a": ["N"]}
    assert {left_out.name for left_out in result.unreadable} == {
        *("2", "deep", "deep2", "notes.txt", "empty", "other.json", "binary", "folder", "pipe")
    }
    assert result.as_json()["unreadable"] == len(result.unreadable)


def test_a_file_that_is_too_large_is_named(
    write: Write,
    annotation: Build,
    export: Export,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.dataset.reading.folder.LARGEST_FILE", 100_000)
    write(annotation(1, "ds/a.png", ["N"]))
    (workspace.annotations.path / "2").write_text(" " * 200_000)
    (left_out,) = export().unreadable
    assert left_out.name == "2" and "larger" in left_out.reason


def test_both_shapes_of_file_may_lie_in_one_folder(
    samples: Path, export: Export, dataset: Dataset, workspace: Workspace
) -> None:
    for name in (
        "def_choices_multi",
        "def_choices_single",
        "fut_taxonomy",
        "fut_skipped_api_field",
    ):
        (workspace.annotations.path / name).write_bytes((samples / f"{name}.json").read_bytes())
    result = export()
    assert dataset() == {
        "a.b.c": ["cat"],
        "cat 1": ["indoor", "N"],
        "dog#2": ["Animal/Cat/Siamese", "Plant"],
    }
    assert (result.skipped, result.unreadable) == (1, ())


def test_three_annotations_on_one_image_are_settled_by_the_rule(
    samples: Path, export: Export, dataset: Dataset, workspace: Workspace
) -> None:
    for name in ("A", "B_second", "C_third_skipped"):
        (workspace.annotations.path / name).write_bytes(
            (samples / f"def_several_{name}.json").read_bytes()
        )
    result = export()
    assert dataset() == {"img_05": ["dog"]}
    assert (result.conflicts, result.skipped) == (("img_05",), 1)
    export(rule="union")
    assert dataset() == {"img_05": ["dog", "cat"]}
    before = workspace.annotations.dataset.read_bytes()
    with pytest.raises(LabelpilotError, match="img_05"):
        export(rule="refuse")
    assert workspace.annotations.dataset.read_bytes() == before


def test_the_file_of_a_deleted_annotation_is_found_out_by_the_ids(
    samples: Path, export: Export, dataset: Dataset, workspace: Workspace
) -> None:
    for name in ("OLD_ORPHAN", "new"):
        (workspace.annotations.path / name).write_bytes(
            (samples / f"def_deleted_recreated_{name}.json").read_bytes()
        )
    unchecked = export(rule="union")
    assert dataset() == {"img_09": ["dog", "cat"]}
    assert unchecked.unchecked == 2
    checked = export(rule="union", live={15, 99})
    assert dataset() == {"img_09": ["dog"]}
    assert (checked.deleted, checked.missing) == (1, (99,))
    assert checked.unchecked == 0


def test_a_dataset_inside_the_annotations_folder_is_not_read_as_an_annotation(
    write: Write, annotation: Build, export: Export, workspace: Workspace
) -> None:
    write(annotation(1, "ds/a.png", ["N"]))
    inside = workspace.annotations.path / "dataset.json"
    export(out=inside)
    assert export(out=inside).unreadable == ()


def test_tasks_from_the_api_make_the_same_dataset(
    annotation: Build, write: Write, export: Export, workspace: Workspace
) -> None:
    annotations = [annotation(number, f"ds/{number}.png", ["N"]) for number in range(3)]
    write(*annotations)
    export()
    from_folder = workspace.annotations.dataset.read_bytes()
    tasks: list[dict[str, Any]] = [
        {"id": one["task"]["id"], "data": one["task"]["data"], "annotations": [one]}
        for one in annotations
    ]
    result = finish(export_dataset(workspace, TaskSource(iter(tasks), total=3)))
    assert workspace.annotations.dataset.read_bytes() == from_folder
    assert result.unchecked == 0


def test_a_missing_folder_is_an_error_and_changes_nothing(
    workspace: Workspace, export: Export
) -> None:
    workspace.annotations.dataset.write_text("old")
    workspace.annotations.path.rmdir()
    with pytest.raises(ConfigurationError, match="annotations"):
        export()
    assert workspace.annotations.dataset.read_text() == "old"


@pytest.mark.parametrize("skipped", [False, True], ids=["nothing there", "all skipped"])
def test_where_nothing_is_labeled_the_old_dataset_stays(
    workspace: Workspace, export: Export, write: Write, annotation: Build, skipped: bool
) -> None:
    workspace.annotations.dataset.write_text("old")
    if skipped:
        write(annotation(1, classes=["N"], was_cancelled=True))
    with pytest.raises(LabelpilotError, match="no annotation") as raised:
        export()
    assert raised.value.next_step
    assert ("skipped" in raised.value.cause) == skipped
    assert workspace.annotations.dataset.read_text() == "old"
    assert not sidecar_path(workspace.annotations.dataset).exists()


@pytest.mark.parametrize("options", [{"format": "xlsx"}, {"rule": "best"}, {"label_config": "<a"}])
def test_an_unusable_option_is_an_error_before_anything_is_read(
    options: dict[str, Any], export: Export, write: Write, annotation: Build, workspace: Workspace
) -> None:
    write(annotation(1, classes=["N"]))
    with pytest.raises(ConfigurationError):
        export(**options)
    assert not workspace.annotations.dataset.exists()


def test_a_preview_says_the_same_and_writes_nothing(
    write: Write, annotation: Build, export: Export, workspace: Workspace
) -> None:
    write(annotation(1, "ds/a.png", ["N"]), annotation(2, "ds/b.png", was_cancelled=True))
    source = FolderSource(workspace.annotations.path)
    seen = finish(preview_dataset(workspace, source)).as_json()
    assert not workspace.annotations.dataset.exists()
    assert seen.pop("path") is None
    written = export().as_json()
    assert {key: written[key] for key in seen if key != "seconds"} == {
        key: value for key, value in seen.items() if key != "seconds"
    }


def test_the_file_beside_the_dataset_tells_how_it_was_made(
    write: Write, annotation: Build, export: Export, workspace: Workspace
) -> None:
    write(annotation(1, "ds/a.png", ["N"]))
    (workspace.annotations.path / "x").write_text("x")
    export(rule="majority")
    dataset = workspace.annotations.dataset
    facts = json.loads(sidecar_path(dataset).read_text())
    assert facts["sha256"] == hashlib.sha256(dataset.read_bytes()).hexdigest()
    assert facts["rule"] == "majority" and facts["source"] == "annotations"
    assert facts["unreadable"][0].startswith("x: ")
    assert facts["images"] == 1


def test_progress_counts_the_files_and_closing_stops_the_export(
    write: Write, annotation: Build, workspace: Workspace
) -> None:
    write(*(annotation(number, f"ds/{number}.png", ["N"]) for number in range(1200)))
    work = export_dataset(workspace, FolderSource(workspace.annotations.path))
    events = [next(work) for _ in range(2)]
    assert events == [Progress("read"), Progress("read", 240, 1200)]
    work.close()
    assert not workspace.annotations.dataset.exists()
