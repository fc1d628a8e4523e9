"""The door that every secret goes through: to which server it may be sent, and over which
connection.

To a server that is not on this machine, a token is sent once its user has agreed to that. Our own
server is found by its port, which another user of the machine could take while ours starts, or
after it died. So before anything is sent over a new connection, it is seen that the process which
listens there is ours, before the connection is made and after.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from core.studio.http import http_client
from core.studio.process import listens
from core.studio.server import server_url
from core.workspace.consents import may_send_token

if TYPE_CHECKING:
    import httpx

    from core.workspace.settings import Workspace

# Called when a connection is about to be made and when it is; raises where it must not be used.
Confirm: TypeAlias = Callable[[], None]


def door(workspace: Workspace) -> tuple[str, Confirm | None]:
    """The URL of the workspace's Label Studio, and what confirms a connection to it.

    Raises NotTrusted where the user has not agreed that a token is sent there, StudioUnreachable
    where our own server does not run.
    """
    may_send_token(workspace)
    url = server_url(workspace)
    return url, _confirm_own(workspace, url) if workspace.owns_server else None


def secret_client(workspace: Workspace) -> httpx.Client:
    """A client for the workspace's Label Studio that may send a secret. Raises as `door` does."""
    url, confirm = door(workspace)
    return http_client(url, confirm=confirm)


def _confirm_own(workspace: Workspace, url: str) -> Confirm:
    port = int(url.rpartition(":")[2])

    def confirm() -> None:
        from core.studio.lean_httpx import httpx

        if not listens(workspace, port):
            raise httpx.ConnectError(
                f"What listens on port {port}, if anything does, is not labelpilot's own Label "
                "Studio, so nothing was sent to it."
            )

    return confirm
