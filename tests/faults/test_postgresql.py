"""The same promises where a team keeps Label Studio on PostgreSQL.

One harm stands for all of them; `tests/faults/table.py --postgresql` does every one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from core.progress import finish
from tests.faults.faults import HARMS
from tests.faults.meanwhile import short_waits
from tests.faults.postgresql import a_cluster
from tests.faults.server import CAT, FaultServer, Tally, fault_server
from tests.needs import needs
from tests.studio.first_start import make_tables
from tui.backend import Backend

pytestmark = needs("initdb")

# The one whose outcome a database's own way of keeping writers apart decides.
(ANNOTATED,) = (harm for harm in HARMS if harm.name == "bulk: annotated every 100 ms")


@pytest.fixture(scope="module")
def on_postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultServer]:
    with a_cluster() as cluster:
        make_tables(tmp_path_factory.mktemp("tables"), cluster.variables)
        with fault_server(tmp_path_factory.mktemp("postgresql"), cluster=cluster) as made:
            yield made


def test_the_server_keeps_everything_in_the_database_that_the_workspace_names(
    on_postgresql: FaultServer,
) -> None:
    server = on_postgresql
    case = server.case(30, "bulk")
    with short_waits(server):
        result = finish(Backend().sync(case.own_workspace()))
    assert (result.mode, result.created, result.complete) == ("bulk", 30, True)
    assert case.tally() == Tally()
    assert not server.database.exists(), "no SQLite file is made"
    assert "a secret" not in "".join(
        path.read_text(errors="replace")
        for path in server.root.rglob("*")
        if path.is_file() and path.stat().st_size < 1_000_000
    ), "the database's password is written nowhere"


@pytest.mark.long  # test_faults has it on SQLite, and all else here is on PostgreSQL
def test_nothing_is_lost_or_doubled_while_people_label(on_postgresql: FaultServer) -> None:
    assert ANNOTATED.run(on_postgresql).tally == Tally(lost=0, doubled=0, annotations_lost=0)


def test_what_nobody_worked_on_is_removed_and_nothing_else(on_postgresql: FaultServer) -> None:
    server = on_postgresql
    case = server.case(5, "bulk")
    with short_waits(server), contextlib.closing(server.client()) as client:
        finish(Backend().sync(case.own_workspace()))
        labeled, *others, last = case.task_ids()
        submitted = client.annotate(labeled, CAT)
        client.delete_untouched(case.project_id, [labeled, *others])
    assert case.task_ids() == [labeled, last]
    assert case.tally([submitted]).annotations_lost == 0
