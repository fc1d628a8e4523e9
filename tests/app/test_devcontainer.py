"""The codespace is set up so that labelpilot and its server's page can be reached from it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from core.studio.process import FIRST_PORT, PORTS

FILE = Path(__file__).parents[2] / ".devcontainer" / "devcontainer.json"


def test_the_ports_of_our_server_are_named_and_the_first_is_forwarded() -> None:
    # The format is JSON with comments.
    settings = json.loads(re.sub(r"^\s*//.*$", "", FILE.read_text(), flags=re.MULTILINE))
    assert settings["forwardPorts"] == [FIRST_PORT]
    (ports,) = settings["portsAttributes"].items()
    first, last = map(int, ports[0].split("-"))
    assert (first, last) == (FIRST_PORT, FIRST_PORT + PORTS - 1)
