"""A second sync of a project: here, on another machine, or by a server that died in its middle."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time

import pytest

from core.progress import Progress, finish
from core.studio.client import StudioClient
from core.tasks.lease import Signature, join
from core.workspace.locks import Busy
from tests.faults import proxy as broken
from tests.faults.meanwhile import press_sync, wait_until
from tests.faults.network import LIST
from tests.faults.server import Case, FaultServer
from tests.faults.trial import sync
from tui.backend import Backend

IMAGES = 40

pytestmark = pytest.mark.usefixtures("short")


def test_a_sync_that_somebody_else_started_is_waited_for(
    server: FaultServer, client: StudioClient
) -> None:
    case = server.case(6 * IMAGES, "native")
    other = threading.Thread(target=press_sync, args=(client, case))
    other.start()
    wait_until(lambda: case.task_count() > 5)
    result = sync(case, "native")
    other.join(60)
    assert result.complete
    assert case.tally().doubled == 0


@pytest.mark.parametrize("shown", ["a moment ago", "long ago"])
def test_a_sync_that_died_with_its_server_does_not_block(server: FaultServer, shown: str) -> None:
    case = server.case(IMAGES, "native")
    _pretend(case, "in_progress", time.time() if shown == "a moment ago" else 1e9)
    assert sync(case, "native").complete
    assert case.tally().doubled == 0


def test_a_sync_that_is_only_listed_as_failed_is_waited_for(server: FaultServer) -> None:
    case = server.case(IMAGES, "bulk")
    _pretend(case, "failed", time.time())
    events: list[Progress] = []
    workspace = case.workspace(server.url)
    assert finish(Backend().sync(workspace, "bulk"), events.append).complete
    assert any("own sync is running" in event.note for event in events)


def _pretend(case: Case, status: str, shown: float) -> None:
    """Leave the storage's record as a server leaves it that was killed during a sync."""
    moment = time.strftime("%Y-%m-%d %H:%M:%S+00:00", time.gmtime(shown))
    meta = f'{{"attempts": 1, "time_in_progress": "{moment}", "time_last_ping": "{moment}"}}'
    with contextlib.closing(sqlite3.connect(case.server.database, timeout=60)) as database:
        database.execute(
            "update io_storages_localfilesimportstorage set status = ?, meta = ? "
            "where project_id = ?",
            (status, meta, case.project_id),
        )
        database.commit()


def _sign(client: StudioClient, case: Case, beat: int, words: str = "mine") -> None:
    storage = client.source_storages(case.project_id)[0]
    signature = Signature("another", "ben@elsewhere, process 7, since 09:00", beat)
    client.update_storage(storage, {"description": join(words, signature)})


def test_a_sync_on_another_machine_is_named_and_left_alone(
    server: FaultServer, client: StudioClient
) -> None:
    case = server.case(IMAGES, "bulk")
    _sign(client, case, 1)
    threading.Timer(1.5, _sign, (client, case, 2)).start()
    with pytest.raises(Busy) as busy:
        sync(case, "bulk")
    assert "ben@elsewhere" in busy.value.cause
    assert case.task_count() == 0


def test_a_dead_sync_on_another_machine_is_overtaken(
    server: FaultServer, client: StudioClient
) -> None:
    case = server.case(IMAGES, "bulk")
    _sign(client, case, 1)
    assert sync(case, "bulk").complete
    assert client.source_storages(case.project_id)[0].description == "mine"


def test_who_signed_first_stops_when_another_signs_too(
    server: FaultServer, client: StudioClient
) -> None:
    case = server.case(IMAGES, "bulk")

    def other_signs(exchange: broken.Exchange) -> None:
        _sign(client, case, 1)
        exchange.client.sendall(exchange.forward())

    with broken.before(server.url) as proxy:
        proxy.faults.append(broken.Fault(LIST, other_signs))
        with pytest.raises(Busy):
            finish(Backend().sync(case.workspace(proxy.url), "bulk"))
    assert case.task_count() == 0
    still = client.source_storages(case.project_id)[0].description
    assert "ben@elsewhere" in still, "the other's signature is not ours to take away"


def test_a_sync_that_is_stopped_takes_its_signature_away(
    server: FaultServer, client: StudioClient
) -> None:
    case = server.case(IMAGES, "bulk")
    work = Backend().sync(case.workspace(server.url), "bulk")
    for event in work:
        if event.stage == "look":
            break
    work.close()
    assert client.source_storages(case.project_id)[0].description == ""
    assert sync(case, "bulk", name="there").complete
