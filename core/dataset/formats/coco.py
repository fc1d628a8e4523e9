"""COCO: boxes, outlines, masks and points, one file for each part.

Written from the annotations themselves, and not through a converter library: those read images for
sizes that the annotations hold, and have no place for images without regions. Categories stand in
config order and count from 1; ids go by the order of the tags, so that the file is the same each
time. Classes of whole images are no categories: COCO has no place for them, so they stand with the
image, under `classes`, and all of them under `image_classes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from core.dataset.dataset import NO_BACKGROUND, Dataset, DatasetImage
from core.dataset.reading.batch import LeftOut
from core.dataset.reading.regions import Region
from core.dataset.reading.schema import NotReadable
from core.dataset.split import PARTS
from core.files import write_at_once
from core.images import is_inside

# The EXIF tag that says how a picture is turned, and the values for a quarter turn.
_ORIENTATION = 0x0112
_LYING = (5, 6, 7, 8)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def write_coco(path: Path, dataset: Dataset) -> list[LeftOut]:
    """Write `path`, or, where the dataset is split, one file for each part beside it.

    Images whose size neither an annotation nor a file tells are left out and named, and so are
    masks that are damaged.
    """
    left_out: list[LeftOut] = []
    images = list(dataset.images())
    if not dataset.parts:
        write_at_once(path, _coco(images, dataset, left_out))
    for part in PARTS if dataset.parts else ():
        chosen = [image for image in images if image.part == part]
        write_at_once(part_path(path, part), _coco(chosen, dataset, left_out))
    return left_out


def part_path(path: Path, part: str) -> Path:
    """The file of a part: `coco.train.json` for `coco.json`."""
    return path.with_name(f"{path.stem}.{part}{path.suffix}")


def _coco(images: Iterable[DatasetImage], dataset: Dataset, left_out: list[LeftOut]) -> bytes:
    numbers = {name: number for number, name in enumerate(dataset.names.of_regions, start=1)}
    points = set[str]()
    entries: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image in images:
        regions = dataset.regions_of(image)
        if dataset.is_incomplete(image) and not regions:
            left_out.append(LeftOut(image.path, NO_BACKGROUND))
            continue
        size = _size(regions, image.path, dataset)
        if size is None:
            reason = "no region and no file tells the size of this image"
            left_out.append(LeftOut(image.path, reason))
            continue
        number, before = len(entries) + 1, len(annotations)
        for name, region in regions:
            try:
                shape = _shape(region)
            except NotReadable as error:
                left_out.append(LeftOut(image.path, str(error)))
                continue
            if "keypoints" in shape:
                points.add(name)
            common = {"id": len(annotations) + 1, "image_id": number, "category_id": numbers[name]}
            annotations.append({**common, **shape})
        if len(annotations) > before or not regions:
            entry = {"id": number, "file_name": image.path, "width": size[0], "height": size[1]}
            entries.append({**entry, "classes": dataset.image_classes(image)})
    categories: list[dict[str, Any]] = [
        {"id": number, "name": name, "supercategory": ""}
        | ({"keypoints": [name], "skeleton": []} if name in points else {})
        for name, number in numbers.items()
    ]
    of_images = set(dataset.names.of_regions)
    content = {
        "images": entries,
        "annotations": annotations,
        "categories": categories,
        "image_classes": [name for name in dataset.names.all if name not in of_images],
    }
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


def _shape(region: Region) -> dict[str, Any]:
    """The fields of a COCO annotation that say where it is."""
    if region.mask:
        pixels = region.pixels()
        return {"segmentation": run_lengths(pixels), **_extent(pixels), "iscrowd": 0}
    left, top, width, height = region.box
    shape = {"bbox": [left, top, width, height], "area": region.area, "iscrowd": 0}
    if len(region.outline) == 1:
        return {**shape, "segmentation": [], "keypoints": [left, top, 2], "num_keypoints": 1}
    outline = [coordinate for point in region.outline for coordinate in point]
    return {**shape, "segmentation": [outline]}


def run_lengths(pixels: NDArray[np.bool_]) -> dict[str, Any]:
    """COCO's run lengths of a mask (height by width): by columns, the empty ones first."""
    height, width = pixels.shape
    counts = [len(list(run)) for _, run in groupby(pixels.flatten(order="F").tolist())]
    if pixels.flat[0]:
        counts.insert(0, 0)
    return {"size": [height, width], "counts": counts}


def _extent(pixels: NDArray[np.bool_]) -> dict[str, Any]:
    """The area and the box of a mask. Raises NotReadable where it is empty."""
    import numpy as np

    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    if not len(rows):
        raise NotReadable("a brush that covers nothing")
    left, top = int(columns[0]), int(rows[0])
    width, height = int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top
    return {"area": int(pixels.sum()), "bbox": [left, top, width, height]}


def _size(regions: list[tuple[str, Region]], path: str, dataset: Dataset) -> tuple[int, int] | None:
    """Width and height as they are shown: of the regions, which know it, else of the file."""
    if regions:
        return regions[0][1].width, regions[0][1].height
    if not is_inside(path):
        return None
    try:
        from PIL import Image as Picture
    except ImportError:
        return None
    try:
        with Picture.open(dataset.image_folder / path) as picture:
            width, height = picture.size
            # The one of a PNG stands before the pixels, or is not looked for: those are not read.
            turned = "exif" in picture.info and picture.getexif().get(_ORIENTATION) in _LYING
    except (OSError, ValueError, SyntaxError, Picture.DecompressionBombError):
        return None
    return (height, width) if turned else (width, height)
