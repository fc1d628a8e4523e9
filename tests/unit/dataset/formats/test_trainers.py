"""What training code finds in an export: its images, its labels, and nothing that is not so."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from core.dataset.dataset import NO_BACKGROUND
from core.dataset.export import ExportResult
from core.dataset.options import FORMATS
from core.dataset.split import Split
from core.errors import ConfigurationError
from core.workspace.settings import Workspace

Build = Callable[..., dict[str, Any]]
Export = Callable[..., ExportResult]
Write = Callable[..., None]

SQUARE = {"x": 10, "y": 10, "width": 20, "height": 20, "rotation": 0}


def box(name: str | None = "car", **place: float) -> dict[str, Any]:
    """A rectangle in an image of 200 by 100 pixels."""
    value: dict[str, Any] = {**SQUARE, **place}
    if name is not None:
        value["rectanglelabels"] = [name]
    return {
        "from_name": "box",
        "to_name": "image",
        "type": "rectanglelabels",
        "value": value,
        "original_width": 200,
        "original_height": 100,
    }


def choice(name: str) -> dict[str, Any]:
    return {
        "from_name": "multi",
        "to_name": "image",
        "type": "choices",
        "value": {"choices": [name]},
    }


@pytest.fixture
def draw(write: Write, annotation: Build, workspace: Workspace) -> Callable[..., None]:
    """Writes an annotation of each image with its results, and the image."""
    from PIL import Image

    def run(images: dict[str, list[dict[str, Any]]]) -> None:
        for number, (path, results) in enumerate(images.items(), start=1):
            results = [{**result, "id": f"r{place}"} for place, result in enumerate(results)]
            write(annotation(number, f"ds/{path}", result=results))
            file = workspace.images.path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (200, 100)).save(file)

    return run


def label_file(image: Path) -> Path:
    """Where Ultralytics looks for an image's labels: a copy of its `img2label_paths`."""
    images, labels = f"{os.sep}images{os.sep}", f"{os.sep}labels{os.sep}"
    return Path(labels.join(str(image).rsplit(images, 1)).rsplit(".", 1)[0] + ".txt")


def trained_on(yaml_file: Path, part: str = "train") -> dict[str, list[str]]:
    """Name of an image -> the names of its classes, as Ultralytics reads a dataset."""
    data = yaml.safe_load(yaml_file.read_text(encoding="utf-8"))
    folder = Path(data.get("path") or yaml_file.parent) / data[part]
    found = {}
    for image in sorted(folder.rglob("*.*")):
        if image.suffix == ".png":
            assert image.is_file(), "a link that leads nowhere"
            lines = label_file(image).read_text().splitlines()
            name = image.relative_to(folder).as_posix()
            found[name] = [data["names"][int(line.split()[0])] for line in lines]
    return found


@pytest.mark.parametrize(
    "path",
    ["a.png", "sub/a.png", "images/a.png", "x/images/images/b.png", "images/labels/c.d.png"],
)
@pytest.mark.parametrize("out", ["yolo", "my.data/images/yolo"])
def test_yolo_labels_lie_where_trainers_look(
    draw: Callable[..., None], export: Export, tmp_path: Path, path: str, out: str
) -> None:
    draw({path: [box()], "labels/images.png": [box("bus")]})
    export(format="yolo", out=tmp_path / out)
    assert trained_on(tmp_path / out / "data.yaml") == {path: ["car"], "labels/images.png": ["bus"]}


@pytest.mark.parametrize("out", ["yolo", "my.data/images/yolo"])
@pytest.mark.parametrize("task", ["detect", "segment"])
def test_yolo_is_read_by_ultralytics(
    draw: Callable[..., None], export: Export, tmp_path: Path, out: str, task: str
) -> None:
    ultralytics = pytest.importorskip("ultralytics.data.dataset")
    turned = box("bus", x=50, rotation=0 if task == "detect" else 30)
    draw({"images/a.png": [box()], "b c#1.png": [box("bus"), turned], "c.png": []})
    export(format="yolo", out=tmp_path / out)
    utils = pytest.importorskip("ultralytics.data.utils")
    data = utils.check_det_dataset(str(tmp_path / out / "data.yaml"))
    read = ultralytics.YOLODataset(img_path=data["train"], data=data, task=task, augment=False)
    found = {
        Path(one["im_file"]).name: [data["names"][int(number)] for (number,) in one["cls"]]
        for one in read.labels
    }
    assert found == {"a.png": ["car"], "b c#1.png": ["bus", "bus"], "c.png": []}
    (car,) = (one["bboxes"][0] for one in read.labels if one["im_file"].endswith("a.png"))
    assert car.tolist() == pytest.approx([0.2, 0.2, 0.2, 0.2])


def test_yolo_and_coco_detect_the_classes_of_boxes_alone(
    draw: Callable[..., None], export: Export, tmp_path: Path
) -> None:
    draw({"a.png": [box("bus"), choice("N")], "b.png": [choice("indoor")]})
    export(format="yolo", out=tmp_path / "yolo")
    export(format="coco", out=tmp_path / "coco.json")
    detected = ["car", "bus", "road", "sky", "nose", "wheel"]
    data = yaml.safe_load((tmp_path / "yolo/data.yaml").read_text())
    assert list(data["names"].values()) == detected
    assert trained_on(tmp_path / "yolo/data.yaml") == {"a.png": ["bus"], "b.png": []}
    assert json.loads((tmp_path / "yolo/image_classes.json").read_text()) == {
        "images/train/a.png": ["N"],
        "images/train/b.png": ["indoor"],
    }
    coco = json.loads((tmp_path / "coco.json").read_text())
    assert [category["name"] for category in coco["categories"]] == detected
    assert [image["classes"] for image in coco["images"]] == [["N"], ["indoor"]]
    assert set(coco["image_classes"]) >= {"N", "indoor", "1", "5"}
    assert not set(coco["image_classes"]) & set(detected)


def test_regions_of_controls_that_no_config_names_are_classes_to_detect(
    draw: Callable[..., None], export: Export, tmp_path: Path, workspace: Workspace
) -> None:
    workspace.project.label_config.unlink()
    draw({"a.png": [box("bus"), choice("N")]})
    export(format="yolo", out=tmp_path / "yolo")
    data = yaml.safe_load((tmp_path / "yolo/data.yaml").read_text())
    assert data["names"] == {0: "bus"}


@pytest.mark.parametrize(
    ("region", "reason"),
    [
        (box(None), "without a class"),
        ({**box(), "value": {**SQUARE, "rectanglelabels": []}}, "without a class"),
        ({**box(), "type": "rectangle", "value": SQUARE}, "without a class"),
        (box(width=0), "without width or height"),
        (box(height=0.00001), "without width or height"),
        (box(x=100), "without width or height"),
        (box(x=150), "outside its image"),
        (box(y=-20), "without width or height"),
        ({**box(), "original_width": None}, "without the size"),
        (
            {
                **box(),
                "type": "polygonlabels",
                "value": {"points": [[1, 1], [2, 2], [3, 3]], "polygonlabels": ["road"]},
            },
            "without width or height",
        ),
        (
            {
                **box(),
                "type": "keypointlabels",
                "value": {"x": 101, "y": 5, "keypointlabels": ["nose"]},
            },
            "outside its image",
        ),
    ],
)
@pytest.mark.parametrize("format", ["yolo", "coco"])
def test_a_region_that_cannot_be_written_is_counted_and_leaves_no_empty_image(
    draw: Callable[..., None],
    export: Export,
    tmp_path: Path,
    region: dict[str, Any],
    reason: str,
    format: str,
) -> None:
    draw({"a.png": [box()], "bad.png": [region], "both.png": [region, box()], "none.png": []})
    result = export(format=format, out=tmp_path / "out")
    left_out = {one.name: one.reason for one in result.left_out}
    assert left_out.pop("bad.png") == NO_BACKGROUND
    ((name, why),) = left_out.items()
    assert name == "2 regions" and reason in why
    if format == "yolo":
        found = trained_on(tmp_path / "out/data.yaml")
    else:
        coco = json.loads((tmp_path / "out").read_text())
        names = {image["id"]: image["file_name"] for image in coco["images"]}
        found = {name: [] for name in names.values()}
        for one in coco["annotations"]:
            found[names[one["image_id"]]].append("car")
            assert one["bbox"][2] > 0 and one["bbox"][3] > 0
    assert found == {"a.png": ["car"], "both.png": ["car"], "none.png": []}


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    ("turn", "size"), [(1, (40, 20)), (3, (40, 20)), (6, (20, 40)), (8, (20, 40))]
)
def test_an_image_without_a_region_has_the_size_that_is_shown(
    write: Write,
    annotation: Build,
    export: Export,
    workspace: Workspace,
    kind: str,
    turn: int,
    size: tuple[int, int],
) -> None:
    from PIL import Image

    write(annotation(1, "ds/a.png", ["N"]))
    workspace.images.path.mkdir()
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.new("RGB", (40, 20)).save(workspace.images.path / "a.png", kind, exif=exif)
    path = export(format="coco").path
    assert path is not None
    (image,) = json.loads(path.read_text())["images"]
    assert (image["width"], image["height"]) == size


@pytest.mark.parametrize(
    ("group", "share", "words"),
    [("ds|png", 0.2, "into one group"), ("", 0.01, "No image is for validation")],
)
def test_a_part_without_images_is_said_and_not_named(
    draw: Callable[..., None], export: Export, tmp_path: Path, group: str, share: float, words: str
) -> None:
    draw({"a.png": [box()], "b.png": [box()]})
    result = export(format="yolo", out=tmp_path / "yolo", split=Split(share, group=group))
    assert any(words in sentence for sentence in result.differences())
    data = yaml.safe_load((tmp_path / "yolo/data.yaml").read_text())
    named = [data[part] for part in ("train", "val") if part in data]
    assert named and all((tmp_path / "yolo" / folder).is_dir() for folder in named)


@pytest.mark.parametrize(
    "name",
    ["😀 cat", "a\u2028b", "\x85\x7f\ufeff", 'quo"te: #x', "tab\there", "- [x]", "\U0001d49c"],
)
def test_any_class_name_comes_back_from_yaml(
    draw: Callable[..., None], export: Export, tmp_path: Path, name: str
) -> None:
    draw({"a.png": [box(name)]})
    export(format="yolo", out=tmp_path / "yolo")
    assert trained_on(tmp_path / "yolo/data.yaml") == {"a.png": [name]}
    if name.isprintable() and '"' not in name:
        assert name in (tmp_path / "yolo/data.yaml").read_text(encoding="utf-8")


def test_images_that_are_gone_are_named_and_in_no_format_that_names_files(
    draw: Callable[..., None], export: Export, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Asked for one by one, or by their folders' names.
    for few in (1_000, 0):
        monkeypatch.setattr("core.dataset.lost_images._FEW", few)
        draw({"a.png": [box()], "b.png": [box()], "sub/c.png": [box()], "d.png": [box()]})
        for lost in ("b.png", "sub/c.png", "d.png"):
            (workspace.images.path / lost).unlink()
        (workspace.images.path / "d.png").symlink_to("nowhere.png")
        for format in FORMATS:
            result = export(format=format)
            assert result.gone == ("b.png", "d.png", "sub/c.png") and not result.is_whole
            (said,) = [one for one in result.differences() if "b.png" in one]
            assert ("stay in the dataset" in said) == (format == "json")
            assert images_in(Path(str(result.path)), format) == (
                ["a", "b", "c", "d"] if format == "json" else ["a.png"]
            )
        (workspace.images.path / "d.png").unlink()


@pytest.mark.parametrize("format", ["json", "csv", "coco"])
def test_where_no_image_has_a_file_they_lie_elsewhere_and_that_is_said(
    draw: Callable[..., None], export: Export, workspace: Workspace, format: str
) -> None:
    draw({"a.png": [box()], "b.png": [box()]})
    for lost in ("a.png", "b.png"):
        (workspace.images.path / lost).unlink()
    result = export(format=format)
    assert result.is_whole and result.images == len(images_in(Path(str(result.path)), format)) == 2
    assert any("No labeled image has a file" in said for said in result.differences())


def images_in(export: Path, format: str) -> list[str]:
    """The images that an export has: of dataset.json their tags."""
    if format == "yolo":
        return list(trained_on(export / "data.yaml"))
    if format == "huggingface":
        return [row["file_name"] for row in rows(export)]
    if format == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        names: list[str] = parquet.read_table(export).column("image").to_pylist()
        return names
    if format == "csv":
        with export.open(newline="") as file:
            return [row["image"] for row in csv.DictReader(file)]
    content = json.loads(export.read_text())
    return [image["file_name"] for image in content["images"]] if format == "coco" else [*content]


def test_a_yolo_folder_without_an_image_is_not_written(
    draw: Callable[..., None], export: Export, workspace: Workspace, tmp_path: Path
) -> None:
    draw({"a.png": [box()]})
    (workspace.images.path / "a.png").unlink()
    with pytest.raises(ConfigurationError, match="No image can be written"):
        export(format="yolo", out=tmp_path / "yolo")
    assert not (tmp_path / "yolo").exists() and not list(tmp_path.glob(".yolo*"))


def rows(metadata: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in metadata.read_text().splitlines()]
    for row in found:
        assert not row["file_name"].startswith(("..", "/", "./"))
        assert (metadata.parent / row["file_name"]).is_file()
    return found


def test_a_workspace_that_was_moved_has_links_that_lead_to_its_images(
    draw: Callable[..., None], export: Export, workspace: Workspace
) -> None:
    draw({"a.png": [box()], "sub/b.png": [box("bus")]})
    path = export(format="yolo").path
    assert path is not None
    moved = workspace.root.with_name("moved")
    shutil.move(workspace.root, moved)
    found = trained_on(moved / path.relative_to(workspace.root) / "data.yaml")
    assert found == {"a.png": ["car"], "sub/b.png": ["bus"]}


@pytest.mark.parametrize("place", ["ds/metadata.jsonl", "metadata.jsonl", "other/metadata.jsonl"])
def test_hugging_face_metadata_loads_wherever_it_lies(
    draw: Callable[..., None], export: Export, workspace: Workspace, place: str
) -> None:
    draw({"a.png": [choice("N")], "sub/b.png": []})
    for _ in range(2):
        export(format="huggingface", out=workspace.root / place)
    found = rows(workspace.root / place)
    assert [row["labels"] for row in found] == [["N"], []]
    datasets = pytest.importorskip("datasets")
    loaded = datasets.load_dataset(
        "imagefolder", data_dir=str((workspace.root / place).parent), cache_dir=workspace.root / "c"
    )
    assert sorted(loaded["train"]["labels"]) == [[], ["N"]]


def test_hugging_face_links_replace_nothing(
    draw: Callable[..., None], export: Export, tmp_path: Path
) -> None:
    draw({"a.png": [choice("N")]})
    (tmp_path / "other/images").mkdir(parents=True)
    (tmp_path / "other/images/a.png").write_text("mine")
    with pytest.raises(ConfigurationError, match="there already"):
        export(format="huggingface", out=tmp_path / "other/metadata.jsonl")
    assert (tmp_path / "other/images/a.png").read_text() == "mine"
    assert not (tmp_path / "other/metadata.jsonl").exists()
