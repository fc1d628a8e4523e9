"""An image: its path in the image folder, the URL by which its task names it, and its tag.

The one place that makes and reads them, so that task data, annotation files and the manifest agree.
A path is relative to the image folder, with `/` between its parts. A tag is the name by which the
user's code knows an image: its file's stem, or, where the workspace says `tag = "path"`, its path.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import quote, unquote

from core.errors import ConfigurationError

LOCAL_FILES = "/data/local-files/"
# The scheme of an image's URL, by the type of the cloud storage that it lies in.
CLOUD_SCHEMES = {"s3": "s3", "gcs": "gs", "azure": "azure-blob", "redis": "redis"}
# No file system has longer paths: this would be an image written into the task itself.
LONGEST_PATH = 4096

# How an image gets its tag: by its file's stem, or by its path in the image folder.
Tag = Literal["stem", "path"]

_IMAGE_NAME = re.compile(r"(?i)\.(png|jpe?g|gif|bmp|webp|tiff?|svg)$")
# Names that stand at the end of a path as they stand at the end of the URL.
_is_plain = re.compile(r"[A-Za-z0-9_.-]{1,255}").fullmatch
_is_quoted = re.compile(r"[^?&#]+").fullmatch
_QUERY = re.compile(r"[?#]")
_DOTS = frozenset(("", ".", ".."))


def url_maker(folder: Path, document_root: Path) -> Callable[[str], str]:
    """A function from a path relative to `folder` to the URL that Label Studio's own sync gives it.

    `folder` lies below `document_root`, to which the server's file URLs are relative.
    """
    beginning = f"{LOCAL_FILES}?d={quote(str(folder.relative_to(document_root)))}/"
    return lambda path: beginning + quote(path)


def bucket_url(storage_type: str, bucket: str) -> str:
    """What the URLs of the images in a cloud storage begin with."""
    return f"{CLOUD_SCHEMES[storage_type]}://{bucket}/"


def is_image_url(text: str) -> bool:
    """Whether a text in a task's data is an image's URL, as far as its look tells."""
    return LOCAL_FILES in text or _IMAGE_NAME.search(text.partition("?")[0]) is not None


def served_path(url: str) -> str:
    """The path inside a task's image URL, with its quoting undone where Label Studio quoted it.

    `/data/local-files/?d=data/a%20b.png` gives `data/a b.png`; `s3://bucket/a.png` gives `a.png`;
    what has no known shape is returned as it is.
    """
    _, found, query = url.partition(LOCAL_FILES + "?")
    if found:
        for part in query.split("&"):
            if part.startswith("d="):
                # The quoting is urllib's `quote`: a plus sign is a plus sign.
                return unquote(part[2:])
    scheme, found, rest = url.partition("://")
    if not found:
        return url
    if scheme not in ("http", "https"):
        return rest.partition("/")[2]
    # Not by urllib, which raises where a host is none: whatever a task holds is read.
    return unquote(_QUERY.split(rest, maxsplit=1)[0].partition("/")[2].lstrip("/"))


def path_inside(url: str, images: Path) -> str | None:
    """The path of a task's image relative to the folder `images`; None for one that is elsewhere.

    `url` is a task's image URL or an absolute file path. A local-files URL is relative to the
    server's document root, which is some parent of `images`.
    """
    path = served_path(url)
    if ".." in path or "//" in path or "/./" in path:
        path = os.path.normpath(path)
    if path.startswith("/"):
        return path.removeprefix(f"{images}/") if path.startswith(f"{images}/") else None
    for beginning in _beginnings(images):
        if path.startswith(beginning):
            return path[len(beginning) :]
    return None


@lru_cache(maxsize=8)
def _beginnings(images: Path) -> tuple[str, ...]:
    """How the folder can be named from each of its parents, the longest first.

    In a folder `train/train`, what begins with both names is meant so, and no folder in it.
    """
    parts = images.parts[1:]
    return tuple("/".join(parts[start:]) + "/" for start in range(len(parts)))


def image_path(url: str, images: Path) -> str:
    """As `path_inside`; what is elsewhere is returned as the path that the URL holds."""
    inside = path_inside(url, images)
    return os.path.normpath(served_path(url)) if inside is None else inside


class ImagePaths:
    """`image_path` for the folder `images`, fast: a million images share a few folders, which are
    remembered."""

    def __init__(self, images: Path) -> None:
        self._images = images
        self._prefixes: dict[str, str | None] = {}

    def __call__(self, url: str) -> str:
        """The image's path. Raises ValueError, saying why, for what can be no file's."""
        folder, _, name = url.rpartition("/")
        try:
            prefix = self._prefixes[folder]
        except KeyError:
            prefix = self._prefixes[folder] = self._prefix(folder)
        if prefix is not None:
            if _is_plain(name) and name not in _DOTS:
                return prefix + name
            if "%" in name and LOCAL_FILES in folder and _is_quoted(name):
                name = unquote(name)
                if name not in _DOTS and "/" not in name:
                    return _checked(prefix + name)
        return _checked(image_path(url, self._images))

    def _prefix(self, folder: str) -> str | None:
        """What stands before the names of the images whose URLs begin with `folder`.

        None where their paths do not simply end with their names.
        """
        probe = "probe"
        path = image_path(f"{folder}/{probe}", self._images)
        simple = folder and (path == probe or path.endswith("/" + probe))
        return _checked(path).removesuffix(probe) if simple else None


def _checked(path: str) -> str:
    if len(path) > LONGEST_PATH:
        raise ValueError("an image that is written into the task itself")
    if not path.isascii():
        try:
            path.encode()
        except UnicodeEncodeError:
            raise ValueError("text that is not valid Unicode") from None
    return path


def is_inside(path: str) -> bool:
    """Whether an image's path, which comes from outside, stays in the image folder it is put to."""
    parts = path.split("/")
    return bool(path) and not path.startswith("/") and ".." not in parts and "\x00" not in path


def tag_of(path: str, rule: Tag) -> str:
    """The tag of the image at `path`."""
    if rule == "path":
        return path
    name = path.rpartition("/")[2]
    # As `PurePosixPath.stem` does, at a tenth of its time: a million images come through here.
    stem, _, suffix = name.rpartition(".")
    return stem if stem and suffix else name


def tags_by_path(paths: Iterable[str], rule: Tag) -> dict[str, str]:
    """Tag -> path for every path in `paths`.

    Raises ConfigurationError, naming both, where two images have one tag.
    """
    found: dict[str, str] = {}
    for path in paths:
        other = found.setdefault(tag_of(path, rule), path)
        if other != path:
            raise ConfigurationError(
                f"Two images have the tag {tag_of(path, rule)!r}: {other} and {path}.",
                next_step='Rename one, or set `tag = "path"` under [images] in labelpilot.toml.',
            )
    return found
