"""The access token, and where it is kept."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from core.progress import Work
    from core.secrets.credentials import Secret, Source
    from core.studio.tokens import Forgotten
    from core.workspace.settings import Workspace


class TokenCalls:
    """The access token, and where it is kept."""

    def find_token(self, workspace: Workspace) -> Secret | None:
        from core.secrets.credentials import find_secret

        return find_secret(workspace, "token")

    def token_source(self, workspace: Workspace) -> Source | None:
        """Where the token comes from; None where there is none, or it cannot be read now."""
        from core.errors import LabelpilotError

        with contextlib.suppress(LabelpilotError):
            found = self.find_token(workspace)
            return None if found is None else found.source
        return None

    def store_token(self, workspace: Workspace, token: str) -> Work[Source]:
        from core.studio.tokens import store_tried_token

        return store_tried_token(workspace, token)

    def rotate_token(self, workspace: Workspace) -> Source:
        from core.studio.tokens import rotate_token

        return rotate_token(workspace)

    def forget_token(self, workspace: Workspace) -> Forgotten:
        from core.studio.tokens import forget_token

        return forget_token(workspace)

    def needs_choice(self, workspace: Workspace) -> bool:
        from core.secrets.credentials import needs_choice

        return needs_choice(workspace)

    def agree_to_file(self, workspace: Workspace) -> Path:
        from core.secrets.credentials import agree_to_file

        return agree_to_file(workspace)

    def why_not_start(self) -> str:
        from core.secrets.keyrings import why_not_start

        return why_not_start()

    def is_new_keyring(self) -> bool:
        from core.secrets.keyrings import is_new_keyring

        return is_new_keyring()

    def start_keyring(self, password: str) -> None:
        from core.secrets.keyrings import start_keyring

        start_keyring(password)
