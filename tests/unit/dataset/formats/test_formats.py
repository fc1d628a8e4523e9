"""The other formats, read back by readers that are not ours where there is one."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.dataset.export import ExportResult
from core.dataset.formats.coco import part_path
from core.dataset.reading.regions import Region, regions_of, unpack_mask
from core.dataset.reading.schema import RegionResult, RegionValue
from core.dataset.split import Split
from core.errors import ConfigurationError
from core.workspace.settings import Workspace

Build = Callable[..., dict[str, Any]]
Export = Callable[..., ExportResult]
Write = Callable[..., None]
Copy = Callable[..., None]

# 30 by 40 percent of 200 by 100 pixels, at 10 and 20 percent.
BOX = [20.0, 20.0, 60.0, 40.0]


@pytest.fixture
def copy(samples: Path, workspace: Workspace) -> Copy:
    """Copies real files into the annotations folder."""

    def run(*names: str) -> None:
        for name in names:
            content = (samples / f"{name}.json").read_bytes()
            (workspace.annotations.path / name).write_bytes(content)

    return run


@pytest.fixture
def labeled(write: Write, annotation: Build) -> None:
    write(
        annotation(1, "ds/b, 1.png", ["blurry", "indoor"]),
        annotation(2, "ds/a.png", ["N"]),
        annotation(3, "ds/c.png"),
    )


def picture(file: Path) -> None:
    from PIL import Image

    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (200, 100)).save(file)


@pytest.mark.usefixtures("labeled")
def test_csv_has_a_row_for_each_image_and_a_column_for_each_class(export: Export) -> None:
    path = export(format="csv").path
    assert path is not None and path.name == "dataset.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["tag"] for row in rows] == ["a", "b, 1", "c"]
    assert rows[1]["image"] == "b, 1.png"
    assert [rows[1][name] for name in ("indoor", "N", "blurry", "cat")] == ["1", "0", "1", "0"]


def test_no_cell_of_a_csv_is_a_formula_and_each_is_read_back_as_it_was(
    write: Write, annotation: Build, export: Export
) -> None:
    tags = ["=1+1", "+1", "-cmd", "@SUM(A1)", "\tx", "'quoted", "\uff1d1", "plain =1"]
    tags.sort()
    write(*(annotation(n, f"ds/{tag}.png", ["=cat"]) for n, tag in enumerate(tags, 1)))
    path = export(format="csv").path
    assert path is not None
    with path.open(newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    cells = [*head, *(cell for row in rows for cell in row)]
    assert not [cell for cell in cells if cell[0] in "=+-@\t\r\n\uff1d"]
    as_it_was = [[cell.removeprefix("'") for cell in row] for row in rows]
    assert sorted(row[0] for row in as_it_was) == tags
    assert sorted(row[1] for row in as_it_was) == sorted(f"{tag}.png" for tag in tags)
    assert "=cat" in [cell.removeprefix("'") for cell in head]


@pytest.mark.usefixtures("labeled")
def test_parquet_holds_the_classes_as_lists(export: Export) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = export(format="parquet", split=Split()).path
    rows = parquet.read_table(path).to_pylist()
    assert [row["classes"] for row in rows] == [["N"], ["indoor", "blurry"], []]
    assert {row["split"] for row in rows} <= {"train", "validation"}


@pytest.mark.usefixtures("labeled")
def test_hugging_face_metadata_lies_with_the_images(export: Export, workspace: Workspace) -> None:
    path = export(format="huggingface").path
    assert path == workspace.images.path / "metadata.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows[1] == {"file_name": "b, 1.png", "labels": ["indoor", "blurry"]}


@pytest.mark.usefixtures("labeled")
def test_the_parts_are_the_same_in_every_format(export: Export, workspace: Workspace) -> None:
    export(split=Split(0.34))
    split = json.loads(workspace.annotations.dataset.with_name("dataset.split.json").read_text())
    export(format="csv", split=Split(0.34))
    with workspace.annotations.dataset.with_suffix(".csv").open(newline="") as file:
        of_csv = {row["tag"]: row["split"] for row in csv.DictReader(file)}
    assert of_csv == {tag: part for part, tags in split.items() for tag in tags}
    assert set(of_csv.values()) == {"train", "validation"}


def test_coco_is_read_by_pycocotools(copy: Copy, export: Export, workspace: Workspace) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    copy(*(f"def_{n}" for n in ("rectangle", "rectangle_rotated", "polygon", "brush_rle")))
    copy(*(f"def_{n}" for n in ("keypoint", "ellipse", "choices_single")))
    for name in ("a.b.c.jpg", *(f"img_0{number}.png" for number in range(6))):
        picture(workspace.images.path / name)
    result = export(format="coco")
    assert result.left_out == ()
    read = coco.COCO(str(result.path))
    by_class = {
        read.cats[annotation["category_id"]]["name"]: annotation
        for annotation in read.anns.values()
    }
    assert set(by_class) == {"car", "bus", "road", "sky", "nose", "wheel"}
    assert by_class["car"]["bbox"] == BOX
    assert read.annToMask(by_class["car"])[20:60, 20:80].all()
    assert read.annToMask(by_class["car"]).sum() == 60 * 40
    # Turned by 30 degrees on an image that is not square: the area stays.
    assert by_class["bus"]["area"] == pytest.approx(60 * 20)
    assert by_class["wheel"]["area"] == pytest.approx(math.pi * 20 * 20, rel=0.002)
    assert read.annToMask(by_class["sky"]).sum() == by_class["sky"]["area"] > 0
    assert by_class["nose"]["keypoints"] == [66.0, 44.0, 2]
    assert {image["file_name"] for image in read.imgs.values()} == {
        *(f"img_0{number}.png" for number in range(6)),
        "a.b.c.jpg",
    }


def test_an_image_whose_size_nobody_knows_is_named(copy: Copy, export: Export) -> None:
    copy("def_rectangle", "def_choices_single")
    (left_out,) = export(format="coco").left_out
    assert left_out.name == "a.b.c.jpg"


def test_coco_has_a_file_for_each_part(copy: Copy, export: Export) -> None:
    copy("def_rectangle", "def_polygon")
    path = export(format="coco", split=Split(0.5)).path
    assert path is not None
    parts = [json.loads(part_path(path, part).read_text()) for part in ("train", "validation")]
    assert [len(part["images"]) for part in parts] == [1, 1]
    assert parts[0]["categories"] == parts[1]["categories"]


def test_yolo_boxes_are_read_by_supervision(
    copy: Copy, export: Export, workspace: Workspace
) -> None:
    supervision = pytest.importorskip("supervision")
    copy("def_rectangle", "def_empty_result")
    picture(workspace.images.path / "img_00.png")
    picture(workspace.images.path / "img_01.png")
    path = export(format="yolo").path
    assert path is not None
    read = supervision.DetectionDataset.from_yolo(
        images_directory_path=str(path / "images/train"),
        annotations_directory_path=str(path / "labels/train"),
        data_yaml_path=str(path / "data.yaml"),
    )
    found = {Path(name).name: detections for name, _, detections in read}
    assert len(found["img_01.png"]) == 0
    (box,) = found["img_00.png"].xyxy
    assert box.tolist() == pytest.approx([20, 20, 80, 60])
    assert read.classes[found["img_00.png"].class_id[0]] == "car"


def test_yolo_writes_outlines_for_all_where_one_region_is_no_box(
    copy: Copy, export: Export
) -> None:
    copy("def_rectangle", "def_polygon", "def_keypoint")
    result = export(format="yolo", split=Split(0.5))
    assert result.path is not None
    lines = {file.stem: file.read_text() for file in result.path.glob("labels/*/*.txt")}
    numbers = [float(number) for number in lines["img_00"].split()[1:]]
    assert numbers == pytest.approx([0.1, 0.2, 0.4, 0.2, 0.4, 0.6, 0.1, 0.6])
    # What shows something that cannot be written is no image that shows nothing.
    assert lines.keys() == {"img_00", "img_02"}
    assert [left_out.name for left_out in result.left_out] == ["img_04.png"]
    assert "segment" in (result.path / "data.yaml").read_text()


def test_yolo_replaces_an_export_and_nothing_else(
    copy: Copy, export: Export, tmp_path: Path
) -> None:
    copy("def_rectangle")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="something else"):
        export(format="yolo", out=mine)
    assert (mine / "thesis.txt").exists()
    export(format="yolo", out=tmp_path / "yolo")
    copy("def_polygon")
    export(format="yolo", out=tmp_path / "yolo")
    assert len(list((tmp_path / "yolo").glob("labels/*/*"))) == 2
    assert not list(tmp_path.glob(".yolo*"))


@pytest.mark.usefixtures("labeled")
def test_yolo_without_regions_is_an_error_that_names_other_formats(export: Export) -> None:
    with pytest.raises(ConfigurationError, match="no image has one"):
        export(format="yolo")


@pytest.mark.usefixtures("labeled")
@pytest.mark.parametrize("rule", ["union", "majority"])
def test_regions_of_several_people_are_not_merged(export: Export, rule: str) -> None:
    with pytest.raises(ConfigurationError, match="merged"):
        export(format="coco", rule=rule)


def region(**value: Any) -> Region:
    result = RegionResult(
        from_name="box", value=RegionValue(**value), original_width=200, original_height=100
    )
    (found,) = regions_of(result, ["car"])
    return found


def test_a_rectangle_turns_about_its_top_left_corner_in_pixels() -> None:
    turned = region(x=50, y=20, width=20, height=30, rotation=90)
    assert not turned.is_box
    for found, expected in zip(
        turned.outline, [(100, 20), (100, 60), (70, 60), (70, 20)], strict=True
    ):
        assert found == pytest.approx(expected)


def test_a_box_past_the_edge_is_cut_at_it() -> None:
    assert region(x=90, y=-10, width=50, height=30, rotation=0).box == (180, 0, 20, 20)


def test_a_mask_is_unpacked_run_by_run() -> None:
    # Written by hand from the packing's description: 1 pixel, 8 bits a value, run counts of 3 bits.
    bits = f"{4:032b}" + f"{7:05b}" + f"{2:04b}" * 4 + "1" + "00" + f"{3:03b}" + f"{255:08b}"
    bits += "0" * (-len(bits) % 8)
    packed = [int(bits[start : start + 8], 2) for start in range(0, len(bits), 8)]
    assert unpack_mask(packed, 1, 1).tolist() == [[True]]


def test_a_mask_is_the_one_that_the_converter_of_label_studio_finds(samples: Path) -> None:
    brush = pytest.importorskip("label_studio_sdk.converter.brush")
    result = json.loads((samples / "UI_real_6174.json").read_bytes())["annotations"][0]["result"][1]
    theirs = np.reshape(brush.decode_rle(result["value"]["rle"]), (100, 200, 4))[:, :, 3] > 0
    ours = unpack_mask(result["value"]["rle"], 200, 100)
    assert ours.any() and (ours == theirs).all()


@pytest.mark.parametrize("damage", ["cut", "size"])
def test_a_damaged_mask_is_counted_and_the_rest_is_written(
    samples: Path, export: Export, workspace: Workspace, copy: Copy, damage: str
) -> None:
    copy("def_rectangle")
    broken = json.loads((samples / "def_brush_rle.json").read_bytes())
    rle = broken["result"][0]["value"]["rle"]
    broken["result"][0]["value"]["rle"] = rle[:20] if damage == "cut" else [255, 255, *rle[2:]]
    (workspace.annotations.path / "broken").write_text(json.dumps(broken))
    result = export(format="coco")
    assert [left_out.name for left_out in result.left_out] == ["img_03.png"]
    assert len(json.loads(Path(str(result.path)).read_text())["annotations"]) == 1
