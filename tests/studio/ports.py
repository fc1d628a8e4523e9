"""Ports of this machine for the tests' own servers."""

from __future__ import annotations

import socket


def free_port() -> int:
    """A port that is free, and that no server is given which asks for one in turn."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
