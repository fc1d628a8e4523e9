"""A project's images are synced in one way, and nothing that anybody presses doubles them."""

from __future__ import annotations

import pytest

from core.errors import ConfigurationError, StudioRefused, StudioUnreachable
from core.progress import Progress, finish
from core.studio.client import StudioClient
from core.studio.transport import GET_ATTEMPTS
from core.tasks import limits
from core.tasks.options import Mode
from tests.faults import proxy as broken
from tests.faults.meanwhile import press_sync
from tests.faults.network import LIST
from tests.faults.server import Case, FaultServer
from tests.faults.trial import sync
from tui.backend import Backend

IMAGES = 40
pytestmark = pytest.mark.usefixtures("short")


def import_by_hand(client: StudioClient, case: Case, *names: str) -> None:
    client.import_tasks(case.project_id, [{"image": name} for name in names], 60)


def url(case: Case, number: int) -> str:
    return f"/data/local-files/?d={case.name}/img%20{number:06}.png"


@pytest.mark.parametrize("mode", ["bulk", "native"])
def test_a_second_sync_sends_what_is_missing_alone_and_in_the_same_way(
    server: FaultServer, mode: Mode
) -> None:
    case = server.case(IMAGES, mode)
    assert sync(case, mode).created == IMAGES
    with broken.before(server.url) as proxy:
        again = finish(Backend().sync(case.workspace(proxy.url)))
        sent = [line for line in proxy.seen if line.startswith("POST") and "import" in line]
        synced = [line for line in proxy.seen if "/sync" in line]
        proxy.seen.clear()
        finish(Backend().sync(case.workspace(proxy.url)))
        looked_for = [line for line in proxy.seen if "storage_filename" in line]
    assert (again.mode, again.created, again.complete) == (mode, 0, True)
    assert not sent and not synced
    # Who made the tasks is not asked again: the server would look at each of them.
    assert not looked_for
    assert case.task_count() == IMAGES
    case.add(7)
    with pytest.raises(ConfigurationError) as refused:
        sync(case, "native" if mode == "bulk" else "bulk")
    assert f"synced in {mode} mode" in refused.value.message
    assert "second time" in refused.value.cause
    assert case.task_count() == IMAGES
    result = sync(case)
    assert (result.mode, result.existing, result.created) == (mode, IMAGES, 7)
    assert case.tally().doubled == 0


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
    client.update_storage(storage, {"synchronizable": True})
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


def test_a_server_that_goes_away_while_the_tasks_are_listed_is_waited_for(
    server: FaultServer,
) -> None:
    case = server.case(IMAGES, "bulk")
    with broken.before(server.url) as proxy:
        away = broken.Fault(LIST, broken.bad_gateway, times=GET_ATTEMPTS + 1)
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
