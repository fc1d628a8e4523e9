"""The same promises where a team keeps Label Studio on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.progress import finish
from tests.faults.faults import HARMS, Harm
from tests.faults.place import Place, Tally, a_place, in_short
from tests.faults.postgresql import a_cluster
from tests.needs import needs
from tui.backend import Backend

pytestmark = needs("initdb")

NAMES = (
    "bulk: drop after",
    "bulk: lands late",
    "bulk: annotated every 100 ms",
    "bulk: server killed",
    "native: drop at once",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with (
        a_cluster() as cluster,
        a_place(tmp_path_factory.mktemp("postgresql"), cluster=cluster) as made,
    ):
        yield made


def test_the_server_keeps_everything_in_the_database_that_the_workspace_names(
    place: Place,
) -> None:
    case = place.case(30, "bulk")
    with in_short(place):
        result = finish(Backend().sync(case.own_workspace()))
    assert (result.mode, result.created, result.complete) == ("bulk", 30, True)
    assert case.tally() == Tally()
    assert not place.database.exists(), "no SQLite file is made"
    assert "a secret" not in "".join(
        path.read_text(errors="replace")
        for path in place.root.rglob("*")
        if path.is_file() and path.stat().st_size < 1_000_000
    ), "the database's password is written nowhere"


@pytest.mark.parametrize("harm", [h for h in HARMS if h.name in NAMES], ids=lambda h: h.name)
def test_nothing_is_lost_or_doubled(place: Place, harm: Harm) -> None:
    assert harm.run(place).tally == Tally(lost=0, doubled=0, annotations_lost=0)
