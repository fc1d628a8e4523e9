"""The names of an image folder's files as the disk spells them.

A URL can spell a name otherwise: with an accent composed or apart, with backslashes where a task
was made on Windows, or as Label Studio stored an upload. The folder is looked into only for those.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from unicodedata import normalize

# Label Studio keeps an upload in a folder of its project, behind eight digits of its own.
_UPLOAD = re.compile(r"(?:^|/)(upload/\d+/[0-9a-f]{8}-([^/]+))$")
# What Django leaves out of an upload's name, besides making each space an underscore.
_NOT_IN_UPLOADS = re.compile(r"[^-\w.]")


class FolderNames:
    """The names in `folder`, listed once, when the first is asked for that needs it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spellings: dict[str, dict[str, str]] = {}
        self._uploadable: dict[str, str | None] | None = None

    def has(self, path: str) -> bool:
        """Whether the folder has a file of just this name."""
        try:
            return os.path.lexists(self._folder / path)
        except ValueError:
            return False

    def spelled(self, path: str) -> str:
        """`path` as the disk spells it; what is not there has its accents composed."""
        if path.isascii():
            return path
        above, parts = "", list[str]()
        for part in path.split("/"):
            found = part
            if not part.isascii():
                names, composed = self._names(above), normalize("NFC", part)
                found = names.get(part) or names.get(composed, composed)
            parts.append(found)
            above = "/".join(parts)
        return above

    def of_upload(self, path: str) -> str | None:
        """The one image of which `path` is an upload; None for no upload, and where it is open."""
        name = upload_name(path)
        if name is None:
            return None
        if self._uploadable is None:
            self._uploadable = self._list_uploadable()
        return self._uploadable.get(_as_uploaded(name))

    def _names(self, above: str) -> dict[str, str]:
        """What the subfolder `above` has to say: composed name -> name, where the two differ.

        Where the folder has a name in both forms, each stands for itself.
        """
        known = self._spellings.get(above)
        if known is None:
            known = self._spellings[above] = {}
            listed = {name for name in self._list(above) if not name.isascii()}
            for name in sorted(listed):
                composed = normalize("NFC", name)
                if composed == name:
                    continue
                if composed in listed or composed in known:
                    known[name] = name
                known.setdefault(composed, composed if composed in listed else name)
        return known

    def _list(self, above: str) -> list[str]:
        try:
            return os.listdir(self._folder / above)
        except (OSError, ValueError):
            return []

    def _list_uploadable(self) -> dict[str, str | None]:
        """Name as an upload has it -> path; None where several images would have it."""
        found: dict[str, str | None] = {}
        for here, _, names in os.walk(self._folder):
            below = os.path.relpath(here, self._folder)
            for name in names:
                path = name if below == "." else f"{below}/{name}"
                uploaded = _as_uploaded(name)
                found[uploaded] = None if uploaded in found else path
        return found


def upload_name(path: str) -> str | None:
    """The name of a file that was uploaded to Label Studio; None where `path` is no upload's."""
    found = _UPLOAD.search(path)
    return None if found is None else found[2]


def upload_path(path: str) -> str | None:
    """Where Label Studio keeps an upload; None where `path` is no upload's."""
    found = _UPLOAD.search(path)
    return None if found is None else found[1]


def _as_uploaded(name: str) -> str:
    return _NOT_IN_UPLOADS.sub("", normalize("NFC", name).strip().replace(" ", "_"))
