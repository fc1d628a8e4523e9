"""What a request proves itself with: a legacy token as it is, and for a personal one the access
that the server gives for it, asked for again before that ends.

The SDK's keeper of a token does it. The rest of the SDK is not loaded.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


class NoAccess(Exception):
    """The server gave no access for a token: its `status`, and the `body` of its answer."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


class Access:
    """The access that one token gives. Safe to use from several threads.

    The SDK's private names are used only in this class.
    """

    def __init__(self, token: str) -> None:
        self._token = token
        self._wrapper: Any = None
        self._lock = threading.Lock()

    def header(self, client: httpx.Client, url: str) -> str:
        """What stands in a request's `Authorization`; `client` asks the server at `url` for it.

        Raises NoAccess where it gives none, ValueError for an answer that is not Label Studio's.
        """
        from label_studio_sdk.core.api_error import ApiError
        from label_studio_sdk.core.client_wrapper import SyncClientWrapper

        try:
            with self._lock:
                if self._wrapper is None:
                    # It joins paths with urljoin, which drops a prefix without the slash.
                    self._wrapper = SyncClientWrapper(
                        base_url=f"{url}/", api_key=self._token, httpx_client=client
                    )
                return str(self._wrapper.get_headers()["Authorization"])
        except ApiError as error:
            raise NoAccess(error.status_code or 0, error.body) from None

    def renew(self) -> bool:
        """Have it asked for again with the next request; False where a token is sent as it is."""
        tokens = None if self._wrapper is None else self._wrapper._tokens_client
        if tokens is None or tokens._use_legacy_token:
            return False
        tokens._access_token = None
        return True
