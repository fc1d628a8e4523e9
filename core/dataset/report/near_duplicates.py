"""Images that look alike and are labeled differently: most often, one of the two is wrong.

By the pictures' own gradients (the dhash of Krawetz, "Kind of Like That", 2013), which sees copies,
scalings and light changes, and no more.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.extras import install_extra
from core.progress import Progress, Work

if TYPE_CHECKING:
    from PIL.Image import Image

# Of the 64 bits of a dhash, so many may differ. One more, and it is cut into one piece more.
_BITS = 3
_PIECES = _BITS + 1
# Pictures with fewer gradients (a blank page, one edge) look like anything.
_FEWEST_GRADIENTS = 8
# More than this in one drawer is a set of pictures that this hash cannot tell apart.
_FULL_DRAWER = 500
_AT_ONCE = 64
_THREADS = 8

Classes = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """Two images that look alike. `likeness` is 1 for the same picture."""

    first: str
    second: str
    likeness: float


@dataclass(frozen=True, slots=True)
class NearDuplicates:
    """Pairs with different classes, the likest first, of so many images that were compared."""

    pairs: tuple[NearDuplicate, ...]
    compared: int

    def as_json(self) -> dict[str, Any]:
        """What a report's JSON object says of them: the pictures are what was compared."""
        return {
            "pairs": [asdict(pair) for pair in self.pairs],
            "by": "picture",
            "compared": self.compared,
        }


def find_near_duplicates(
    classes: Mapping[str, Classes], files: Mapping[str, Path]
) -> Work[NearDuplicates]:
    """Compare the pictures in `files` (tag -> file) of the images of `classes` (tag -> classes).

    None are where Pillow is not installed; a note says so.
    """
    if importlib.util.find_spec("PIL") is None:
        how = install_extra("pictures")
        note = f"Pictures were not compared: `{how}` makes it possible."
        yield Progress("pictures", note=note)
        return NearDuplicates((), 0)
    tags = [tag for tag in sorted(classes) if tag in files]
    hashes: dict[str, int] = {}
    with ThreadPoolExecutor(_THREADS) as pool:
        for start in range(0, len(tags), _AT_ONCE):
            yield Progress("pictures", start, len(tags))
            chunk = tags[start : start + _AT_ONCE]
            found = pool.map(dhash, [files[tag] for tag in chunk])
            hashes.update((t, h) for t, h in zip(chunk, found, strict=True) if h is not None)
    yield Progress("pictures", len(tags), len(tags))
    telling = {tag: bits for tag, bits in hashes.items() if bits.bit_count() >= _FEWEST_GRADIENTS}
    likeness = {pair: 1 - distance / 64 for pair, distance in _near(telling).items()}
    return NearDuplicates(_differing(likeness, classes), len(hashes))


def dhash(file: Path) -> int | None:
    """Whether each of 8 by 8 points is darker than its right neighbour, as 64 bits.

    None where the file is no picture that can be opened.
    """
    from core.pictures import Unreadable, look_at

    try:
        grey = look_at(file, (32, 32), _grey, mode="L")
    except Unreadable:
        return None
    bits = 0
    for row in range(0, 72, 9):
        for left in range(row, row + 8):
            bits = bits << 1 | (grey[left] < grey[left + 1])
    return bits


def _grey(picture: Image) -> bytes:
    from PIL.Image import Resampling

    return picture.convert("L").resize((9, 8), Resampling.BOX).tobytes()


def _near(hashes: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """Pairs of tags whose hashes differ in few bits: those agree in one of the pieces at least."""
    width = 64 // _PIECES
    near: dict[tuple[str, str], int] = {}
    for piece in range(_PIECES):
        drawers: dict[int, list[str]] = {}
        for tag, bits in hashes.items():
            drawers.setdefault(bits >> piece * width & (1 << width) - 1, []).append(tag)
        for drawer in drawers.values():
            if len(drawer) > _FULL_DRAWER:
                continue
            for first, second in combinations(drawer, 2):
                distance = (hashes[first] ^ hashes[second]).bit_count()
                if distance <= _BITS:
                    near[first, second] = distance
    return near


def _differing(
    likeness: Mapping[tuple[str, str], float], classes: Mapping[str, Sequence[str]]
) -> tuple[NearDuplicate, ...]:
    pairs = [
        NearDuplicate(first, second, round(alike, 4))
        for (first, second), alike in likeness.items()
        if set(classes[first]) != set(classes[second])
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.likeness, pair.first, pair.second)))
