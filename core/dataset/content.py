"""Everything that a format may write, and what a format could not take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.dataset.class_names import ClassNames
from core.dataset.reading.batch import Unreadable
from core.dataset.rules import Decision

if TYPE_CHECKING:
    from core.dataset.reading.region_book import RegionBook
    from core.dataset.reading.regions import Region
    from core.dataset.split import Part


@dataclass(frozen=True, slots=True)
class Image:
    """One image of the dataset. `path` is relative to the image folder; `part` may be None."""

    tag: str
    path: str
    classes: tuple[str, ...]
    part: Part | None
    annotation: int


@dataclass(frozen=True, slots=True)
class Material:
    """A decided dataset. `parts` is empty where it is not split; `regions` are None where the
    format holds none."""

    decision: Decision
    names: ClassNames
    image_folder: Path
    parts: Mapping[str, Part] = field(default_factory=dict)
    regions: RegionBook | None = None

    def images(self) -> Iterator[Image]:
        """Every image, sorted by tag."""
        decision = self.decision
        place = {tag: number for number, tag in enumerate(decision.labels)}
        for tag in decision.tags:
            number = place[tag]
            classes = self.names[decision.labels[tag]]
            path, annotation = decision.images[number], decision.chosen[number]
            yield Image(tag, path, classes, self.parts.get(tag), annotation)

    def regions_of(self, image: Image) -> list[tuple[str, Region]]:
        """The regions of `image`, each with the name of its class."""
        if self.regions is None:
            return []
        return [
            (self.names.by_pair[region.control, region.name], region)
            for region in self.regions.of(image.annotation, image.path)
        ]


# What a format could not take: images and files by name, with the reason.
LeftOut = list[Unreadable]
