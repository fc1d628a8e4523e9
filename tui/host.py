"""What a screen, a dialog or a widget may ask of the app.

They depend on this and never on the app itself, which knows them all. What is Textual's own
(`push_screen`, `call_from_thread`) they ask of Textual's app.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.message_pump import MessagePump
    from textual.signal import Signal

    from core.dataset.conflicts import Conflict
    from core.learning.measuring.suspects import Suspect
    from tui.backend import Backend
    from tui.jobs import Jobs
    from tui.journal import Journal
    from tui.state import WorkspaceState


class Host(Protocol):
    """The app, as far as its parts know it. `changed` is published when there is news."""

    backend: Backend
    jobs: Jobs
    journal: Journal
    changed: Signal[None]
    # Published when the terminal has answered, with the moment of it: what was painted before it
    # was asked is on the screen then.
    echo: Signal[float]

    @property
    def state(self) -> WorkspaceState:
        """What is known of the workspace and its server."""

    def check(self) -> None:
        """Check the workspace and its server again."""

    def ask_echo(self) -> None:
        """Ask the terminal to answer once it has painted what it was told so far."""

    def back(self) -> None:
        """Open the section that was open before this one."""

    def label_again(self, doubts: Sequence[Suspect] | Sequence[Conflict] | None) -> None:
        """Open the label section on the images whose labels are doubted, or without `doubts` on
        those of which second opinions are asked."""

    def say(self, text: str, severity: str = "information") -> None:
        """A toast. The text is shown as it is."""

    def copy_out(self, text: str) -> None:
        """Copy `text` to the user's clipboard, and keep it in a file as well."""


def host_of(part: MessagePump) -> Host:
    """The app that `part` is shown by."""
    return cast(Host, part.app)
