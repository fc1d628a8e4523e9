"""Completes the path of a folder or file while it is typed; the right arrow takes it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from textual.suggester import Suggester

# Entries of a folder looked at: one with a million images must not hold up a letter.
MOST_ENTRIES = 5000


class PathSuggester(Suggester):
    """Suggests what exists below `root`; folders end with a slash."""

    def __init__(self, root: Path, *, files: bool) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._root = root
        self._files = files

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(self._complete, value)

    def _complete(self, value: str) -> str | None:
        head, _, begun = value.rpartition("/")
        if not value or (not begun and not head):
            return None
        above = f"{head}/" if "/" in value else ""
        folder = self._root / os.path.expanduser(above)
        found: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for _, entry in zip(range(MOST_ENTRIES), entries, strict=False):
                    hidden = entry.name.startswith(".") and not begun.startswith(".")
                    if hidden or not entry.name.startswith(begun):
                        continue
                    if entry.is_dir():
                        found.append(entry.name + "/")
                    elif self._files and entry.name != begun:
                        found.append(entry.name)
        except (OSError, ValueError):
            return None
        if not found:
            return None
        return above + min(found)
