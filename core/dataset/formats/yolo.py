"""YOLO: a folder to train on, with the images linked in and a text file of regions for each.

A dataset of upright boxes is written for detection, a line `class x y width height` each. Where
any region has another outline, all are written as outlines, for segmentation: the readers of this
format take a file for either, never for both. Brushes and points have no place in it, and are left
out and counted. Classes of whole images have none either, and get a file of their own.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import orjson

from core.asides import aside_folder
from core.dataset.dataset import NO_BACKGROUND, Dataset, DatasetImage
from core.dataset.reading.batch import LeftOut
from core.dataset.reading.regions import Region
from core.dataset.split import Part
from core.errors import ConfigurationError
from core.files import not_written
from core.images import is_inside

_DATA = "data.yaml"
_IMAGE_CLASSES = "image_classes.json"
# Control characters, line ends that are none in JSON, and a byte order mark.
_NOT_PRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_FIRST_LINE = "# Written by labelpilot; an export writes the whole folder anew.\n"


def write_yolo(path: Path, dataset: Dataset) -> list[LeftOut]:
    """Write the folder `path` anew: `images/`, `labels/` and `data.yaml`.

    Raises ConfigurationError where no image has a region, or where the folder holds something else
    than an export. Images that lie outside the image folder, that are gone from it, or of whose
    regions none can be written are left out and named.
    """
    _only_ours(path)
    regions = [(image, dataset.regions_of(image)) for image in dataset.images()]
    if regions and not any(found for _, found in regions):
        raise ConfigurationError(
            "The format yolo holds regions, and no image has one.",
            next_step="For classes of whole images: `--format csv`, `parquet` or `huggingface`.",
        )
    outlines = any(not r.is_box for _, found in regions for _, r in found if _has_outline(r))
    left_out: list[LeftOut] = []
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with aside_folder(path) as aside:
            folder = _Folder(aside, Path(os.path.realpath(path)), dataset, outlines)
            for image, found in regions:
                left_out += folder.add(image, found)
            if folder.is_empty:
                raise ConfigurationError(
                    "No image can be written, so that nothing was.",
                    cause=f"{left_out[0].name}: {left_out[0].reason}."
                    if left_out
                    else "All are gone.",
                    next_step="`labelpilot report` names what is wrong with each.",
                )
            (aside / _DATA).write_text(folder.data(), encoding="utf-8")
            if folder.image_classes:
                content = orjson.dumps(folder.image_classes, option=orjson.OPT_INDENT_2)
                (aside / _IMAGE_CLASSES).write_bytes(content)
            aside.chmod(0o755)
            _replace(path, aside)
    except OSError as error:
        raise not_written(path, error) from error
    return left_out


class _Folder:
    """The folder `aside`, which will be the folder `target`, while images are added to it.

    `image_classes` are the classes of whole images: path in the folder -> classes.
    """

    def __init__(self, aside: Path, target: Path, dataset: Dataset, outlines: bool) -> None:
        self.image_classes: dict[str, list[str]] = {}
        self._aside = aside
        self._target = target
        self._dataset = dataset
        self._outlines = outlines
        self._numbers = {name: n for n, name in enumerate(dataset.names.of_regions)}
        self._taken: set[str] = set()
        self._parts: set[Part] = set()

    @property
    def is_empty(self) -> bool:
        """Whether no image was added yet."""
        return not self._taken

    def add(self, image: DatasetImage, regions: list[tuple[str, Region]]) -> list[LeftOut]:
        """Link `image` in and write its regions; says what was left out of it."""
        part: Part = image.part or "train"
        place = f"images/{part}/{image.path}"
        lines = [
            f"{self._numbers[name]} {_numbers(region, self._outlines)}\n"
            for name, region in regions
            if _has_outline(region)
        ]
        without = len(regions) - len(lines)
        reason = f"{without} brushes or points, which YOLO has no place for" if without else ""
        if not is_inside(image.path):
            return [LeftOut(image.path, "outside the image folder")]
        if label_place(place) in self._taken:
            return [LeftOut(image.path, "another image has its name, but for the end")]
        if not lines and (regions or self._dataset.is_incomplete(image)):
            return [LeftOut(image.path, reason or NO_BACKGROUND)]
        self._taken.add(label_place(place))
        self._parts.add(part)
        link, text = self._aside / place, self._aside / label_place(place)
        for file in (link, text):
            file.parent.mkdir(parents=True, exist_ok=True)
        # From where the link will lie: it holds wherever both folders are moved together.
        source = os.path.realpath(self._dataset.image_folder)
        start = (self._target / place).parent
        link.symlink_to(os.path.relpath(os.path.join(source, image.path), start))
        text.write_text("".join(lines))
        if classes := self._dataset.image_classes(image):
            self.image_classes[place] = classes
        return [LeftOut(image.path, reason)] if reason else []

    def data(self) -> str:
        """`data.yaml`, which names what is there. Without a path of its own, that is beside it."""
        kind = "segment" if self._outlines else "detect"
        lines = [f"{_FIRST_LINE}# For: yolo {kind} train data={_DATA}"]
        validation: Part = "validation" if self._dataset.parts else "train"
        lines += [f"train: images/{part}" for part in self._parts if part == "train"]
        lines += [f"val: images/{part}" for part in self._parts if part == validation]
        lines += ["names:"] if self._numbers else ["names: {}"]
        lines += [f"  {number}: {yaml_text(name)}" for name, number in self._numbers.items()]
        return "\n".join(lines) + "\n"


def label_place(place: str) -> str:
    """Where trainers look for the regions of an image at `place`, a path in the folder.

    Ultralytics' own rule: the last folder called `images` in the image's path is called `labels`.
    """
    before, _, after = f"/{place}".rpartition("/images/")
    name, dot, _ = after.rpartition(".")
    stem = name if dot and "/" not in after[len(name) :] else after
    return f"{before}/labels/{stem}.txt".lstrip("/")


def yaml_text(text: str) -> str:
    """`text` as YAML holds it in quotes: as it is, but for what YAML calls not printable."""
    quoted = json.dumps(text, ensure_ascii=False)
    return _NOT_PRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


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
    if not os.path.exists(path):
        new.replace(path)
        return
    with aside_folder(path) as old:
        before = path.replace(old / path.name)
        try:
            new.replace(path)
        except OSError:
            before.replace(path)
            raise
