"""An image: its path in the image folder, the URL by which its task names it, and its tag.

The one place that makes and reads them, so that task data, annotation files and the manifest agree.
A path is relative to the image folder, with `/` between its parts. A tag is the name by which the
user's code knows an image: its file's stem, or, where the workspace says `tag = "path"`, its path.
"""

from __future__ import annotations

import binascii
import os
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import Literal
from unicodedata import normalize
from urllib.parse import quote, unquote

from core.errors import ConfigurationError
from core.image_names import FolderNames, upload_name, upload_path

LOCAL_FILES = "/data/local-files/"
# No file system has longer paths: this would be an image written into the task itself.
LONGEST_PATH = 4096

# How an image gets its tag: by its file's stem, or by its path in the image folder.
Tag = Literal["stem", "path"]

_IMAGE_NAME = re.compile(r"(?i)\.(png|jpe?g|gif|bmp|webp|tiff?|svg)$")
# Names that stand at the end of a path as they stand at the end of the URL.
_is_plain = re.compile(r"[A-Za-z0-9_.-]{1,255}").fullmatch
_is_quoted = re.compile(r"[^?&#]+").fullmatch
_QUERY = re.compile(r"[?#]")
# Served with the slash before the question mark, or without; at the address's end, or alone.
_LOCAL_FILES = re.compile(r"(?:^|/)data/local-files/?\?")
# How Label Studio's API and exports may name a file in a bucket: by a page that leads to it.
_LEADS_TO = re.compile(r"/(?:resolve|presign)/?\?fileuri=([^&#]+)")
_DOTS = frozenset(("", ".", ".."))


def url_maker(folder: Path, document_root: Path) -> Callable[[str], str]:
    """A function from a path relative to `folder` to the URL that Label Studio's own sync gives it.

    `folder` lies below `document_root`, to which the server's file URLs are relative.
    """
    beginning = f"{LOCAL_FILES}?d={quote(str(folder.relative_to(document_root)))}/"
    return lambda path: beginning + quote(path)


def is_image_url(text: str) -> bool:
    """Whether a text in a task's data is an image's URL, as far as its look tells."""
    if _LOCAL_FILES.search(text) or _LEADS_TO.search(text):
        return True
    return _IMAGE_NAME.search(text.partition("?")[0]) is not None


def is_local_file(url: str) -> bool:
    """Whether a task's image URL asks the server for a local file."""
    return _LOCAL_FILES.search(url) is not None


def served_path(url: str) -> str:
    """The path inside a task's image URL, with its quoting undone where Label Studio quoted it.

    `/data/local-files/?d=data/a%20b.png` gives `data/a b.png`; `s3://bucket/a.png` gives `a.png`;
    what has no known shape is returned as it is.
    """
    if found := _LOCAL_FILES.search(url):
        for part in url[found.end() :].split("&"):
            if part.startswith("d="):
                # The quoting is urllib's `quote`: a plus sign is a plus sign.
                return unquote(part[2:]).lstrip("/")
    if found := _LEADS_TO.search(url):
        url = _led_to(found[1])
    scheme, found_scheme, rest = url.partition("://")
    if not found_scheme:
        upload = upload_path(unquote(url)) if "upload/" in url else None
        return url if upload is None else upload
    if scheme not in ("http", "https"):
        return rest.partition("/")[2]
    # Not by urllib, which raises where a host is none: whatever a task holds is read.
    path = unquote(_QUERY.split(rest, maxsplit=1)[0].partition("/")[2].lstrip("/"))
    return upload_path(path) or path


def _led_to(encoded: str) -> str:
    """The URL that Label Studio's page for a file in a bucket was given."""
    try:
        return urlsafe_b64decode(unquote(encoded)).decode()
    except (binascii.Error, ValueError):
        return unquote(encoded)


def path_inside(url: str, images: Path) -> str | None:
    """As `ImagePaths(images).inside(url)`, for one URL."""
    return ImagePaths(images).inside(url)


def _path_below(path: str, images: Path) -> str | None:
    """`path` relative to `images`, of which it may name some parents; None where it is elsewhere.

    Accents count the same in both forms where the folder's own name has some.
    """
    if ".." in path or "//" in path or "/./" in path:
        path = os.path.normpath(path)
    if path.startswith("/"):
        return path.removeprefix(f"{images}/") if path.startswith(f"{images}/") else None
    for beginning in _beginnings(images):
        if path.startswith(beginning):
            return path[len(beginning) :]
    composed = normalize("NFC", path)
    for beginning in () if path.isascii() else _beginnings(Path(normalize("NFC", str(images)))):
        if composed.startswith(beginning):
            return composed[len(beginning) :]
    return None


@lru_cache(maxsize=8)
def _beginnings(images: Path) -> tuple[str, ...]:
    """How the folder can be named from each of its parents, the longest first.

    In a folder `train/train`, what begins with both names is meant so, and no folder in it.
    """
    parts = images.parts[1:]
    return tuple("/".join(parts[start:]) + "/" for start in range(len(parts)))


class ImagePaths:
    """The paths of the images that tasks name, relative to the folder `images`.

    An image's URL is Label Studio's own, whose path is relative to the server's document root (some
    parent of `images`), an absolute path, an upload's, or one in a bucket. Made for a million: they
    share a few folders, which are remembered.
    """

    def __init__(self, images: Path) -> None:
        self._images = images
        self._names = FolderNames(images)
        self._prefixes: dict[str, tuple[str, bool] | None] = {}

    def __call__(self, url: str) -> str:
        """The image's path; of one that is elsewhere, the path that its URL holds.

        Raises ValueError, saying why, for what can be no file's.
        """
        return _checked(self._read(url)[0])

    def inside(self, url: str) -> str | None:
        """The image's path; None for one that is elsewhere."""
        path, is_inside = self._read(url)
        return path if is_inside else None

    def _read(self, url: str) -> tuple[str, bool]:
        """The image's path, and whether it lies in the image folder."""
        folder, _, name = url.rpartition("/")
        try:
            prefix = self._prefixes[folder]
        except KeyError:
            prefix = self._prefixes[folder] = self._prefix(folder)
        if prefix is not None:
            if _is_plain(name) and name not in _DOTS:
                return prefix[0] + name, prefix[1]
            if "%" in name and LOCAL_FILES in folder and _is_quoted(name):
                name = unquote(name)
                if name.isascii() and name not in _DOTS and "/" not in name and "\\" not in name:
                    return prefix[0] + name, prefix[1]
        return self._read_closely(url)

    def _read_closely(self, url: str) -> tuple[str, bool]:
        served = served_path(url)
        inside = _path_below(served, self._images)
        if "\\" in served and (inside is None or not self._names.has(inside)):
            # A task that was made on Windows.
            served = served.replace("\\", "/")
            inside = _path_below(served, self._images)
        if inside is None:
            inside = self._names.of_upload(served)
        if inside is None:
            return normalize("NFC", os.path.normpath(served)), False
        return self._names.spelled(inside), True

    def _prefix(self, folder: str) -> tuple[str, bool] | None:
        """What stands before the names of the images whose URLs begin with `folder`.

        And whether they lie in the image folder. None where their paths do not simply end with
        their names.
        """
        probe = "probe"
        path, is_inside = self._read_closely(f"{folder}/{probe}")
        simple = folder and (path == probe or path.endswith("/" + probe))
        if not simple or "upload/" in folder:
            return None
        return _checked(path).removesuffix(probe), is_inside


def _checked(path: str) -> str:
    if len(path) > LONGEST_PATH or path.startswith("data:"):
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
    """The tag of the image at `path`; of an upload, the one of the file that was uploaded."""
    if rule == "path":
        return path
    name = (upload_name(path) if "upload/" in path else None) or path[path.rfind("/") + 1 :]
    # As `PurePosixPath.stem` does, at a tenth of its time: a million images come through here.
    end = name.rfind(".")
    return name[:end] if 0 < end < len(name) - 1 else name


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
