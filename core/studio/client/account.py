"""Who asks."""

from __future__ import annotations

from core.masking import keep_secret
from core.studio.client.connection import Connection
from core.studio.expected import expect
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

    def invitation(self) -> str:
        """The page on which one can make an account, below the server's URL.

        It holds a token: whoever has the link can sign up.
        """
        return _signup_page(self.transport.get("api/invite"))

    def renew_invitation(self) -> str:
        """A new page of this kind; links that were given before lead nowhere from now on."""
        return _signup_page(self.transport.send("POST", "api/invite/reset-token"))


def _signup_page(body: object) -> str:
    answer = expect(body, "invite_url", "token")
    keep_secret(str(answer["token"]))
    return str(answer["invite_url"]).lstrip("/")
