"""The palette's commands in the order in which the app gives them: what is sensible next first.

Textual's own provider sorts them by name.
"""

from __future__ import annotations

from textual.command import DiscoveryHit, Hits
from textual.system_commands import SystemCommandsProvider


class InOrder(SystemCommandsProvider):
    """The app's commands; a search among them is Textual's."""

    async def discover(self) -> Hits:
        for command in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(command.title, command.callback, help=command.help)
