"""The label efficiency of each order as it was measured, to be told where an order is chosen.

The figures lie in `label_efficiency.json`, which `tests/benchmarks/label_efficiency.py --save`
writes. They were measured on handwritten digits with a simulated annotator; `labelpilot replay`
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
    never = sum(count is None for count in found.values())
    if never:
        return f"Measured on digits: worse than random in {never} of {len(found)} trials."
    least, most = min(found.values()), max(found.values())
    span = f"{least} to {most}" if least < most else f"{least}"
    return f"Measured on digits: {span} labels do what {known['random']} random ones do."
