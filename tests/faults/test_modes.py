"""A project's images are synced in one way, and nothing that anybody presses doubles them."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator

import pytest

from core.errors import ConfigurationError, StudioRefused, StudioUnreachable
from core.progress import Progress, finish
from core.studio.client import StudioClient
from core.studio.transport import GET_ATTEMPTS
from core.tasks import limits
from core.tasks.lease import Signature, join
from core.tasks.options import Mode
from core.tasks.proof import SyncResult
from core.workspace.locks import Busy
from tests.faults import proxy as broken
from tests.faults.meanwhile import short_waits, wait_until
from tests.faults.server import CAT, Case, FaultServer
from tui.backend import Backend

IMAGES = 40


@pytest.fixture(autouse=True)
def short(server: FaultServer) -> Iterator[None]:
    with short_waits(server):
        yield


@pytest.fixture
def client(server: FaultServer) -> Iterator[StudioClient]:
    with contextlib.closing(server.client()) as made:
        yield made


def sync(case: Case, mode: Mode | None = None, name: str = "here") -> SyncResult:
    return finish(Backend().sync(case.workspace(case.server.url, name), mode))


def press_sync(client: StudioClient, case: Case) -> None:
    """What the button on Label Studio's storage page does."""
    client.sync_storage(client.source_storages(case.project_id)[0])


def import_by_hand(client: StudioClient, case: Case, *names: str) -> None:
    client.import_tasks(case.project_id, [{"image": name} for name in names], 60)


def url(case: Case, number: int) -> str:
    return f"/data/local-files/?d={case.name}/img%20{number:06}.png"


@pytest.mark.parametrize("mode", ["bulk", "native"])
def test_a_second_sync_sends_nothing_and_doubles_nothing(server: FaultServer, mode: Mode) -> None:
    case = server.case(IMAGES, mode)
    assert sync(case, mode).created == IMAGES
    with broken.before(server.url) as proxy:
        again = finish(Backend().sync(case.workspace(proxy.url)))
        sent = [line for line in proxy.seen if line.startswith("POST") and "import" in line]
        synced = [line for line in proxy.seen if "/sync" in line]
    assert (again.mode, again.created, again.complete) == (mode, 0, True)
    assert not sent and not synced
    assert case.task_count() == IMAGES


@pytest.mark.parametrize("mode", ["bulk", "native"])
def test_only_what_is_missing_is_made(server: FaultServer, mode: Mode) -> None:
    case = server.case(IMAGES, mode)
    sync(case, mode)
    case.add(7)
    result = sync(case)
    assert (result.mode, result.existing, result.created) == (mode, IMAGES, 7)
    assert case.tally().doubled == 0


@pytest.mark.parametrize(("first", "then"), [("bulk", "native"), ("native", "bulk")])
def test_the_other_mode_is_refused_once_there_are_tasks(
    server: FaultServer, first: Mode, then: Mode
) -> None:
    case = server.case(IMAGES, first)
    sync(case, first)
    case.add(1)
    with pytest.raises(ConfigurationError) as refused:
        sync(case, then)
    assert f"synced in {first} mode" in refused.value.message
    assert "second time" in refused.value.cause
    assert case.task_count() == IMAGES


@pytest.mark.parametrize(("set_to", "asked"), [("native", "bulk"), ("bulk", "native")])
def test_before_the_first_task_either_mode_can_be_asked_for(
    server: FaultServer, set_to: Mode, asked: Mode
) -> None:
    case = server.case(IMAGES, set_to)
    result = sync(case, asked)
    assert (result.mode, result.complete) == (asked, True)


def test_label_studios_own_sync_is_shut_where_tasks_were_imported(
    server: FaultServer, client: StudioClient
) -> None:
    case = server.case(IMAGES, "native")
    sync(case, "bulk")
    with pytest.raises(StudioRefused, match="refused"):
        press_sync(client, case)
    assert case.task_count() == IMAGES


def test_a_storage_that_was_made_anew_is_shut_again(
    server: FaultServer, client: StudioClient
) -> None:
    case = server.case(IMAGES, "bulk")
    sync(case, "bulk")
    storage = client.source_storages(case.project_id)[0]
    client.update_source_storage(storage, {"synchronizable": True})
    assert sync(case).mode == "bulk"
    with pytest.raises(StudioRefused):
        press_sync(client, case)


def test_tasks_from_elsewhere_do_not_settle_the_mode(
    server: FaultServer, client: StudioClient
) -> None:
    case = server.case(IMAGES, "native")
    import_by_hand(client, case, "/data/upload/1/one.png", "https://example.org/two.png")
    result = sync(case, "native")
    assert (result.created, result.complete) == (IMAGES, True)
    assert case.task_count() == IMAGES + 2


def test_images_that_were_imported_by_hand_are_not_made_again(
    server: FaultServer, client: StudioClient
) -> None:
    case = server.case(IMAGES, "native")
    import_by_hand(client, case, url(case, 0), url(case, 1))
    with pytest.raises(ConfigurationError, match="bulk mode"):
        sync(case, "native")
    assert sync(case).created == IMAGES - 2
    assert case.tally().doubled == 0


def test_a_project_of_both_kinds_is_refused_until_bulk_is_asked_for(
    server: FaultServer, client: StudioClient
) -> None:
    case = server.case(IMAGES, "native")
    sync(case, "native")
    case.add(2)
    import_by_hand(client, case, url(case, IMAGES))
    for asked in (None, "native"):
        with pytest.raises(ConfigurationError) as refused:
            sync(case, asked)  # type: ignore[arg-type]
        assert "two ways" in refused.value.message
        assert "--mode bulk" in refused.value.next_step
    assert sync(case, "bulk").created == 1
    with pytest.raises(StudioRefused):
        press_sync(client, case)
    assert case.tally().doubled == 0


def test_a_second_storage_on_the_same_folder_is_refused(
    server: FaultServer, client: StudioClient
) -> None:
    case = server.case(IMAGES, "bulk")
    client.create_source_storage(
        case.project_id, {"title": "rival", "path": str(case.folder), "use_blob_urls": True}
    )
    with pytest.raises(ConfigurationError, match="'rival'"):
        sync(case, "bulk")
    assert case.task_count() == 0


def test_files_that_are_gone_are_reported_and_their_tasks_stay(server: FaultServer) -> None:
    case = server.case(IMAGES, "bulk")
    sync(case, "bulk")
    for path in sorted(case.folder.iterdir())[:3]:
        path.unlink()
    result = sync(case)
    assert (result.missing_files, result.complete) == (3, True)
    assert case.task_count() == IMAGES


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
    client.update_source_storage(storage, {"description": join(words, signature)})


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
        proxy.faults.append(broken.Fault(r"GET /api/tasks", other_signs))
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


def test_annotations_survive_a_repeated_sync(server: FaultServer, client: StudioClient) -> None:
    case = server.case(IMAGES, "bulk")
    sync(case, "bulk")
    submitted = [client.annotate(task, CAT) for task in case.task_ids()[:5]]
    case.add(5)
    sync(case)
    assert case.tally(submitted).annotations_lost == 0


def test_a_server_that_goes_away_while_the_tasks_are_listed_is_waited_for(
    server: FaultServer,
) -> None:
    case = server.case(IMAGES, "bulk")
    with broken.before(server.url) as proxy:
        away = broken.Fault(r"GET /api/tasks", broken.bad_gateway, times=GET_ATTEMPTS + 1)
        proxy.faults.append(away)
        result = finish(Backend().sync(case.workspace(proxy.url)))
    assert away.struck > GET_ATTEMPTS
    assert (result.created, result.duplicates, result.complete) == (IMAGES, 0, True)


def test_a_server_that_is_there_but_tells_nothing_of_its_sync_is_given_up(
    server: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ATTEMPTS", 2)
    case = server.case(IMAGES, "native")
    with broken.before(server.url) as proxy:
        proxy.faults.append(
            broken.Fault(r"GET /api/storages/localfiles/\d+", broken.bad_gateway, times=1000)
        )
        with pytest.raises(StudioUnreachable):
            finish(Backend().sync(case.workspace(proxy.url), "native"))
    assert case.task_count() in (0, IMAGES)


def test_what_is_tried_again_is_counted_while_it_happens(server: FaultServer) -> None:
    case = server.case(IMAGES, "bulk")
    events: list[Progress] = []
    with broken.before(server.url) as proxy:
        proxy.faults.append(broken.Fault(r"POST .*/import", broken.drop_after))
        result = finish(Backend().sync(case.workspace(proxy.url), "bulk"), events.append)
    assert result.complete
    assert max(event.retries for event in events) == result.retries == 1
