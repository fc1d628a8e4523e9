"""What went wrong, why, and what to do next.

Every error that a person can meet is a `LabelpilotError`: one plain sentence, the cause, and the
next key or command. The faces (the app and the command line) print these three and nothing more;
a traceback is for our own mistakes only. An error never carries a secret, and nothing that could
steer a terminal: its parts may hold names and words from outside.
"""

from __future__ import annotations

from core.masking import mask_known, printable, redact


class LabelpilotError(Exception):
    """Something failed in a way that can be explained.

    `message` is one sentence; `cause` says why, in the words of whoever refused; `next_step` says
    what to do about it.
    """

    def __init__(self, message: str, *, cause: str = "", next_step: str = "") -> None:
        self.message = printable(mask_known(message))
        super().__init__(self.message)
        self.cause = printable(redact(cause))
        self.next_step = printable(next_step)

    @property
    def in_short(self) -> str:
        """What failed and why, without what to do about it."""
        return f"{self.message} {self.cause}".strip()

    def __str__(self) -> str:
        return "\n".join(part for part in (self.message, self.cause, self.next_step) if part)


class ConfigurationError(LabelpilotError):
    """The workspace, a file it names, or an option is not usable. Nothing was changed."""


class StudioUnreachable(LabelpilotError):
    """No Label Studio answered."""


class StudioRefused(LabelpilotError):
    """Label Studio answered, and said no (a token, a right, or a request it will not take).

    `status` is the HTTP status.
    """

    def __init__(
        self, message: str, *, cause: str = "", next_step: str = "", status: int = 0
    ) -> None:
        super().__init__(message, cause=cause, next_step=next_step)
        self.status = status


class PartlyDone(LabelpilotError):
    """A part was done and stays; the rest can be done by running the same thing again."""
