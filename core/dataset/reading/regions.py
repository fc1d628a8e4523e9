"""Regions: where in an image a class was seen, in pixels.

Label Studio keeps percents of the image's size, and turns rectangles about their top left corner.
Here they become what training code reads: outlines, boxes and masks in pixels, within the image.
What has no such form is refused with its reason, never bent into another. Regions are kept only for
the formats that hold them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.dataset.reading.schema import (
    Annotation,
    Document,
    NotReadable,
    RegionResult,
    RegionValue,
    Result,
    Task,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.dataset.reading.records import Interpreter

Point = tuple[float, float]
# An ellipse becomes an outline of so many points: within 0.1 % of its area.
_ELLIPSE_POINTS = 72
# Larger masks would be a mistake, or an attack: 2**28 pixels are 16,384 by 16,384.
_MOST_PIXELS = 2**28
# What is narrower, or covers less, is no region to any reader: formats round it to nothing.
_LEAST_PIXELS = 0.01
_NO_EXTENT = "a region without width or height in its image"


@dataclass(frozen=True, slots=True)
class Region:
    """A region in an image of `width` by `height` pixels.

    `outline` is its outline in pixels, clockwise or not, and is empty for a mask; `is_box` says
    that the outline is an upright rectangle; a point has an outline of one. `mask` is the brush's
    mask, run by run, as Label Studio packs it.
    """

    control: str
    name: str
    width: int
    height: int
    outline: tuple[Point, ...] = ()
    is_box: bool = False
    mask: Sequence[int] = ()

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The outline's upright box: left, top, width, height."""
        left, right = min(x for x, _ in self.outline), max(x for x, _ in self.outline)
        top, bottom = min(y for _, y in self.outline), max(y for _, y in self.outline)
        return left, top, right - left, bottom - top

    @property
    def area(self) -> float:
        """What the outline holds, in square pixels (the shoelace formula)."""
        pairs = zip(self.outline, (*self.outline[1:], self.outline[0]), strict=True)
        return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2

    def pixels(self) -> NDArray[np.bool_]:
        """The mask, height by width. Raises NotReadable where it is not of the image's size."""
        return unpack_mask(self.mask, self.width, self.height)


class RegionBook:
    """The regions that each annotation drew in each image.

    `left_out` counts those that have no class or no form in pixels, by the reason; `lacking` are
    the annotations and images that they were drawn in. `pairs` are the (control, class) of all.
    """

    def __init__(self) -> None:
        self._regions: dict[tuple[int, str], list[Region]] = {}
        self._moments: dict[int, float] = {}
        self.left_out: Counter[str] = Counter()
        self.lacking: set[tuple[int, str]] = set()
        self.pairs: set[tuple[str, str]] = set()

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
            self.pairs.update((result.from_name, name) for name in names)
            try:
                found.setdefault(image, []).extend(regions_of(result, names))
            except NotReadable as error:
                self.left_out[str(error)] += 1
                self.lacking.add((number, image))
        for image, its in found.items():
            self._regions[number, image] = its

    def of(self, annotation: int, image: str) -> list[Region]:
        """The regions that `annotation` drew in `image`."""
        return self._regions.get((annotation, image), [])


def regions_of(result: RegionResult, names: Sequence[str]) -> Iterator[Region]:
    """The region of `result`, once for each of its class `names`.

    Raises NotReadable, with the reason, where it has no form in pixels.
    """
    if not names:
        raise NotReadable("a region without a class")
    width, height, value = result.original_width, result.original_height, result.value
    if value is None or not width or not height:
        raise NotReadable("a region without the size of its image")
    if result.image_rotation:
        raise NotReadable("a region in an image that was turned while labeling")
    for name in names:
        if value.rle is not None:
            yield Region(result.from_name, name, width, height, mask=value.rle)
            continue
        outline, is_box = _outline(value, result.type, width, height)
        if not all(math.isfinite(number) for point in outline for number in point):
            raise NotReadable("a region whose place is no number")
        clipped = _clipped(outline, width, height)
        if not clipped:
            raise NotReadable("a region that lies outside its image")
        region = Region(result.from_name, name, width, height, tuple(clipped), is_box)
        if len(outline) > 1 and min(*region.box[2:], region.area) < _LEAST_PIXELS:
            raise NotReadable(_NO_EXTENT)
        yield region


def _outline(value: RegionValue, kind: str, width: int, height: int) -> tuple[list[Point], bool]:
    """The outline in pixels, and whether it is an upright rectangle."""
    if value.points is not None:
        if any(len(point) != 2 for point in value.points) or len(value.points) < 3:
            raise NotReadable("a polygon with less than three points")
        return [(x * width / 100, y * height / 100) for x, y in value.points], False
    if value.x is None or value.y is None:
        raise NotReadable("a region of a kind that is not known")
    left, top = value.x * width / 100, value.y * height / 100
    angle = math.radians(value.rotation or 0)
    cosine, sine = math.cos(angle), math.sin(angle)
    if value.radius_x is not None and value.radius_y is not None:
        a, b = value.radius_x * width / 100, value.radius_y * height / 100
        steps = (2 * math.pi * step / _ELLIPSE_POINTS for step in range(_ELLIPSE_POINTS))
        around = [(a * math.cos(step), b * math.sin(step)) for step in steps]
    elif value.width is not None and value.height is not None:
        a, b = value.width * width / 100, value.height * height / 100
        around = [(0, 0), (a, 0), (a, b), (0, b)]
    elif kind.startswith(("rectangle", "ellipse")):
        raise NotReadable(_NO_EXTENT)
    else:
        return [(left, top)], False
    turned = [(left + x * cosine - y * sine, top + x * sine + y * cosine) for x, y in around]
    return turned, value.radius_x is None and not (value.rotation or 0) % 360


def _clipped(outline: list[Point], width: int, height: int) -> list[Point]:
    """The part of an outline within the image (Sutherland and Hodgman, 1974)."""
    for axis, limit, keeps_below in (
        (0, 0, False),
        (0, width, True),
        (1, 0, False),
        (1, height, True),
    ):
        kept: list[Point] = []
        for number, point in enumerate(outline):
            before = outline[number - 1]
            inside, was_inside = (
                p[axis] <= limit if keeps_below else p[axis] >= limit for p in (point, before)
            )
            if inside != was_inside:
                share = (limit - before[axis]) / (point[axis] - before[axis])
                crossing = [before[0] + share * (point[0] - before[0])] * 2
                crossing[1] = before[1] + share * (point[1] - before[1])
                crossing[axis] = limit
                kept.append((crossing[0], crossing[1]))
            if inside:
                kept.append(point)
        outline = kept
    return outline


def unpack_mask(packed: Sequence[int], width: int, height: int) -> NDArray[np.bool_]:
    """The mask that a brush's `packed` bytes hold, height by width.

    The packing is that of the `rle-pack` library that Label Studio's editor uses: how many values,
    how many bits a value has, four lengths of run counts, then runs of one value and stretches of
    single ones. The values are the four channels of each pixel; the last says how opaque it is.
    Raises NotReadable where it is damaged or of another size.
    """
    import numpy as np

    bits = np.unpackbits(np.asarray(packed, dtype=np.uint8))
    position = 0

    def read(size: int) -> int:
        nonlocal position
        if position + size > len(bits):
            raise NotReadable("a brush whose mask is cut off")
        number = 0
        for bit in bits[position : position + size].tolist():
            number = number << 1 | bit
        position += size
        return number

    count = read(32)
    if count != width * height * 4 or count > 4 * _MOST_PIXELS:
        raise NotReadable("a brush whose mask is not of the image's size")
    word = read(5) + 1
    sizes = [read(4) + 1 for _ in range(4)]
    values = np.zeros(count, dtype=np.uint32)
    done = 0
    while done < count:
        is_run = read(1)
        end = done + 1 + read(sizes[read(2)])
        if end > count:
            raise NotReadable("a brush whose mask is damaged")
        if is_run:
            values[done:end] = read(word)
        else:
            values[done:end] = [read(word) for _ in range(end - done)]
        done = end
    opaque: NDArray[np.bool_] = values.reshape(height, width, 4)[:, :, 3] > 0
    return opaque
