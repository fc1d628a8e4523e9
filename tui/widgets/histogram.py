"""A histogram or a course on one line, in blocks."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

BLOCKS = "▁▂▃▄▅▆▇█"


def histogram(values: Iterable[float], bins: int) -> tuple[str, float, float]:
    """(`bins` blocks from the least to the greatest value, the median, the greatest).

    A bin with nothing in it is a space, so that one value is seen beside many.
    """
    numbers = [float(value) for value in values]
    least, greatest = min(numbers), max(numbers)
    width = (greatest - least) / bins or 1.0
    counts = [0] * bins
    for number in numbers:
        counts[min(bins - 1, int((number - least) / width))] += 1
    most = max(counts)
    shown = [
        BLOCKS[(count * 8 - 1) // most if count * 8 >= most else 0] if count else " "
        for count in counts
    ]
    return "".join(shown), median(numbers), greatest


def sparkline(values: Iterable[float]) -> str:
    """A block for each value, as high as it is against the highest."""
    numbers = list(values)
    most = max(numbers, default=0.0) or 1.0
    return "".join(BLOCKS[min(7, max(0, round(8 * number / most) - 1))] for number in numbers)
