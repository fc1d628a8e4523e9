"""Files in `.labelpilot/`: opened without following a link.

The folder lies in the workspace, which may have come from somebody else: a link in it could have
labelpilot read, write or empty any file of the user's. So everything in it is opened here, made
here, or passed through `refuse_links` before a library opens it by its name.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from core.errors import ConfigurationError

FOLDER_NAME = ".labelpilot"
# Opening what is no file must not wait for whoever holds its other end.
_SAFELY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FLAGS = {
    "rb": os.O_RDONLY,
    "ab": os.O_WRONLY | os.O_CREAT | os.O_APPEND,
    "wb": os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
    "w+b": os.O_RDWR | os.O_CREAT | os.O_TRUNC,
}


def is_own(path: Path) -> bool:
    """Whether `path` lies in a `.labelpilot/`."""
    return FOLDER_NAME in path.parts


def refuse_links(path: Path) -> Path:
    """`path`, if no link stands on its way from `.labelpilot` on; what is missing is no link.

    Raises ConfigurationError where one does.
    """
    if is_own(path):
        depth = path.parts.index(FOLDER_NAME)
        for step in (path, *path.parents)[: len(path.parts) - depth]:
            if step.is_symlink():
                raise _is_link(step)
    return path


def refuse_links_below(folder: Path) -> None:
    """Raise ConfigurationError where `folder`, or anything in it at any depth, is a link."""
    refuse_links(folder)
    for link in _links_below(folder):
        raise _is_link(link)


def _links_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            if os.path.islink(os.path.join(parent, name)):
                yield Path(parent, name)


def _is_link(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{path} is a link, and labelpilot makes none in its own folder.",
        cause=f"It leads to {os.path.realpath(path)}.",
        next_step="Somebody else put it there: look at it, then remove it.",
    )


def open_own(path: Path, mode: Literal["rb", "ab", "wb", "w+b"] = "rb") -> BinaryIO:
    """Open a file of `.labelpilot/`; a new one is its owner's alone.

    Raises ConfigurationError where a link is on the way, and OSError, as where it is missing or no
    regular file.
    """
    descriptor = os.open(refuse_links(path), _FLAGS[mode] | _SAFELY, 0o600)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is not a regular file")
        return os.fdopen(descriptor, mode)
    except BaseException:
        os.close(descriptor)
        raise


def read_own(path: Path) -> bytes:
    """The content of a file of `.labelpilot/`. Raises as `open_own` does."""
    with open_own(path) as file:
        return file.read()


def make_own(folder: Path) -> Path:
    """Make a folder of `.labelpilot/`, its owner's alone, and return it. Raises as `open_own`."""
    refuse_links(folder)
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
