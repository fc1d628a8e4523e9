"""Whatever a proxy answers in Label Studio's place gives a sentence and a documented exit code."""

from __future__ import annotations

import pytest

from tests.faults import proxy as broken
from tests.faults.meanwhile import command, ended
from tests.faults.server import CONFIG, FaultServer

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
        processes = [command(server, root, *arguments) for arguments in COMMANDS]
        for arguments, process in zip(COMMANDS, processes, strict=True):
            code, out, err = ended(process)
            assert code in (0, 1, 2, 3, 4), (arguments, err)
            assert "Traceback" not in out + err, (arguments, err)
