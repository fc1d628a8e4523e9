"""The JSON that Label Studio writes, as far as a dataset needs it.

One annotation with its task nested (a target storage's file), or one task with its annotations (the
other kind of file, and what the API returns). Fields that are not named here are skipped, not
built. Nothing here says what an annotation means; `records` does.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
# What Label Studio's database holds.
Number = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
# A class, or the path to it where choices are nested.
Named = list[str | list[str]]


class NotReadable(ValueError):
    """No record can be made of a file or a task; the text says why."""


class Value(Struct, gc=False):
    """What one result says. One of the fields has the class, by the result's type.

    `x` and `points` tell that it lies in a region.
    """

    choices: Named | None = None
    taxonomy: list[list[str]] | None = None
    rating: float | None = None
    selected: str | None = None
    labels: Named | None = None
    rectanglelabels: Named | None = None
    polygonlabels: Named | None = None
    brushlabels: Named | None = None
    keypointlabels: Named | None = None
    ellipselabels: Named | None = None
    bitmasklabels: Named | None = None
    vectorlabels: Named | None = None
    x: float | None = None


# The fields of a value that hold a class, which are called as the types of results are.
CLASS_KEYS = tuple(name for name in Value.__struct_fields__ if name != "x")


class Result(Struct, gc=False):
    """One answer of one control."""

    from_name: str = ""
    to_name: str = ""
    type: str = ""
    id: str | int | None = None
    value: Value | None = None
    item_index: int | None = None


class Person(Struct, gc=False):
    """Who labeled: a file says it so, the API with the number alone."""

    id: int | None = None
    email: str | None = None


class Annotation(Struct, gc=False):
    """One annotation. `result` is unset in what is no annotation.

    `id` is below 0 where the file has none: it then stands for its place there.
    """

    id: Number | None = None
    result: list[Result] | UnsetType | None = UNSET
    was_cancelled: bool | None = False
    ground_truth: bool | None = False
    updated_at: Moment | None = None
    completed_by: Person | int | None = None

    @property
    def is_plain(self) -> bool:
        """Whether it has a number and a time, as all have that today's Label Studio writes."""
        return bool(self.id) and self.updated_at is not None


class Task(Struct, gc=False):
    """A task. `annotations` is unset where it is nested inside its annotation."""

    id: int | None = None
    data: dict[str, Any] | None = None
    annotations: list[Annotation] | UnsetType = UNSET

    @property
    def is_plain(self) -> bool:
        """Whether it has its annotations, and each a number and a time."""
        # Where there are none, older fields may hold some.
        found = self.annotations
        return found is not UNSET and bool(found) and all(one.is_plain for one in found)


class Document(Annotation, gc=False):
    """A whole file, in either shape: content decides, never the name."""

    task: Task | int | None = None
    data: dict[str, Any] | None = None
    annotations: list[Annotation] | UnsetType = UNSET

    @property
    def is_plain(self) -> bool:
        """As an annotation's, or as a task's."""
        found = self.annotations
        if found is UNSET:
            return bool(self.id) and self.updated_at is not None
        return bool(found) and all(one.is_plain for one in found)


class RegionValue(Value, gc=False):
    """What one result says, with the place of its region in percents of the image's size."""

    y: float | None = None
    width: float | None = None
    height: float | None = None
    rotation: float | None = None
    radius_x: float | None = msgspec.field(default=None, name="radiusX")
    radius_y: float | None = msgspec.field(default=None, name="radiusY")
    points: list[list[float]] | None = None
    rle: list[int] | None = None


REGION_NUMBERS = ("x", "y", "width", "height", "rotation", "radiusX", "radiusY")


class RegionResult(Result, gc=False):
    """One answer of one control, with its region."""

    value: RegionValue | None = None
    original_width: int | None = None
    original_height: int | None = None
    image_rotation: float | None = None


class RegionAnnotation(Annotation, gc=False):
    """One annotation with its regions."""

    result: list[RegionResult] | UnsetType | None = UNSET  # type: ignore[assignment]


class RegionTask(Task, gc=False):
    """A task whose annotations have regions."""

    annotations: list[RegionAnnotation] | UnsetType = UNSET  # type: ignore[assignment]


class RegionDocument(Document, gc=False):
    """A whole file, in either shape, with regions."""

    result: list[RegionResult] | UnsetType | None = UNSET  # type: ignore[assignment]
    annotations: list[RegionAnnotation] | UnsetType = UNSET  # type: ignore[assignment]


decode_document = msgspec.json.Decoder(Document).decode
decode_region_document = msgspec.json.Decoder(RegionDocument).decode


def task_of(value: object, kind: type[Task] = Task) -> Task:
    """The task in `value`, a dict as the API returns it; with regions where `kind` has them.

    Raises msgspec.ValidationError where it has another shape.
    """
    return msgspec.convert(value, kind)
