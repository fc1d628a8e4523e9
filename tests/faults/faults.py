"""Everything that is done to a sync: each fault as one function that does it and tells the truth.

A fault gets a server and says, after it has struck and the sync was run again as a person would,
what was lost and doubled. The tests run each once, the table as often as it is asked to.
"""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from collections.abc import Callable, Iterator

from core.errors import LabelpilotError
from core.progress import finish
from core.tasks.options import Mode
from core.tasks.proof import SyncResult
from tests.faults import proxy as broken
from tests.faults.meanwhile import (
    Annotator,
    command,
    ended,
    full_disk,
    locked_database,
    short_waits,
    wait_until,
)
from tests.faults.network import IMPORT, network_faults
from tests.faults.server import CAT, FaultServer
from tests.faults.trial import IMAGES, Harm, Trial, until_done
from tui.backend import Backend


def lands_late(server: FaultServer) -> Trial:
    """A POST that the server gets only when its batch has been sent again."""
    case = server.case(IMAGES, "bulk")
    with short_waits(server), broken.before(server.url) as proxy:
        proxy.faults.append(broken.Fault(IMPORT, broken.delivered_late(1.7), skip=1))
        # The batch after it takes its time, so that the late one lands while the sync runs.
        proxy.faults.append(broken.Fault(IMPORT, _slowly(1.5), skip=2))
        _, said = until_done(case.workspace(proxy.url), "bulk")
    assert any("landed twice" in words for words in said), said
    return Trial(case.tally(), tuple(said))


def lands_after_the_end(server: FaultServer) -> Trial:
    """A POST that the server gets when the sync has ended; the next one takes it back."""
    case = server.case(IMAGES, "bulk")
    with short_waits(server), broken.before(server.url) as proxy:
        proxy.faults.append(broken.Fault(IMPORT, broken.delivered_late(4.0), skip=2))
        workspace = case.workspace(proxy.url)
        result, said = until_done(workspace, "bulk")
        assert result.images == IMAGES
        wait_until(lambda: case.tally().doubled, 30)
        _, said = until_done(workspace, "bulk")
    assert any("landed twice" in words for words in said), said
    return Trial(case.tally(), tuple(said))


def lands_late_and_is_annotated(server: FaultServer) -> Trial:
    """Tasks that landed twice are annotated before they can be taken back: those stay."""
    case = server.case(IMAGES, "bulk")
    with short_waits(server), broken.before(server.url) as proxy:
        proxy.faults.append(broken.Fault(IMPORT, broken.delivered_late(4.0), skip=2))
        workspace = case.workspace(proxy.url)
        until_done(workspace, "bulk")
        wait_until(lambda: case.tally().doubled, 30)
        with contextlib.closing(server.client()) as client:
            submitted = [client.annotate(task, CAT) for task in case.task_ids()[-10:]]
        until_done(workspace, "bulk")
    return Trial(case.tally(submitted))


def _slowly(seconds: float) -> Callable[[broken.Exchange], None]:
    def act(exchange: broken.Exchange) -> None:
        time.sleep(seconds)
        exchange.client.sendall(exchange.forward())

    return act


def stalled_database(server: FaultServer) -> Trial:
    """The server can write nothing for longer than a proxy waits; then everything lands at once."""
    case = server.case(IMAGES, "bulk")
    with short_waits(server), broken.before(server.url) as proxy, contextlib.ExitStack() as lock:

        def stall(exchange: broken.Exchange) -> None:
            lock.enter_context(locked_database(server))
            threading.Timer(4.0, lock.close).start()
            broken.gateway_timeout(exchange)

        proxy.faults.append(broken.Fault(IMPORT, stall, skip=1))
        _, said = until_done(case.workspace(proxy.url), "bulk")
    return Trial(case.tally(), tuple(said))


def annotated_meanwhile(mode: Mode) -> Callable[[FaultServer], Trial]:
    """An annotation is submitted every 100 ms during the sync."""

    def run(server: FaultServer) -> Trial:
        case = server.case(IMAGES if mode == "native" else 8 * IMAGES, mode)
        with short_waits(server):
            first = server.client()
            with contextlib.closing(first), Annotator(case) as annotator:
                _, said = until_done(case.workspace(server.url), mode)
        assert annotator.submitted, "nothing was annotated during the sync"
        return Trial(case.tally(annotator.submitted), tuple(said))

    return run


def folder_changes(mode: Mode) -> Callable[[FaultServer], Trial]:
    """Files come and go during the sync; the next one finds what is there."""

    def run(server: FaultServer) -> Trial:
        case = server.case(IMAGES, mode)
        stop = threading.Event()

        def change() -> None:
            number = 0
            while not stop.wait(0.02):
                (case.folder / f"new {number:04}.png").touch()
                (case.folder / f"img {number * 3:06}.png").unlink(missing_ok=True)
                number += 1

        thread = threading.Thread(target=change)
        with short_waits(server):
            thread.start()
            with contextlib.suppress(AssertionError):
                until_done(case.workspace(server.url), mode, runs=1)
            stop.set()
            thread.join()
            result, said = until_done(case.workspace(server.url), mode)
        tally = case.tally()
        gone = case.task_count() - result.images
        assert result.missing_files == gone, "tasks without a file are reported"
        return Trial(tally, tuple(said))

    return run


def revoked_token(server: FaultServer) -> Trial:
    """The token is no longer accepted, in the middle of a sync; then there is a new one."""
    case = server.case(IMAGES, "bulk")
    with short_waits(server), broken.before(server.url) as proxy:
        # One has to be seen; on a busy machine, an answer can come later than is waited for here.
        proxy.faults.append(broken.Fault(IMPORT, broken.unauthorized, skip=1, times=4))
        result, said = until_done(case.workspace(proxy.url), "bulk")
        assert any("does not accept the token" in words for words in said), said
        assert 0 < result.existing < IMAGES
    return Trial(case.tally(), tuple(said))


def disk_full(mode: Mode) -> Callable[[FaultServer], Trial]:
    """The disk under the database is full, and then it is not."""

    def run(server: FaultServer) -> Trial:
        case = server.case(IMAGES, mode)
        with short_waits(server):
            workspace = case.workspace(server.url)
            with full_disk(server):
                try:
                    finish(Backend().sync(workspace, mode))
                except LabelpilotError as error:
                    said = [f"{error.message} {error.cause}"]
                else:
                    raise AssertionError("a full disk was not noticed")
            until_done(workspace, mode)
        return Trial(case.tally(), tuple(said))

    return run


def two_at_once(mode: Mode, *, apart: bool) -> Callable[[FaultServer], Trial]:
    """Two labelpilots: of one workspace, or of two that know nothing of each other."""

    def run(server: FaultServer) -> Trial:
        case = server.case(8 * IMAGES if mode == "bulk" else IMAGES, mode)
        one = case.write(server.url)
        two = case.write(server.url, "there") if apart else one
        processes = [command(server, root, "sync", "--mode", mode, "--json") for root in (one, two)]
        codes, said = [], []
        for process in processes:
            code, _, err = ended(process)
            codes.append(code)
            said += [line for line in err.splitlines() if "Another labelpilot" in line]
        assert 0 in codes and set(codes) <= {0, 1, 4}, (codes, said)
        with short_waits(server):
            until_done(case.workspace(server.url), mode)
        return Trial(case.tally(), tuple(said))

    return run


def labelpilot_killed(mode: Mode) -> Callable[[FaultServer], Trial]:
    """SIGKILL for labelpilot at a random moment; then it is started again."""

    def run(server: FaultServer) -> Trial:
        case = server.case(15 * IMAGES if mode == "bulk" else 2 * IMAGES, mode)
        root = case.write(server.url)
        process = command(server, root, "sync", "--mode", mode, "--json")
        wait_until(lambda: case.task_count() or process.poll() is not None)
        time.sleep(random.uniform(0, 1.0))
        process.kill()
        process.communicate()
        before = case.task_count()
        code, out, err = ended(command(server, root, "sync", "--mode", mode, "--json"))
        assert code == 0, err
        result = json.loads(out)
        assert result["existing"] >= before
        assert result["existing"] + result["created"] == result["images"]
        return Trial(case.tally())

    return run


def server_killed(mode: Mode) -> Callable[[FaultServer], Trial]:
    """SIGKILL for the server at a random moment; it is started again while labelpilot waits."""

    def run(server: FaultServer) -> Trial:
        case = server.case(15 * IMAGES if mode == "bulk" else 2 * IMAGES, mode)
        workspace = case.own_workspace()
        done: list[tuple[SyncResult, list[str]]] = []
        failed: list[AssertionError] = []

        def sync() -> None:
            try:
                done.append(until_done(workspace, mode))
            except AssertionError as error:
                failed.append(error)

        with short_waits(server):
            thread = threading.Thread(target=sync)
            thread.start()
            wait_until(lambda: case.task_count() or not thread.is_alive())
            time.sleep(random.uniform(0, 1.0))
            server.kill_server()
            server.start()
            thread.join(120)
        assert done, failed or "the sync did not come to its end"
        return Trial(case.tally(), tuple(done[0][1]))

    return run


def _harms() -> Iterator[Harm]:
    yield from network_faults()
    yield Harm("bulk: lands late", lands_late)
    yield Harm("bulk: lands after the end", lands_after_the_end)
    yield Harm("bulk: lands late, annotated", lands_late_and_is_annotated)
    yield Harm("bulk: stalled database", stalled_database)
    yield Harm("bulk: revoked token", revoked_token)
    modes: tuple[Mode, ...] = ("bulk", "native")
    for mode in modes:
        yield Harm(f"{mode}: annotated every 100 ms", annotated_meanwhile(mode))
        yield Harm(f"{mode}: files come and go", folder_changes(mode))
        yield Harm(f"{mode}: disk full", disk_full(mode))
        yield Harm(f"{mode}: two of one workspace", two_at_once(mode, apart=False))
        yield Harm(f"{mode}: two of two workspaces", two_at_once(mode, apart=True))
        yield Harm(f"{mode}: labelpilot killed", labelpilot_killed(mode))
        yield Harm(f"{mode}: server killed", server_killed(mode))


HARMS: tuple[Harm, ...] = tuple(_harms())
