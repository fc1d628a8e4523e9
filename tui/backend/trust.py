"""What this machine's user has agreed to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from core.workspace.settings import Workspace
    from core.workspace.trust import Consent, NotTrusted


class TrustCalls:
    """What a workspace wants that its user has to agree to, and what was agreed to."""

    def agreed(self) -> list[Consent]:
        from core.workspace.trust import agreed

        return agreed()

    def agree(self, consent: Consent) -> None:
        from core.workspace.trust import agree

        agree(consent)

    def wanted(self, root: Path) -> list[Consent]:
        """What the workspace in `root` wants that nobody has agreed to; [] where there is none."""
        from core.errors import ConfigurationError
        from core.workspace.consents import wanted
        from core.workspace.settings import load_workspace
        from core.workspace.trust import NotTrusted

        try:
            return wanted(load_workspace(root))
        except NotTrusted as error:
            return [error.consent]
        except ConfigurationError:
            return []

    def refused_token(self, workspace: Workspace) -> NotTrusted | None:
        """Why no token is sent to the workspace's server, where its user has to agree first."""
        from core.workspace.consents import may_send_token
        from core.workspace.trust import NotTrusted

        try:
            may_send_token(workspace)
        except NotTrusted as error:
            return error
        return None

    def forget_agreed(self, root: Path) -> list[Consent]:
        from core.workspace.trust import forget

        return forget(root)
