"""Who asks."""

from __future__ import annotations

from core.studio.client.connection import Connection
from core.studio.listings import listed
from core.studio.models import Account, read_account


class AccountCalls(Connection):
    """Who asks."""

    def whoami(self) -> Account:
        """Whom the token belongs to."""
        return read_account(self.transport.get("api/current-user/whoami"))

    def accounts(self) -> list[Account]:
        """Everybody who has an account."""
        return [read_account(item) for item in listed(self.transport, "api/users/", {})]

    def make_account(self, email: str) -> Account:
        """Make an account, without a password, for the labels of whoever has this address."""
        body = {"email": email, "username": email}
        return read_account(self.transport.send("POST", "api/users/", body=body))
