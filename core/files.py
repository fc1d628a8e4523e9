"""Files written at once or not at all, and read up to a size.

A path may come from a file that somebody else wrote: only regular files are read, and never more
of them than the reader can hold. In `.labelpilot/`, no link is followed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

from core.asides import aside_file
from core.errors import ConfigurationError, LabelpilotError
from core.own_files import is_own, refuse_links

# What a disk answers that takes nothing more.
_REFUSALS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
_MAKE_ROOM = "Make room or fix the folder's rights, and do it again."
# Read once: it can be read only by setting it, and other threads make files meanwhile.
_UMASK = os.umask(0o077)
os.umask(_UMASK)


def user_folder() -> Path:
    """The folder of the user's own configuration: no workspace can bring anything into it."""
    from platformdirs import user_config_path

    return user_config_path("labelpilot", appauthor=False)


def read_at_most(path: Path, most: int, name: str, *, next_step: str = "") -> bytes:
    """The content of the regular file `path`, of at most `most` bytes.

    Raises ConfigurationError, calling the file `name` and saying `next_step`, where it is missing,
    larger, or no regular file: a device never ends, and a pipe waits for ever.
    """
    try:
        cause, content = _read(path, most)
    except (OSError, ValueError) as error:
        cause, content = getattr(error, "strerror", None) or str(error), b""
    if not cause:
        return content
    raise ConfigurationError(f"{name} {path} cannot be read.", cause=cause, next_step=next_step)


def _read(path: Path, most: int) -> tuple[str, bytes]:
    """(why the file is not taken, its content)."""
    follow = os.O_NOFOLLOW if is_own(refuse_links(path)) else 0
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | follow)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return "It is not a regular file.", b""
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(most + 1)
    finally:
        os.close(descriptor)
    if len(content) > most:
        return f"It is larger than {most:,} bytes, which is the most that is read.", b""
    return "", content


def refuse_other_than(path: Path, kind: Literal["file", "folder"]) -> None:
    """Raise ConfigurationError unless `path` can be written as a file, or as a folder.

    What is there and is something else (a device, a pipe, a socket, a loop of links) would be
    replaced, or be written into for ever.
    """
    cause, wanted = "", stat.S_ISREG if kind == "file" else stat.S_ISDIR
    try:
        mode = os.stat(path).st_mode
        cause = "" if wanted(mode) else f"It is {_kind_of(mode)}."
    except ValueError as error:
        cause = str(error)
    except OSError as error:
        # What is missing can be made, and a disk that refuses says so itself.
        if error.errno in (errno.ELOOP, errno.ENAMETOOLONG):
            cause = error.strerror or str(error)
    if os.path.basename(os.path.normpath(path)) in ("", ".", ".."):
        cause = cause or "It has no name of its own."
    if cause:
        raise ConfigurationError(
            f"{_as_given(path)} cannot be written as a {kind}.",
            cause=cause,
            next_step=f"Name a {kind}, new or written before.",
        )


def _kind_of(mode: int) -> str:
    kinds = {
        stat.S_ISREG: "a file",
        stat.S_ISDIR: "a folder",
        stat.S_ISFIFO: "a pipe",
        stat.S_ISSOCK: "a socket",
    }
    return next((words for matches, words in kinds.items() if matches(mode)), "a device")


def _as_given(path: Path) -> str:
    return f"The path {str(path)!r}" if len(path.parts) < 2 else str(path)


def sha256_of(file: Path) -> str:
    """The SHA-256 of a file's content, read in parts. Raises OSError where it cannot be read."""
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while part := content.read(2**20):
            digest.update(part)
    return digest.hexdigest()


@contextlib.contextmanager
def written_at_once(path: Path, *, mode: int | None = None) -> Iterator[BinaryIO]:
    """A binary file that takes the place of `path` when the block ends without an error.

    A reader, and a machine that loses power, sees the old content or the new, never a part. A new
    file is made with `mode` (None: 0666 less the umask). Raises ConfigurationError where `path` is
    something else than a file, LabelpilotError where the disk refuses; it is then as it was.
    """
    refuse_other_than(path, "file")
    target = path.resolve() if path.is_symlink() and not is_own(path) else refuse_links(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = aside_file(target)
        # Renamed or removed before it is closed: until then nobody else takes it.
        with open(descriptor, "wb") as file:
            try:
                yield file
                file.flush()
                os.fchmod(file.fileno(), _mode(target) if mode is None else mode)
                os.fsync(file.fileno())
                os.replace(name, target)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(name)
                raise
    except OSError as error:
        raise not_written(path, error) from error


def not_written(path: Path, error: OSError) -> LabelpilotError:
    """What to say where the disk refused a new `path`, and the old one is as it was."""
    if isinstance(error, LabelpilotError):
        return error
    return LabelpilotError(
        f"{path} could not be written; what was there is as it was.",
        cause=error.strerror or str(error),
        next_step=_MAKE_ROOM,
    )


def explained(error: BaseException) -> BaseException:
    """`error`; where a disk is full or takes nothing, the sentence to say of it, whatever was
    being written."""
    number = error.errno if isinstance(error, OSError) else 0
    # A database says so in words alone.
    full = type(error).__module__ == "sqlite3" and "disk is full" in str(error)
    if isinstance(error, LabelpilotError) or not (full or number in _REFUSALS):
        return error
    name = getattr(error, "filename", None) or "A file"
    cause = error.strerror if isinstance(error, OSError) else str(error)
    return LabelpilotError(f"{name} could not be written.", cause=cause or "", next_step=_MAKE_ROOM)


def write_at_once(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write `content` to `path`, as `written_at_once` does."""
    with written_at_once(path, mode=mode) as file:
        file.write(content)


def _mode(target: Path) -> int:
    """The mode the target has, or the one a new file would get here."""
    with contextlib.suppress(OSError):
        return target.stat().st_mode & 0o777
    return 0o666 & ~_UMASK
