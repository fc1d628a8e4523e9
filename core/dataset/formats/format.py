"""The formats that an export can write: what writes each, and where it lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

from core.dataset.dataset import Dataset
from core.dataset.formats.dataset_json import write_json
from core.dataset.options import FORMATS, FormatName
from core.dataset.reading.batch import LeftOut
from core.names import known_name
from core.workspace.settings import Workspace

Writer: TypeAlias = Callable[[Path, Dataset], "list[LeftOut]"]


@dataclass(frozen=True, slots=True)
class Format:
    """A format: what writes it, whether it holds regions, names the images' files, and needs them.

    It lies beside the dataset and ends in `suffix` (none: it is the dataset itself), or it is the
    file `in_images` of the image folder; `is_folder`: it is a folder.
    """

    write: Writer
    suffix: str = ""
    in_images: str = ""
    holds_regions: bool = False
    names_files: bool = False
    needs_files: bool = False
    is_folder: bool = False

    def path(self, workspace: Workspace) -> Path:
        """Where it is written unless something else is said."""
        if self.in_images:
            return workspace.images.path / self.in_images
        dataset = workspace.annotations.dataset
        return dataset.with_name(dataset.stem + self.suffix) if self.suffix else dataset


def _later(module: str, writer: str) -> Writer:
    """What writes a format, from a module that is loaded when it is written: most exports write the
    dataset alone."""

    def write(path: Path, dataset: Dataset) -> list[LeftOut]:
        found: Writer = getattr(import_module(f"core.dataset.formats.{module}"), writer)
        return found(path, dataset)

    return write


_FORMATS: Mapping[FormatName, Format] = {
    "json": Format(write_json),
    "csv": Format(_later("tables", "write_csv"), ".csv", names_files=True),
    "parquet": Format(_later("tables", "write_parquet"), ".parquet", names_files=True),
    "coco": Format(
        _later("coco", "write_coco"), ".coco.json", holds_regions=True, names_files=True
    ),
    "yolo": Format(
        _later("yolo", "write_yolo"),
        ".yolo",
        holds_regions=True,
        names_files=True,
        needs_files=True,
        is_folder=True,
    ),
    "huggingface": Format(
        _later("tables", "write_huggingface"),
        in_images="metadata.jsonl",
        names_files=True,
        needs_files=True,
    ),
}


def find_format(name: FormatName) -> Format:
    """The format called `name`. Raises ConfigurationError, naming them all, for another."""
    return _FORMATS[known_name("format", name, FORMATS)]
