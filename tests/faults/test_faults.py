"""No fault loses a task, doubles one, or loses an annotation."""

from __future__ import annotations

import pytest

from tests.faults.faults import HARMS, Harm
from tests.faults.place import Place, Tally


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.name)
def test_nothing_is_lost_or_doubled(place: Place, harm: Harm) -> None:
    if "disk full" in harm.name and not place.own_disk:
        pytest.skip("a small disk for the database cannot be mounted here")
    assert harm.run(place).tally == Tally(lost=0, doubled=0, annotations_lost=0)
