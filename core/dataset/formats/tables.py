"""Tables of images: CSV, Parquet, and the `metadata.jsonl` of a Hugging Face image folder."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from core.dataset.dataset import Dataset, DatasetImage
from core.dataset.reading.batch import LeftOut
from core.errors import ConfigurationError
from core.extras import install_extra
from core.files import written_at_once
from core.images import is_inside

_ROWS = 20_000
# The folder of links beside a metadata.jsonl that does not lie with the images.
_LINKS = "images"
# How a formula begins, in full width too; white space before it is dropped. And our own mark.
_FORMULAS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20'")


def write_csv(path: Path, dataset: Dataset) -> list[LeftOut]:
    """One row for each image: tag, image, part if split, then 1 or 0 for each class in order.

    A text that a spreadsheet would take for a formula gets a `'` before it, and so does one that
    begins with `'`: who takes one away where there is one has each text as it was.
    """
    names = dataset.names.all
    with written_at_once(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["tag", "image", *(["split"] if dataset.parts else []), *map(_text, names)])
        for image in dataset.images():
            part = [image.part] if dataset.parts else []
            has = set(image.classes)
            ones = [int(name in has) for name in names]
            rows.writerow([_text(image.tag), _text(image.path), *part, *ones])
        text.detach()
    return []


def write_parquet(path: Path, dataset: Dataset) -> list[LeftOut]:
    """One row for each image: tag, image, classes (a list), and split if there is one.

    Raises ConfigurationError where pyarrow is not installed.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise ConfigurationError(
            "Parquet files need pyarrow, which is not installed.",
            next_step=f"Install it: `{install_extra('tables')}`.",
        ) from None
    fields = [("tag", arrow.string()), ("image", arrow.string())]
    fields.append(("classes", arrow.list_(arrow.string())))
    if dataset.parts:
        fields.append(("split", arrow.string()))
    schema = arrow.schema(fields)
    images = dataset.images()
    with written_at_once(path) as file:
        writer = parquet.ParquetWriter(file, schema)  # type: ignore[no-untyped-call]
        with writer as rows:
            while chunk := [_row(image, dataset) for image in islice(images, _ROWS)]:
                rows.write_table(arrow.Table.from_pylist(chunk, schema))
    return []


def write_huggingface(path: Path, dataset: Dataset) -> list[LeftOut]:
    """The `metadata.jsonl` of an image folder: the file's name and its labels, a line each.

    The `imagefolder` loader takes images beside the file or below it, and no others: so it belongs
    into the folder of the images. Elsewhere, links to the images are made beside it, in a folder
    `images`. Images that are gone are left out. Raises ConfigurationError where something else
    stands in a link's place.
    """
    target, images = Path(os.path.realpath(path)), os.path.realpath(dataset.image_folder)
    # Where there is no image folder, the images lie in a bucket.
    linked = os.path.isdir(images) and not Path(images).is_relative_to(target.parent)
    links = _Links(target.parent / _LINKS)
    before = _LINKS if linked else os.path.relpath(images, target.parent)
    left_out: list[LeftOut] = []
    try:
        with written_at_once(path) as file:
            for image in dataset.images():
                if not is_inside(image.path):
                    left_out.append(LeftOut(image.path, "outside the image folder"))
                    continue
                if linked:
                    links.add(image.path, os.path.join(images, image.path))
                name = os.path.normpath(f"{before}/{image.path}")
                row: dict[str, Any] = {"file_name": name, "labels": image.classes}
                if image.part is not None:
                    row["split"] = image.part
                file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    except BaseException:
        links.take_back()
        raise
    return left_out


class _Links:
    """Links to images in the folder `folder`, until they are taken back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[Path] = []

    def add(self, path: str, image: str) -> None:
        """A link at `path` to `image`, from where it lies; one that is there already will do."""
        link = self._folder / path
        place = os.path.relpath(image, link.parent)
        try:
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(place)
        except FileExistsError:
            if not link.is_symlink() or os.readlink(link) != place:
                raise ConfigurationError(
                    f"{link} is there already, and is no link to the image of this name.",
                    next_step="Name a file in a new folder with `--out`.",
                ) from None
        else:
            self._made.append(link)

    def take_back(self) -> None:
        """Remove the links that were made, and the folders that are empty then."""
        with contextlib.suppress(OSError):
            for link in self._made:
                link.unlink()
        for folder in sorted({link.parent for link in self._made}, reverse=True):
            with contextlib.suppress(OSError):
                while folder != self._folder.parent:
                    folder.rmdir()
                    folder = folder.parent


def _text(text: str) -> str:
    """`text` as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULAS) else text


def _row(image: DatasetImage, dataset: Dataset) -> dict[str, Any]:
    row = {"tag": image.tag, "image": image.path, "classes": list(image.classes)}
    return {**row, "split": image.part} if dataset.parts else row
