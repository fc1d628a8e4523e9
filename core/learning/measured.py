"""What was measured of each order, for the app to say where an order is chosen.

The figures lie in `measured.json`, which `tests/benchmarks/label_efficiency.py --save` writes.
They were measured on handwritten digits with a simulated annotator; `labelpilot replay` measures on
the user's own images.
"""

from __future__ import annotations

import json
from pathlib import Path

FILE = Path(__file__).with_name("measured.json")


def measured(order: str) -> str:
    """How many labels `order` needed for what random ones reach, in a sentence; "" if unknown."""
    known = json.loads(FILE.read_text(encoding="utf-8"))
    found = known["labels"].get(order)
    if not found:
        return ""
    most = known["random"]
    never = sum(count is None for count in found.values())
    reached = sorted(count for count in found.values() if count is not None)
    words = []
    if reached:
        span = f"{reached[0]} to {reached[-1]}" if len(reached) > 1 else f"{reached[0]}"
        words.append(f"needed {span} labels for what random labels reach with {most}")
    if never:
        words.append(f"never reached it in {never} of {len(found)} trials")
    return f"Measured on digits: {', and '.join(words)}."
