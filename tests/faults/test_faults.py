"""No fault loses a task, doubles one, or loses an annotation.

Each is tried once, some only with `long`; `tests/faults/table.py` tries all of them, as often as it
is asked to.
"""

from __future__ import annotations

import pytest

from tests.faults.faults import HARMS, Harm
from tests.faults.server import FaultServer, Tally

EACH = [
    pytest.param(harm, id=harm.name, marks=[pytest.mark.long] if harm.is_variant else [])
    for harm in HARMS
]


@pytest.mark.parametrize("harm", EACH)
def test_nothing_is_lost_or_doubled(server: FaultServer, harm: Harm) -> None:
    if "disk full" in harm.name and not server.own_disk:
        pytest.skip("a small disk for the database cannot be mounted here")
    assert harm.run(server).tally == Tally(lost=0, doubled=0, annotations_lost=0)
