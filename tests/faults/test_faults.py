"""No fault loses a task, doubles one, or loses an annotation.

Each is tried once here; `tests/faults/table.py` tries all of them, as often as it is asked to.
"""

from __future__ import annotations

import pytest

from tests.faults.faults import HARMS, Harm
from tests.faults.server import FaultServer, Tally

TESTED = [harm for harm in HARMS if not harm.only_in_table]


@pytest.mark.parametrize("harm", TESTED, ids=lambda harm: harm.name)
def test_nothing_is_lost_or_doubled(server: FaultServer, harm: Harm) -> None:
    if "disk full" in harm.name and not server.own_disk:
        pytest.skip("a small disk for the database cannot be mounted here")
    assert harm.run(server).tally == Tally(lost=0, doubled=0, annotations_lost=0)
