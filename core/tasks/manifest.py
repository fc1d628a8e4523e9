"""The manifest: the files that are to be tasks, by the rule that Label Studio's own sync follows.

That rule: every regular file of the folder (of its subfolders too, if recursive) whose name the
pattern matches with `re.match`, in the order of the names. Nothing is opened.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.errors import ConfigurationError
from core.patterns import Matcher
from core.progress import Progress, Work
from core.workspace.settings import Images

# Entries between two progress events: a scan must be able to show itself, and to be cancelled.
STRIDE = 5000
_NAMED = 3
Kind = Literal["file", "folder", "other"]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The images of a folder, and what of it is not taken.

    `paths` are relative to `folder`, with `/` between the parts, in Label Studio's order.
    `other_names` counts the files that the pattern does not match, `not_files` what is no regular
    file (broken links, sockets), and `examples` names some of both; `subfolders` counts the folders
    that were not looked into, `unreadable` names those that could not be. `seconds` is how long the
    listing took.
    """

    folder: Path
    paths: tuple[str, ...]
    other_names: int
    not_files: int
    examples: tuple[str, ...]
    subfolders: int
    unreadable: tuple[str, ...]
    seconds: float = 0.0

    @property
    def left_out(self) -> int:
        """How many entries are no images, folders not counted."""
        return self.other_names + self.not_files

    @property
    def why_left_out(self) -> str:
        """What was left out and why, as one sentence; empty where nothing was."""
        reasons = (
            (self.other_names, "files with other names"),
            (self.not_files, "that are no regular files"),
            (self.subfolders, "subfolders not looked into"),
            (len(self.unreadable), f"unreadable folders ({some_names(list(self.unreadable))})"),
        )
        return ", ".join(f"{count:,} {what}" for count, what in reasons if count)


def check_images(images: Images) -> None:
    """Raise ConfigurationError unless the image folder can be looked into and served."""
    folder = images.path
    if not os.path.isdir(folder):
        what = "is not a folder" if os.path.exists(folder) else "does not exist"
        raise ConfigurationError(
            f"The image folder {folder} {what}.",
            next_step="Make it, or mend `path` under [images] in labelpilot.toml.",
        )
    # Label Studio trims a storage's path and turns backslashes into slashes.
    if "\\" in str(folder) or str(folder) != str(folder).strip():
        raise ConfigurationError(
            f"Label Studio cannot use the folder {str(folder)!r}: its path holds a backslash, or "
            "ends in a space.",
            next_step="Rename the folder.",
        )


def scan_images(images: Images) -> Work[Manifest]:
    """List the images of the workspace's folder.

    Raises ConfigurationError where the folder is missing, nothing matches, the pattern takes too
    long, a name is not UTF-8, or any link, image or not, leads out of the folder.
    """
    began = time.monotonic()
    check_images(images)
    paths: list[str] = []
    other_names, not_files, subfolders = 0, 0, 0
    examples: list[str] = []
    bad_names: list[str] = []
    escaping: list[str] = []
    unreadable: list[str] = []
    inside = os.path.realpath(images.path) + os.sep
    start = len(os.path.join(images.path, ""))
    entries = _entries(images.path, images.recursive, unreadable)
    with Matcher(images.pattern, "The pattern under [images]") as matcher:
        matches = matcher.matches
        for seen, (entry, kind) in enumerate(entries, start=1):
            if seen % STRIDE == 0:
                yield Progress("scan", len(paths))
            # Whatever it is called: Label Studio serves all that lies in the folder.
            if entry.is_symlink() and not images.follow_links and not _leads_inside(entry, inside):
                escaping.append(entry.path)
            elif kind == "folder":
                subfolders += 1
            elif kind != "file" or not matches(entry.name):
                other_names += kind == "file"
                not_files += kind != "file"
                if len(examples) < _NAMED:
                    examples.append(entry.name)
            elif not _is_utf8(entry.path):
                bad_names.append(entry.path)
            else:
                paths.append(entry.path[start:])
    _refuse(images, paths, bad_names, escaping, other_names + not_files)
    # Only names count, so that in one folder the path itself will do, with no copy of each name.
    paths.sort(key=os.path.basename if images.recursive else None)
    manifest = Manifest(
        images.path,
        tuple(paths),
        other_names,
        not_files,
        tuple(examples),
        subfolders,
        tuple(unreadable),
        time.monotonic() - began,
    )
    yield Progress("scan", len(paths), len(paths), _found(manifest))
    return manifest


def _found(manifest: Manifest) -> str:
    left_out = manifest.why_left_out
    return f"{len(manifest.paths):,} images found" + (f"; left out: {left_out}" if left_out else "")


def _entries(
    folder: Path, recursive: bool, unreadable: list[str]
) -> Iterator[tuple[os.DirEntry[str], Kind]]:
    """Every entry below `folder` that is not looked into, and its kind.

    As pathlib's `rglob`, links to folders are not followed, and a subfolder that cannot be read
    or is gone by then is passed over; the unreadable ones are added to `unreadable`.
    """
    waiting = [str(folder)]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    kind = _kind(entry)
                    if kind == "folder" and recursive and not entry.is_symlink():
                        waiting.append(entry.path)
                    else:
                        yield entry, kind
        except OSError as error:
            if here == str(folder):
                raise ConfigurationError(
                    f"The folder {here} cannot be read.", cause=error.strerror or str(error)
                ) from None
            if not isinstance(error, FileNotFoundError):
                unreadable.append(here)


def _leads_inside(link: os.DirEntry[str], inside: str) -> bool:
    return os.path.join(os.path.realpath(link.path), "").startswith(inside)


def _kind(entry: os.DirEntry[str]) -> Kind:
    try:
        return "folder" if entry.is_dir() else "file" if entry.is_file() else "other"
    except OSError:
        # A link that leads back to itself.
        return "other"


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _refuse(
    images: Images, paths: list[str], bad_names: list[str], escaping: list[str], left_out: int
) -> None:
    if bad_names:
        raise ConfigurationError(
            f"{len(bad_names):,} image names are not UTF-8, and Label Studio cannot name them.",
            cause=some_names(bad_names),
            next_step="Rename them (convmv does it for a whole folder).",
        )
    if escaping:
        raise ConfigurationError(
            f"{len(escaping):,} links in {images.path} lead out of it, and Label Studio would "
            "serve what is there.",
            cause=some_names([f"{name} -> {os.path.realpath(name)}" for name in escaping]),
            next_step="Remove them, or allow them: `follow_links = true` under [images].",
        )
    if not paths:
        raise ConfigurationError(
            f"No file in {images.path} matches the pattern {images.pattern!r}.",
            cause=f"{left_out:,} files are there"
            + ("." if images.recursive else ", subfolders not counted."),
            next_step="Mend `pattern`, `path` or `recursive` under [images] in labelpilot.toml; "
            "the pattern must match the file's name from its beginning.",
        )


def some_names(names: list[str]) -> str:
    """The first of `names`, and how many more there are."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    shown = [os.fsencode(name).decode("utf-8", "replace") for name in sorted(names)[:_NAMED]]
    return ", ".join(shown) + more
