"""Who asks."""

from __future__ import annotations

from core.studio.client.connection import Connection
from core.studio.models import Account, read_account


class AccountCalls(Connection):
    """Who asks."""

    def whoami(self) -> Account:
        """Whom the token belongs to."""
        return read_account(self.transport.get("api/current-user/whoami"))
