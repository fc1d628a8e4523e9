"""What a sync did and what it proved."""

from __future__ import annotations

from dataclasses import dataclass

from core.tasks.modes import Mode


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a sync did and what it proved. Durations are in seconds."""

    mode: Mode
    images: int
    created: int
    existing: int
    duplicates: int
    missing_files: int
    retries: int
    seconds: float
    complete: bool

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot sync --json` prints."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __str__(self) -> str:
        tasks = self.existing + self.created
        return (
            f"{min(tasks, self.images):,} of {self.images:,} images are tasks, "
            f"{self.duplicates:,} duplicates, {self.retries:,} retries, {self.seconds:.0f} s"
        )
