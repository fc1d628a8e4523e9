"""The connection that every question goes over."""

from __future__ import annotations

from collections.abc import Callable

from core.studio.transport import Transport


class Connection:
    """One Label Studio, seen with one token."""

    def __init__(self, url: str, token: str, confirm: Callable[[], None] | None = None) -> None:
        self.transport = Transport(url, token, confirm)
        self.url = url

    def close(self) -> None:
        self.transport.close()
