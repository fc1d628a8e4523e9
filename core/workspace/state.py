"""The folder `.labelpilot/`: all that labelpilot keeps for itself beside the user's files.

Nothing in it is the user's, and git ignores it. It may have come with a workspace that somebody
else made, so what is in it is opened as `core.own_files` says.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from core.errors import ConfigurationError, LabelpilotError
from core.files import write_at_once
from core.own_files import FOLDER_NAME, make_own, read_own
from core.read_only import ReadOnly
from core.workspace.trust import is_own_mark, own_mark, refuse_others

_IGNORE_ALL = b"*\n"


@dataclass(frozen=True, slots=True)
class State:
    """What lies where in `.labelpilot/` below `root`. Only `make` makes anything."""

    root: Path

    @property
    def folder(self) -> Path:
        """`.labelpilot/` itself."""
        return self.root / FOLDER_NAME

    @property
    def server(self) -> Path:
        """The data folder of our own Label Studio."""
        return self.folder / "server"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def locks(self) -> Path:
        return self.folder / "locks"

    @property
    def rounds(self) -> Path:
        """One folder for each round of active learning."""
        return self.folder / "rounds"

    @property
    def classes(self) -> Path:
        """One folder for each change of what classes are called."""
        return self.folder / "classes"

    @property
    def settled(self) -> Path:
        """What was marked as ground truth before conflicts were settled."""
        return self.folder / "settled.json"

    @property
    def outbox(self) -> Path:
        """The labels made here that may not have arrived yet."""
        return self.folder / "outbox.sqlite"

    @property
    def not_taken(self) -> Path:
        """The labels made here that Label Studio does not take, for people to read."""
        return self.folder / "labels-not-taken.json"

    @property
    def replay(self) -> Path:
        """What the last replay of the labels found of the orders."""
        return self.cache / "replay.json"

    @property
    def cache(self) -> Path:
        """What is kept for speed alone: it can be thrown away."""
        return self.folder / "cache"

    def make(self) -> Path:
        """Create `.labelpilot/` (mode 0700) and return it.

        Raises ConfigurationError where it cannot be written to, is a link, or is not ours.
        """
        ignore = self.folder / ".gitignore"
        try:
            make_own(self.folder)
            refuse_others(self.folder, self.root)
            if self.folder.stat().st_mode & 0o077:
                self.folder.chmod(0o700)
            # An empty one, which a full disk leaves, or a stranger's would let git take secrets.
            with contextlib.suppress(FileNotFoundError):
                if read_own(ignore) == _IGNORE_ALL:
                    return self.folder
            write_at_once(ignore, _IGNORE_ALL)
        except ReadOnly:
            raise
        except OSError as error:
            raise ConfigurationError(
                f"labelpilot cannot write to its folder {self.folder}.",
                cause=error.strerror or str(error),
                next_step="Fix the folder's rights, or make room.",
            ) from None
        return self.folder

    def server_is_ours(self) -> bool:
        """Whether the data of our own Label Studio were made here, or are not there yet."""
        try:
            if not self.server.is_symlink() and not any(self.server.iterdir()):
                return True
            return is_own_mark(read_own(self._mark).decode())
        except FileNotFoundError:
            return not self.server.exists()
        except (OSError, ValueError, LabelpilotError):
            return False

    def make_server(self) -> Path:
        """Create the data folder of our own Label Studio, marked as made here, and return it.

        One that holds data already is marked by `mark_server` alone.
        """
        self.make()
        if not self.server.exists():
            make_own(self.server)
            # Without a mark, its user is asked before it is started again.
            with contextlib.suppress(LabelpilotError):
                self.mark_server()
        return self.server

    def mark_server(self) -> None:
        """Mark the data of our own Label Studio as made here, or taken for such."""
        write_at_once(self._mark, own_mark().encode(), mode=0o600)

    @property
    def _mark(self) -> Path:
        return self.server / "made-here"
