"""The connection that every question goes over."""

from __future__ import annotations

from core.studio.transport import Transport


class Connection:
    """One Label Studio, seen with one token."""

    def __init__(self, url: str, token: str) -> None:
        self.transport = Transport(url, token)
        self.url = url

    def close(self) -> None:
        self.transport.close()
