"""The exit codes of the command line, and which error ends with which."""

from __future__ import annotations

from enum import IntEnum

import click


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    PARTLY = 4
    INTERRUPTED = 130


def exit_code(error: BaseException) -> ExitCode:
    """The exit code of an error; one that the table does not name has failed."""
    from core.errors import ConfigurationError, PartlyDone, StudioRefused, StudioUnreachable

    table: dict[type[BaseException], ExitCode] = {
        click.Abort: ExitCode.INTERRUPTED,
        KeyboardInterrupt: ExitCode.INTERRUPTED,
        click.ClickException: ExitCode.USAGE,
        ConfigurationError: ExitCode.USAGE,
        StudioUnreachable: ExitCode.UNREACHABLE,
        StudioRefused: ExitCode.UNREACHABLE,
        PartlyDone: ExitCode.PARTLY,
    }
    return next((code for kind, code in table.items() if isinstance(error, kind)), ExitCode.FAILED)
