"""The server, and who signs in to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from core.progress import Work
    from core.secrets.credentials import Source
    from core.studio.moving import MoveResult
    from core.studio.server import ServerStatus
    from core.workspace.settings import Workspace


class ServerCalls:
    """The server, and who signs in to it."""

    def status(self, workspace: Workspace) -> ServerStatus:
        from core.studio.server import server_status

        return server_status(workspace)

    def start_server(self, workspace: Workspace) -> Work[ServerStatus]:
        from core.studio.starting import start_server

        return start_server(workspace)

    def stop_server(self, workspace: Workspace) -> Work[bool]:
        from core.progress import Progress
        from core.studio.server import stop_server

        yield Progress("stop the server")
        return stop_server(workspace)

    def log_tail(self, workspace: Workspace, lines: int) -> tuple[Path, list[str]]:
        """The server's log, and its last lines without secrets."""
        from core.studio.server import log_file, log_tail

        log = log_file(workspace)
        return log, log_tail(log, size=lines * 2000)[-lines:]

    def sign_in(self, workspace: Workspace) -> tuple[str, str] | None:
        from core.studio.account import sign_in_with

        return sign_in_with(workspace)

    def reset_password(self, workspace: Workspace) -> Work[Source]:
        from core.studio.account import reset_password

        return reset_password(workspace)

    def move_database(self, workspace: Workspace, url: str) -> Work[MoveResult]:
        from core.studio.moving import move_database

        return move_database(workspace, url)
