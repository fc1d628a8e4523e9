"""The regions that each annotation drew in each image.

Kept only for the formats that hold regions. What has no form in pixels is counted with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from core.dataset.reading.records import Interpreter
from core.dataset.reading.regions import Region, regions_of
from core.dataset.reading.schema import (
    Annotation,
    Document,
    NotReadable,
    RegionResult,
    Result,
    Task,
)


class RegionBook:
    """Regions by annotation and image; `left_out` counts the others by why they are not there."""

    def __init__(self) -> None:
        self._regions: dict[tuple[int, str], list[Region]] = {}
        self._moments: dict[int, float] = {}
        self.left_out: Counter[str] = Counter()

    def add(self, document: Document | Task, interpreter: Interpreter) -> None:
        """Take in the regions of a file or a task that records were made of."""
        annotations: Iterable[Annotation]
        if isinstance(document.annotations, list):
            annotations, data = document.annotations, document.data
        elif isinstance(document, Document) and isinstance(document.task, Task):
            annotations, data = [document], document.task.data
        else:
            return
        for annotation in annotations:
            number = -1 if annotation.id is None else annotation.id
            moment = annotation.updated_at.timestamp() if annotation.updated_at is not None else 0.0
            # One annotation may lie in two files: a newer one, and one of before.
            if moment >= self._moments.get(number, 0.0):
                self._moments[number] = moment
                self._take(number, interpreter.regions(annotation, data or {}))

    def _take(self, number: int, regions: Iterable[tuple[str, Result, list[str]]]) -> None:
        found: dict[str, list[Region]] = {}
        for image, result, names in regions:
            assert isinstance(result, RegionResult)
            try:
                found.setdefault(image, []).extend(regions_of(result, names))
            except NotReadable as error:
                self.left_out[str(error)] += 1
        for image, its in found.items():
            self._regions[number, image] = its

    def of(self, annotation: int, image: str) -> list[Region]:
        """The regions that `annotation` drew in `image`."""
        return self._regions.get((annotation, image), [])
