"""How a request reaches a Label Studio: one policy for all that labelpilot sends.

No redirect is followed, for it could carry a token or a password to another host. Nothing that is
for this machine passes a proxy, whatever the environment names. Every request has a time limit, and
every answer one of time and of size: what a server sends without end is not taken.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from core.read_only import refuse
from core.workspace.addresses import is_loopback

if TYPE_CHECKING:
    import httpx

# Of each step of a request: connecting, sending, every part of the answer.
STEP_SECONDS = 30.0
# Of a question that a healthy server answers at once.
ALIVE_SECONDS = 5.0
# What changes nothing: these methods, and these paths by any.
LOOKING = ("GET", "HEAD", "OPTIONS")
CHANGING_NOTHING = ("/api/token/refresh/", "/api/storages/localfiles/validate")
_CONNECTING = ("connection.connect_tcp.started", "connection.connect_tcp.complete")
# Of an answer, unpacked: a million predictions, listed at once, are two thirds of it.
MOST_BYTES = 2**29
# A part is unpacked whole: what packs denser than these, or twice, could fill the memory in one.
ENCODINGS = ("gzip", "deflate")


def http_client(
    url: str, seconds: float = STEP_SECONDS, confirm: Callable[[], None] | None = None
) -> httpx.Client:
    """A client for the Label Studio at `url`, which sends to paths below it.

    Each step of a request may take `seconds`, and so may the answer once it has begun. `confirm` is
    called before and after each connection is made, and raises where nothing may be sent over it.
    A request that could change anything raises ReadOnly where nothing may be changed. Raises
    httpx.InvalidURL.
    """
    from core.studio.lean_httpx import httpx

    def watch(request: httpx.Request) -> None:
        if request.method not in LOOKING and not request.url.path.endswith(CHANGING_NOTHING):
            refuse(f"Label Studio at {url}")
        if confirm is not None:
            request.extensions = {**request.extensions, "trace": traced}

    def traced(event: str, _: object) -> None:
        if confirm is not None and event in _CONNECTING:
            confirm()

    return httpx.Client(
        base_url=url,
        timeout=seconds,
        follow_redirects=False,
        trust_env=not is_loopback(url),
        verify=_trusted(url),
        headers={"Accept-Encoding": ", ".join(ENCODINGS)},
        event_hooks={
            "request": [watch],
            "response": [partial(_take_in, seconds)],
        },
    )


def _trusted(url: str) -> ssl.SSLContext | bool:
    """Whom a connection trusts. To load whom it should takes longer than a request to this machine
    does, which needs none: there it is nobody."""
    plain = url.startswith("http:") and is_loopback(url)
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True


def _take_in(seconds: float, answer: httpx.Response) -> None:
    """Read a whole answer. Raises httpx.DecodingError where it cannot be taken, and
    httpx.ReadTimeout where it takes too long."""
    from core.studio.lean_httpx import httpx

    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", *ENCODINGS):
        raise httpx.DecodingError(f"It is packed as {encoding[:40]}, which was not asked for.")
    deadline = time.monotonic() + seconds
    parts, size = [], 0
    for part in answer.iter_bytes():
        size += len(part)
        if size > MOST_BYTES:
            raise httpx.DecodingError(f"The answer is larger than {MOST_BYTES:,} bytes.")
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout(f"The answer had no end within {seconds:.0f} seconds.")
        parts.append(part)
    # What httpx's own `read` would do.
    answer._content = b"".join(parts)


def is_healthy(url: str) -> bool:
    """Whether a Label Studio answers at `url`."""
    from core.studio.lean_httpx import httpx

    try:
        with http_client(url, ALIVE_SECONDS) as client:
            return bool(client.get("/health").status_code == 200)
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def answering_version(url: str) -> str | None:
    """The version of the Label Studio that answers at `url`; None where none does."""
    from core.studio.lean_httpx import httpx

    try:
        with http_client(url, ALIVE_SECONDS) as client:
            answer = client.get("/api/version")
        return str(answer.json()["release"]) if answer.status_code == 200 else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return "unknown" if is_healthy(url) else None
