"""New content, while it is written beside what it will replace.

A process that is killed leaves it behind. So its place has a name that the next write to the same
target finds, and a lock that says whether anybody still writes there: what was left is taken, and
nothing piles up. Nothing is taken that is another user's, or that a link leads to.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = ".labelpilot-"
# So many write to one target at a time. The next ones get a name at random, and so do disks without
# locks.
PLACES = 8
# Somebody else's, a link, or no file: the next place is tried.
_TAKEN = (errno.EACCES, errno.EPERM, errno.ELOOP, errno.EISDIR, errno.ENOTDIR, errno.ENXIO)


def aside_file(target: Path) -> tuple[int, str]:
    """(descriptor, path) of an empty file beside `target` that only its user can read.

    It is the caller's as long as the descriptor is open: until then it is to be renamed or removed.
    Raises OSError.
    """
    for name in _names(target):
        descriptor = _opened(name, os.O_RDWR | os.O_CREAT)
        if descriptor is not None:
            os.ftruncate(descriptor, 0)
            os.fchmod(descriptor, 0o600)
            return descriptor, name
    return tempfile.mkstemp(dir=target.parent, prefix=PREFIX)


@contextlib.contextmanager
def aside_folder(target: Path) -> Iterator[Path]:
    """An empty folder beside `target`, removed at the end unless it was moved. Raises OSError."""
    name, descriptor = _folder(target)
    try:
        yield Path(name)
    finally:
        if descriptor is None or _is_at(descriptor, name):
            shutil.rmtree(name, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def _folder(target: Path) -> tuple[str, int | None]:
    for name in _names(target):
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700)
        descriptor = _opened(name, os.O_RDONLY | os.O_DIRECTORY)
        if descriptor is not None:
            for left in list(os.scandir(name)):
                if left.is_dir(follow_symlinks=False):
                    shutil.rmtree(left.path)
                else:
                    os.unlink(left.path)
            return name, descriptor
    return tempfile.mkdtemp(dir=target.parent, prefix=PREFIX), None


def _names(target: Path) -> Iterator[str]:
    digest = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:12]
    return (str(target.parent / f"{PREFIX}{digest}-{number}") for number in range(PLACES))


def _opened(name: str, how: int) -> int | None:
    """`name`, open and locked; None where it is not ours alone."""
    try:
        descriptor = os.open(name, how | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno in _TAKEN:
            return None
        raise
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    state = os.fstat(descriptor)
    alone = stat.S_ISDIR(state.st_mode) or (stat.S_ISREG(state.st_mode) and state.st_nlink == 1)
    # Who had it before may have put it in its target's place meanwhile.
    if alone and state.st_uid == os.geteuid() and _is_at(descriptor, name):
        return descriptor
    os.close(descriptor)
    return None


def _is_at(descriptor: int, name: str) -> bool:
    """Whether what is open is what the path `name` leads to."""
    with contextlib.suppress(OSError):
        state, there = os.fstat(descriptor), os.lstat(name)
        return (state.st_dev, state.st_ino) == (there.st_dev, there.st_ino)
    return False
