"""How a request reaches a Label Studio: one policy for all that labelpilot sends.

No redirect is followed, for it could carry a token or a password to another host. Nothing that is
for this machine passes a proxy, whatever the environment names. Every request has a time limit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from core.workspace.addresses import is_loopback

if TYPE_CHECKING:
    import httpx

# Of each step of a request: connecting, sending, every part of the answer.
STEP_SECONDS = 30.0
# Of a question that a healthy server answers at once.
ALIVE_SECONDS = 5.0
_CONNECTING = ("connection.connect_tcp.started", "connection.connect_tcp.complete")


def http_client(
    url: str, seconds: float = STEP_SECONDS, confirm: Callable[[], None] | None = None
) -> httpx.Client:
    """A client for the Label Studio at `url`, which sends to paths below it.

    Each step of a request may take `seconds`. `confirm` is called before and after each connection
    is made, and raises where nothing may be sent over it. Raises httpx.InvalidURL.
    """
    import httpx

    def watch(request: httpx.Request) -> None:
        request.extensions = {**request.extensions, "trace": traced}

    def traced(event: str, _: object) -> None:
        if confirm is not None and event in _CONNECTING:
            confirm()

    return httpx.Client(
        base_url=url,
        timeout=seconds,
        follow_redirects=False,
        trust_env=not is_loopback(url),
        event_hooks={"request": [watch] if confirm is not None else []},
    )


def is_healthy(url: str) -> bool:
    """Whether a Label Studio answers at `url`."""
    import httpx

    try:
        with http_client(url, ALIVE_SECONDS) as client:
            return bool(client.get("/health").status_code == 200)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def answering_version(url: str) -> str | None:
    """The version of the Label Studio that answers at `url`; None where none does."""
    import httpx

    try:
        with http_client(url, ALIVE_SECONDS) as client:
            answer = client.get("/api/version")
        return str(answer.json()["release"]) if answer.status_code == 200 else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return "unknown" if is_healthy(url) else None
