"""Faults of the network between labelpilot and the server, each as one harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from core.tasks.options import Mode
from tests.faults import proxy as broken
from tests.faults.meanwhile import short_waits
from tests.faults.server import FaultServer
from tests.faults.trial import IMAGES, Harm, Trial, until_done

IMPORT = r"POST /api/projects/\d+/import"
SYNC = r"POST /api/storages/localfiles/\d+/sync"
SIGN = r"PATCH /api/storages/"
LIST = r"GET /api/(labelpilot/)?tasks"
ANY = r"(GET|POST|PATCH) /api/(?!token|version|current-user)"


def _on_the_wire(
    mode: Mode, pattern: str, act: Callable[[broken.Exchange], None], skip: int, times: int
) -> Callable[[FaultServer], Trial]:
    """A fault of the network between labelpilot and the server."""

    def run(server: FaultServer) -> Trial:
        # Three batches, or what a storage makes one by one.
        case = server.case(IMAGES if mode == "bulk" else IMAGES // 5, mode)
        with short_waits(server), broken.before(server.url) as proxy:
            fault = broken.Fault(pattern, act, skip, times)
            proxy.faults.append(fault)
            _, said = until_done(case.workspace(proxy.url), mode)
            assert fault.struck, "the fault never came to pass"
        return Trial(case.tally(), tuple(said))

    return run


ACTS = (
    broken.drop_before,
    broken.drop_after,
    broken.drop_at_once,
    broken.bad_gateway,
    broken.too_many_requests,
    broken.html_500,
    broken.html_200,
    broken.other_json,
    broken.truncated,
    broken.one_byte_a_second,
    broken.hang_before,
    broken.hang_after,
    broken.gateway_timeout,
)


def network_faults() -> Iterator[Harm]:
    for act in ACTS:
        name = act.__name__.replace("_", " ")
        yield Harm(f"bulk: {name}", _on_the_wire("bulk", IMPORT, act, 1, 1))
        yield Harm(f"native: {name}", _on_the_wire("native", SYNC, act, 0, 1))
    for act in (
        broken.drop_after,
        broken.html_500,
        broken.other_json,
        broken.truncated,
        broken.bad_gateway,
    ):
        name = act.__name__.replace("_", " ")
        yield Harm(f"listing: {name}", _on_the_wire("bulk", LIST, act, 0, 2))
        yield Harm(f"signing: {name}", _on_the_wire("bulk", SIGN, act, 0, 1))
    yield Harm("bulk: too large", _on_the_wire("bulk", IMPORT, broken.too_large, 0, 99))
    yield Harm("bulk: each second answer lost", _every_second("bulk", IMPORT, broken.drop_after))
    yield Harm("bulk: down, then up", _on_the_wire("bulk", ANY, broken.bad_gateway, 6, 12))


def _every_second(
    mode: Mode, pattern: str, act: Callable[[broken.Exchange], None]
) -> Callable[[FaultServer], Trial]:
    def run(server: FaultServer) -> Trial:
        case = server.case(IMAGES, mode)
        with short_waits(server), broken.before(server.url) as proxy:
            proxy.faults += [broken.Fault(pattern, act, skip) for skip in (0, 1, 2)]
            _, said = until_done(case.workspace(proxy.url), mode)
        return Trial(case.tally(), tuple(said))

    return run
