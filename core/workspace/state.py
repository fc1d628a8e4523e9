"""The folder `.labelpilot/`: all that labelpilot keeps for itself beside the user's files.

Nothing in it is the user's, and git ignores it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from core.errors import ConfigurationError

FOLDER_NAME = ".labelpilot"


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
    def cache(self) -> Path:
        """What is kept for speed alone: it can be thrown away."""
        return self.folder / "cache"

    def make(self) -> Path:
        """Create `.labelpilot/` (mode 0700) and return it.

        Raises ConfigurationError where it cannot be written to.
        """
        ignore = self.folder / ".gitignore"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not ignore.exists():
                ignore.write_text("*\n")
        except OSError as error:
            raise ConfigurationError(
                f"labelpilot cannot write to its folder {self.folder}.",
                cause=error.strerror or str(error),
                next_step="Mend the folder's rights, or make room.",
            ) from None
        return self.folder
