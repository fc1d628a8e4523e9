"""YOLO: a folder to train on, with the images linked in and a text file of regions for each.

A dataset of upright boxes is written for detection, a line `class x y width height` each. Where
any region has another outline, all are written as outlines, for segmentation: the readers of this
format take a file for either, never for both. Brushes and points have no place in it, and are left
out and counted.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path, PurePosixPath

from core.dataset.dataset import Dataset, DatasetImage
from core.dataset.reading.batch import LeftOut
from core.dataset.reading.regions import Region
from core.errors import ConfigurationError
from core.files import not_written
from core.images import is_inside

_DATA = "data.yaml"
_FIRST_LINE = "# Written by labelpilot; an export writes the whole folder anew.\n"


def write_yolo(path: Path, dataset: Dataset) -> list[LeftOut]:
    """Write the folder `path` anew: `images/`, `labels/` and `data.yaml`.

    Raises ConfigurationError where no image has a region, or where the folder holds something else
    than an export. Images that lie outside the image folder are left out and named.
    """
    _only_ours(path)
    regions = [(image, dataset.regions_of(image)) for image in dataset.images()]
    if not any(found for _, found in regions):
        raise ConfigurationError(
            "The format yolo holds regions, and no image has one.",
            next_step="For classes of whole images: `--format csv`, `parquet` or `huggingface`.",
        )
    outlines = any(not r.is_box for _, found in regions for _, r in found if _has_outline(r))
    left_out: list[LeftOut] = []
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        taken: set[tuple[str | None, str]] = set()
        for image, found in regions:
            label = (image.part, PurePosixPath(image.path).with_suffix(".txt").as_posix())
            if not is_inside(image.path):
                left_out.append(LeftOut(image.path, "outside the image folder"))
            elif label in taken:
                left_out.append(LeftOut(image.path, "another image has its name, but for the end"))
            else:
                taken.add(label)
                left_out.extend(_write_image(aside, image, found, dataset, outlines))
        (aside / _DATA).write_text(_data(path, dataset, outlines), encoding="utf-8")
        aside.chmod(0o755)
        _replace(path, aside)
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return left_out


def _write_image(
    folder: Path,
    image: DatasetImage,
    regions: list[tuple[str, Region]],
    dataset: Dataset,
    outlines: bool,
) -> list[LeftOut]:
    numbers = {name: number for number, name in enumerate(dataset.names.all)}
    part = image.part or "train"
    link = folder / "images" / part / image.path
    text = (folder / "labels" / part / image.path).with_suffix(".txt")
    for file in (link, text):
        file.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(dataset.image_folder / image.path)
    lines = [
        f"{numbers[name]} {_numbers(region, outlines)}\n"
        for name, region in regions
        if _has_outline(region)
    ]
    text.write_text("".join(lines))
    without = len(regions) - len(lines)
    reason = f"{without} brushes or points, which YOLO has no place for"
    return [LeftOut(image.path, reason)] if without else []


def _numbers(region: Region, outlines: bool) -> str:
    """The region's numbers, as shares of the image's width and height."""
    if outlines:
        shares = [(x / region.width, y / region.height) for x, y in region.outline]
        return " ".join(f"{x:.6f} {y:.6f}" for x, y in shares)
    left, top, width, height = region.box
    x, y = (left + width / 2) / region.width, (top + height / 2) / region.height
    return f"{x:.6f} {y:.6f} {width / region.width:.6f} {height / region.height:.6f}"


def _has_outline(region: Region) -> bool:
    return len(region.outline) > 2


def _data(path: Path, dataset: Dataset, outlines: bool) -> str:
    """`data.yaml`; JSON strings are YAML strings."""
    validation = "validation" if dataset.parts else "train"
    names = "".join(f"  {n}: {json.dumps(name)}\n" for n, name in enumerate(dataset.names.all))
    kind = "segment" if outlines else "detect"
    return (
        f"{_FIRST_LINE}# For: yolo {kind} train data={_DATA}\n"
        f"path: {json.dumps(str(path.absolute()))}\n"
        f"train: images/train\nval: images/{validation}\nnames:\n{names}"
    )


def _only_ours(path: Path) -> None:
    """Refuse a folder that was not written by an export."""
    try:
        ours = not os.path.exists(path) or (path / _DATA).read_text().startswith(_FIRST_LINE)
    except (OSError, UnicodeDecodeError):
        ours = os.path.isdir(path) and not any(path.iterdir())
    if not ours:
        raise ConfigurationError(
            f"{path} holds something else than an export, which would be replaced.",
            next_step="Name another folder with `--out`.",
        )


def _replace(path: Path, new: Path) -> None:
    """Put the folder `new` in the place of `path`; a kill in between leaves one of them whole."""
    if os.path.exists(path):
        old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        path.replace(old)
        try:
            new.replace(path)
        except OSError:
            old.replace(path)
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        new.replace(path)
