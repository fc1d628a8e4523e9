"""The label efficiency of each order as it was measured, to be told where an order is chosen.

The figures lie in `label_efficiency.json`, which `tests/benchmarks/label_efficiency.py --save`
writes: on handwritten digits, one an image and several. `labelpilot replay`
measures on the user's own images.
"""

from __future__ import annotations

import json
from pathlib import Path

FILE = Path(__file__).with_name("label_efficiency.json")


def label_efficiency(order: str) -> str:
    """How many labels of `order` do what random ones do, in a sentence; "" if unknown."""
    known = json.loads(FILE.read_text(encoding="utf-8"))
    found = known["labels"].get(order)
    if not found:
        return ""
    several = known.get("several", ())
    kinds: tuple[list[int | None], list[int | None]] = ([], [])
    for trial, count in found.items():
        kinds[trial.partition(",")[0] in several].append(count)
    one, more = (_in_words(counts, known["random"]) for counts in kinds)
    where = "where images have several classes"
    told = "; ".join(filter(None, (one, more and f"{where}, {more}")))
    return f"Measured on digits: {told}."


def _in_words(counts: list[int | None], random: int) -> str:
    """How many labels were needed in some trials, None where random was better in one."""
    never = counts.count(None)
    if never:
        return f"worse than random in {never} of {len(counts)} trials"
    if not counts:
        return ""
    known = [count for count in counts if count is not None]
    least, most = min(known), max(known)
    span = f"{least} to {most}" if least < most else f"{least}"
    return f"{span} labels do what {random} random ones do"
