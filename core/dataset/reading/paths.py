"""Paths of images, from the URLs that tasks hold, fast.

`core.images` says what the path of an image is; here the same answer is given for a million images
that share a few folders. Text that can be no path, or no text, is refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from core.images import LOCAL_FILES, image_path

# No file system has longer paths: this would be an image written into the task itself.
_LONGEST_PATH = 4096
# Names that stand at the end of a path as they stand at the end of the URL.
_is_plain = re.compile(r"[A-Za-z0-9_.-]{1,255}").fullmatch
_QUOTED = re.compile(r"[^?&#]+")
_DOTS = frozenset(("", ".", ".."))


class NotReadable(ValueError):
    """No record can be made of a file or a task; the text says why."""


class ImagePaths:
    """The paths of images relative to the folder `images`, by URL. It remembers their folders."""

    def __init__(self, images: Path) -> None:
        self._images = images
        self._prefixes: dict[str, str | None] = {}

    def __call__(self, url: str) -> str:
        """`core.images.image_path` of `url`. Raises NotReadable for what can be no path."""
        folder, _, name = url.rpartition("/")
        try:
            prefix = self._prefixes[folder]
        except KeyError:
            prefix = self._prefixes[folder] = self._prefix(folder)
        if prefix is not None:
            if _is_plain(name) and name not in _DOTS:
                return prefix + name
            if "%" in name and LOCAL_FILES in folder and _QUOTED.fullmatch(name):
                name = unquote(name)
                if name not in _DOTS and "/" not in name:
                    return _checked(prefix + name)
        return _checked(self._slowly(url))

    def _prefix(self, folder: str) -> str | None:
        """What stands before the names of the images whose URLs begin with `folder`.

        None where their paths do not simply end with their names.
        """
        probe = "probe"
        path = self._slowly(f"{folder}/{probe}")
        simple = folder and (path == probe or path.endswith("/" + probe))
        return _checked(path).removesuffix(probe) if simple else None

    def _slowly(self, url: str) -> str:
        try:
            return image_path(url, self._images)
        except ValueError as error:
            raise NotReadable(f"an image that is no path: {error}") from None


def encodable(text: str) -> str:
    """`text`. Raises NotReadable for half characters, which no file could hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotReadable("text that is not valid Unicode") from None
    return text


def is_inside(path: str) -> bool:
    """Whether an image's path, which comes from outside, stays in the image folder it is put to."""
    parts = path.split("/")
    return bool(path) and not path.startswith("/") and ".." not in parts and "\x00" not in path


def _checked(path: str) -> str:
    if len(path) > _LONGEST_PATH:
        raise NotReadable("an image that is written into the task itself")
    return path if path.isascii() else encodable(path)
