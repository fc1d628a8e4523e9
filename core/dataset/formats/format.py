"""The formats that an export can write, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.dataset.content import LeftOut, Material
from core.dataset.formats.dataset_json import write_json
from core.errors import ConfigurationError
from core.workspace.settings import Workspace

# Formats are imported when they are written: most exports are plain ones, and start sooner.


def _csv(path: Path, material: Material) -> LeftOut:
    from core.dataset.formats.tables import write_csv

    return write_csv(path, material)


def _parquet(path: Path, material: Material) -> LeftOut:
    from core.dataset.formats.tables import write_parquet

    return write_parquet(path, material)


def _huggingface(path: Path, material: Material) -> LeftOut:
    from core.dataset.formats.tables import write_huggingface

    return write_huggingface(path, material)


def _coco(path: Path, material: Material) -> LeftOut:
    from core.dataset.formats.coco import write_coco

    return write_coco(path, material)


def _yolo(path: Path, material: Material) -> LeftOut:
    from core.dataset.formats.yolo import write_yolo

    return write_yolo(path, material)


@dataclass(frozen=True, slots=True)
class Format:
    """A format: what writes it, the end of its file's name, and whether it holds regions."""

    name: str
    write: Callable[[Path, Material], LeftOut]
    suffix: str
    holds_regions: bool = False

    def path(self, workspace: Workspace) -> Path:
        """Where it is written unless something else is said: beside the dataset."""
        if self.name == "huggingface":
            return workspace.images.path / "metadata.jsonl"
        dataset = workspace.annotations.dataset
        return dataset if self.name == "json" else dataset.with_name(dataset.stem + self.suffix)


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format("json", write_json, ".json"),
        Format("csv", _csv, ".csv"),
        Format("parquet", _parquet, ".parquet"),
        Format("coco", _coco, ".coco.json", holds_regions=True),
        Format("yolo", _yolo, ".yolo", holds_regions=True),
        Format("huggingface", _huggingface, ".jsonl"),
    )
}


def find_format(name: str) -> Format:
    """The format called `name`. Raises ConfigurationError, naming them all, for another."""
    if name not in FORMATS:
        raise ConfigurationError(
            f"The format {name!r} is not known.", next_step=f"Known: {', '.join(FORMATS)}."
        )
    return FORMATS[name]
