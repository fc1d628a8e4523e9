"""The codespace is set up so that labelpilot and its server's page can be reached from it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from core.studio.server import FIRST_PORT

FILE = Path(__file__).parents[2] / ".devcontainer" / "devcontainer.json"


def test_the_port_of_our_server_is_forwarded_and_private() -> None:
    # The format is JSON with comments.
    settings = json.loads(re.sub(r"^\s*//.*$", "", FILE.read_text(), flags=re.MULTILINE))
    assert settings["forwardPorts"] == [FIRST_PORT]
    (ports,) = settings["portsAttributes"].items()
    first, last = map(int, ports[0].split("-"))
    assert first <= FIRST_PORT <= last
    assert ports[1]["visibility"] == "private"
