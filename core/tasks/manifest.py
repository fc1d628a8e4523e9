"""The manifest: the files that are to be tasks, by the rule that Label Studio's own sync follows.

That rule: every regular file of the folder (of its subfolders too, if recursive) whose name the
pattern matches with `re.match`, in the order of the names. Nothing is opened.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from core.errors import ConfigurationError
from core.progress import Progress, Work
from core.tags import LOCAL_FILES
from core.workspace import Images

# Files between two progress events: a scan must be able to show itself, and to be cancelled.
_STRIDE = 5000
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Manifest:
    """The images of a folder.

    `paths` are relative to `folder`, with `/` between the parts, in Label Studio's order.
    `left_out` counts the other files; `examples` names some of them; `subfolders` counts folders
    that were not looked into.
    """

    folder: Path
    paths: tuple[str, ...]
    left_out: int
    examples: tuple[str, ...]
    subfolders: int


def check_images(images: Images) -> None:
    """Raise ConfigurationError unless the image folder can be looked into and served."""
    folder = images.path
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
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

    Raises ConfigurationError where the folder is missing, nothing matches, a name is not UTF-8, or
    a link leads out of the folder.
    """
    check_images(images)
    matches = re.compile(images.pattern).match
    paths: list[str] = []
    left_out, subfolders = 0, 0
    examples: list[str] = []
    bad_names: list[str] = []
    escaping: list[str] = []
    inside = os.path.realpath(images.path) + os.sep
    entries = _entries(images.path, images.recursive)
    for seen, (entry, is_folder) in enumerate(entries, start=1):
        if seen % _STRIDE == 0:
            yield Progress("scan", len(paths))
        if is_folder:
            subfolders += 1
        elif not entry.is_file() or not matches(entry.name):
            left_out += 1
            if len(examples) < _NAMED:
                examples.append(entry.name)
        elif not _is_utf8(entry.path):
            bad_names.append(entry.path)
        elif (
            entry.is_symlink()
            and not images.follow_links
            and not os.path.realpath(entry.path).startswith(inside)
        ):
            escaping.append(entry.path)
        else:
            paths.append(os.path.relpath(entry.path, images.path))
    _refuse(images, paths, bad_names, escaping, left_out)
    paths.sort(key=os.path.basename)
    yield Progress("scan", len(paths), len(paths))
    return Manifest(images.path, tuple(paths), left_out, tuple(examples), subfolders)


def task_url(path: Path, document_root: Path) -> str:
    """The URL that Label Studio's own sync gives the file `path` below `document_root`."""
    return f"{LOCAL_FILES}?d={quote(str(path.relative_to(document_root)))}"


def _entries(folder: Path, recursive: bool) -> Iterator[tuple[os.DirEntry[str], bool]]:
    """(entry, whether it is a folder that is not looked into) below `folder`."""
    waiting = [str(folder)]
    while waiting:
        here = waiting.pop()
        try:
            with os.scandir(here) as entries:
                for entry in entries:
                    if not entry.is_dir():
                        yield entry, False
                    elif recursive and not entry.is_symlink():
                        waiting.append(entry.path)
                    else:
                        yield entry, True
        except OSError as error:
            raise ConfigurationError(
                f"The folder {here} cannot be read.", cause=error.strerror or str(error)
            ) from None


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
            cause=_some([os.fsencode(name).decode("utf-8", "replace") for name in bad_names]),
            next_step="Rename them (convmv does it for a whole folder).",
        )
    if escaping:
        raise ConfigurationError(
            f"{len(escaping):,} images are links that lead out of {images.path}, and Label Studio "
            "would serve what is there.",
            cause=_some([f"{name} -> {os.path.realpath(name)}" for name in escaping]),
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


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(sorted(names)[:_NAMED]) + more
