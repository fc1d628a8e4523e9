"""Looking without changing anything: what would write is refused beneath all that may ask for it.

Once it has begun, every disk is as one that is mounted read-only: the interpreter itself asks here
about each file that is opened, made, moved or removed, whoever does so. `core.studio.http` asks
about each request. Other programs are not heard of, so what starts one that writes asks too.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping
from typing import Any

from core.asides import PREFIX
from core.errors import ConfigurationError
from core.files import user_folder

VARIABLE = "LABELPILOT_READ_ONLY"
OPTION = "--read-only"
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# What changes a disk, and which of the event's values name what.
_CHANGES: Mapping[str, tuple[int, ...]] = {
    **dict.fromkeys(("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod"), (0,)),
    **dict.fromkeys(("os.chown", "os.utime", "os.setxattr", "os.removexattr"), (0,)),
    **dict.fromkeys(("os.rename", "os.link"), (0, 1)),
    "os.symlink": (1,),
}
# No disks, or what is known of this process alone.
_NO_DISKS = ("/dev/", "/proc/")
# SQLite opens its files by itself, and makes what is missing.
_IN_MEMORY = (":memory:", "")


class ReadOnly(ConfigurationError, OSError):
    """Something would have been changed. Who copes with a disk that takes nothing copes with it."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} would be changed, and labelpilot was started for looking only.",
            next_step=f"Start it without {OPTION}, and without the variable {VARIABLE}.",
        )
        self.errno, self.strerror = errno.EROFS, self.message


_begun = False


def is_read_only() -> bool:
    return _begun


def refuse(what: str) -> None:
    """Raise ReadOnly where nothing may be changed; `what` would be, and begins the sentence."""
    if _begun:
        raise ReadOnly(what)


def begin() -> None:
    """Change nothing from now on, to the end of this process and in those that it starts."""
    global _begun
    if not _begun:
        os.environ[VARIABLE] = "1"
        _begun = True
        sys.addaudithook(_look)


def begin_if_asked() -> None:
    """Begin where the variable is set, to anything but 0."""
    if os.environ.get(VARIABLE, "0") not in ("", "0"):
        begin()


def _look(event: str, values: tuple[Any, ...]) -> None:
    if event == "open":
        path, _, flags = values
        paths = [path] if flags & _WRITING else []
    elif event == "sqlite3.connect":
        paths = [] if str(values[0]) in _IN_MEMORY or "mode=ro" in str(values[0]) else [values[0]]
    elif event in _CHANGES:
        paths = [values[place] for place in _CHANGES[event]]
    else:
        return
    for path in paths:
        # A number is a file that is open already.
        if not isinstance(path, int) and not _may_change(os.fsdecode(path)):
            whole = os.path.abspath(os.fsdecode(path))
            folder, name = os.path.split(whole)
            raise ReadOnly(f"A file in {folder}" if name.startswith(PREFIX) else whole)


def _may_change(path: str) -> bool:
    real, own = os.path.realpath(path), os.path.realpath(user_folder())
    return real.startswith(_NO_DISKS) or own in (real, os.path.dirname(real))
