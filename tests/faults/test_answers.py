"""Whatever a proxy answers in Label Studio's place gives a sentence and a documented exit code."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults import proxy as broken
from tests.faults.server import CONFIG, FaultServer
from tests.studio.command import run

BODIES = ["[]", '{"id": 1, "results": [7], "tasks": ["x"], "total": 1}']
COMMANDS = [
    ("setup",),
    ("sync",),
    ("export", "--from", "api"),
    ("rounds",),
    ("open",),
    ("doctor",),
]


@pytest.mark.parametrize("body", BODIES)
def test_an_answer_of_something_else_is_never_a_traceback(server: FaultServer, body: str) -> None:
    case = server.case(3, "bulk")

    def answer(exchange: broken.Exchange) -> None:
        exchange.answer("200 OK", body, "Content-Type: application/json")

    with broken.before(server.url) as proxy:
        proxy.faults.append(broken.Fault(r"\w+ /api/(?!version|token)", answer, times=10_000))
        root = case.write(proxy.url)
        (root / "labeling").mkdir()
        (root / "labeling" / "project_config.xml").write_text(CONFIG)
        where = ("--workspace", str(root))
        with ThreadPoolExecutor(len(COMMANDS)) as pool:
            waiting = [
                pool.submit(run, *arguments, *where, LABEL_STUDIO_API_KEY=server.token)
                for arguments in COMMANDS
            ]
        for arguments, done in zip(COMMANDS, (one.result() for one in waiting), strict=True):
            assert done.code in (0, 1, 2, 3, 4), (arguments, done.err)
            assert "Traceback" not in done.out + done.err, (arguments, done.err)
