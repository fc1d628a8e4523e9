"""Files written at once or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from core.errors import LabelpilotError


@contextlib.contextmanager
def written_at_once(path: Path, *, mode: int | None = None) -> Iterator[BinaryIO]:
    """A binary file that takes the place of `path` when the block ends without an error.

    A reader, and a machine that loses power, sees the old content or the new, never a part. A new
    file is made with `mode` (None: 0666 less the umask). Raises LabelpilotError where the disk
    refuses; `path` is then as it was.
    """
    target = path.resolve() if path.is_symlink() else path
    name: str | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
        with open(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), _mode(target) if mode is None else mode)
            os.fsync(file.fileno())
        os.replace(name, target)
        name = None
    except OSError as error:
        raise LabelpilotError(
            f"{path} could not be written; what was there is as it was.",
            cause=error.strerror or str(error),
            next_step="Make room or mend the folder's rights, and do it again.",
        ) from error
    finally:
        if name is not None:
            with contextlib.suppress(OSError):
                os.unlink(name)


def write_at_once(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write `content` to `path`, as `written_at_once` does."""
    with written_at_once(path, mode=mode) as file:
        file.write(content)


def _mode(target: Path) -> int:
    """The mode the target has, or the one a new file would get here."""
    with contextlib.suppress(OSError):
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
