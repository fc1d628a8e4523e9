"""What a request proves itself with: a legacy token as it is, and for a personal one the access
that the server gives for it, asked for again when that has ended.

The SDK can do this too; to load what it does it with takes longer than most commands take.
"""

from __future__ import annotations

import base64
import binascii
import threading
import time
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    import httpx

_EXPIRED = {"detail": "It has expired."}


class NoAccess(Exception):
    """The server gave no access for a token: its `status`, and the `body` of its answer."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class Access:
    """The access that one token gives. Safe to use from several threads."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._claims = _claims(token)
        self._given = ""
        self._lock = threading.Lock()

    def header(self, client: httpx.Client, url: str) -> str:
        """What stands in a request's `Authorization`; `client` asks the server at `url` for it.

        Raises NoAccess where it gives none, ValueError for an answer that is not Label Studio's.
        """
        if self._claims is None:
            return f"Token {self._token}"
        with self._lock:
            if not self._given or _is_over(_claims(self._given)):
                self._given = self._asked(client, url)
            return f"Bearer {self._given}"

    def renew(self) -> bool:
        """Have it asked for again with the next request; False where a token is sent as it is."""
        self._given = ""
        return self._claims is not None

    def _asked(self, client: httpx.Client, url: str) -> str:
        if _is_over(self._claims):
            raise NoAccess(401, _EXPIRED)
        answer = client.post(f"{url}/api/token/refresh/", json={"refresh": self._token})
        body = orjson.loads(answer.content)
        if answer.status_code != 200:
            raise NoAccess(answer.status_code, body)
        if not isinstance(body, dict) or not isinstance(body.get("access"), str):
            raise ValueError("no access in it")
        return str(body["access"])


def _claims(token: str) -> dict[str, Any] | None:
    """What a token says of itself, which is not proven; None for a legacy one: it says nothing."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=="))
    except (binascii.Error, ValueError):
        return None
    return claims if isinstance(claims, dict) else None


def _is_over(claims: dict[str, Any] | None) -> bool:
    """Whether the time of a token with these claims has ended."""
    ends = (claims or {}).get("exp")
    return isinstance(ends, (int, float)) and ends < time.time()
