"""Tags: the names by which the user's code knows an image.

One rule for the whole program: an image's tag is its file's stem, or, where the workspace says
`tag = "path"`, its path relative to the image folder. Task data, annotation files and the manifest
all come through here, so that they agree.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

from core.errors import ConfigurationError

LOCAL_FILES = "/data/local-files/"

# How an image gets its tag: by its file's stem, or by its path in the image folder.
Tag = Literal["stem", "path"]


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
    if "://" in url:
        scheme, _, rest = url.partition("://")
        path = rest.partition("/")[2]
        return unquote(urlsplit(url).path.lstrip("/")) if scheme in ("http", "https") else path
    return url


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
    below = ""
    for part in reversed(images.parts[1:]):
        below = f"{part}/{below}"
        if path.startswith(below):
            return path[len(below) :]
    return None


def image_path(url: str, images: Path) -> str:
    """As `path_inside`; what is elsewhere is returned as the path that the URL holds."""
    inside = path_inside(url, images)
    return os.path.normpath(served_path(url)) if inside is None else inside


def tag_of(relative: str, rule: Tag) -> str:
    """The tag of the image at `relative`, a path relative to the image folder."""
    if rule == "path":
        return relative
    name = relative.rpartition("/")[2]
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
