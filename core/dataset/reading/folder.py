"""Files of one folder, read fast: many, small, and some of them not what they seem.

Files that the system holds in memory are read one after the other, since a hand-over to a thread
costs more than reading one. Where they have to come from a disk, threads wait for them together.
Pipes, folders and files without end are told apart, and never waited for.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from core.errors import ConfigurationError

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

THREADS = 8
# Slower than this, a file was not in memory; seconds for each.
FROM_DISK = 30e-6
# So many times by threads, before it is seen whether files are in memory by now.
_A_WHILE = 50
_AT_ONCE = 64
_BLOCK = 64 * 1024
# Not blocking: a pipe in the folder must not hold us up.
_FLAGS = os.O_RDONLY | os.O_NONBLOCK
# What the name of a file begins with that another server wrote and that was set aside: its number
# is none of this server's.
FORMER = "former-"
# One annotation with thousands of brush strokes has some 10 MB.
LARGEST_FILE = 64 * 1024 * 1024

# What a file holds, or text that says why it cannot be read, or None where it is gone; and its
# stamp: the time at which it was last changed in any way, in nanoseconds.
Content = tuple["bytes | str | None", int]

Result = TypeVar("Result")


class Folder:
    """An open folder. Raises OSError where it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        self._pool: ThreadPoolExecutor | None = None
        self._by_threads = 0

    def close(self) -> None:
        """Close the folder and end its threads."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        os.close(self._descriptor)

    def looks_large(self, files: int) -> bool:
        """Whether it may well hold so many files, before anybody has counted."""
        # An entry takes at least some 24 bytes where a folder's size is that of its entries.
        return os.fstat(self._descriptor).st_size > 24 * files

    def names(self) -> list[str]:
        """The names of what lies in the folder, in the system's order."""
        return os.listdir(self._descriptor)

    def changed(self, names: list[str], stamps: list[int]) -> list[int]:
        """The places in `names` of files that have other stamps than `stamps`, or are gone."""
        today = self._each(self._stamp_all, names)
        if today == stamps:
            return []
        pairs = enumerate(zip(today, stamps, strict=True))
        return [place for place, (now, then) in pairs if now != then]

    def read(self, names: list[str]) -> Iterator[Content]:
        """The files `names`, in their order. Few are in memory at a time, for they may be large."""
        for start in range(0, len(names), _AT_ONCE):
            yield from self._each(self._read_all, names[start : start + _AT_ONCE])

    def _each(self, ask: Callable[[list[str]], list[Result]], names: list[str]) -> list[Result]:
        """What `ask` gives for the names, here or shared out among threads.

        Where it was slow here, threads do it for a while, before it is tried here again.
        """
        if self._by_threads:
            self._by_threads -= 1
            if self._pool is None:
                from concurrent.futures import ThreadPoolExecutor

                self._pool = ThreadPoolExecutor(THREADS)
            shares = [names[start::THREADS] for start in range(THREADS)]
            made = list(self._pool.map(ask, shares))
            return [made[number % THREADS][number // THREADS] for number in range(len(names))]
        began = time.perf_counter()
        results = ask(names)
        if time.perf_counter() - began > FROM_DISK * len(names):
            self._by_threads = _A_WHILE
        return results

    def _stamp_all(self, names: list[str]) -> list[int]:
        folder, stat = self._descriptor, os.stat
        try:
            return [stat(name, dir_fd=folder).st_ctime_ns for name in names]
        except OSError:
            return [self._stamp(name) for name in names]

    def _stamp(self, name: str) -> int:
        try:
            return os.stat(name, dir_fd=self._descriptor).st_ctime_ns
        except OSError:
            return -1

    def _read_all(self, names: list[str]) -> list[Content]:
        contents: list[Content] = []
        folder, open_file, stat, read, close = (
            self._descriptor,
            os.open,
            os.fstat,
            os.read,
            os.close,
        )
        for name in names:
            try:
                file = open_file(name, _FLAGS, dir_fd=folder)
            except FileNotFoundError:
                contents.append((None, -1))
                continue
            except OSError as error:
                contents.append((error.strerror or str(error), -1))
                continue
            try:
                # The stamp comes first: a change in between makes it old, never the content.
                stamp = stat(file).st_ctime_ns
                content = read(file, _BLOCK)
                contents.append((content if len(content) < _BLOCK else _rest(file, content), stamp))
            except OSError as error:
                contents.append((error.strerror or str(error), -1))
            finally:
                close(file)
        return contents


def _rest(file: int, content: bytes) -> bytes | str:
    parts, size = [content], len(content)
    while content := os.read(file, _BLOCK):
        parts.append(content)
        size += len(content)
        if size > LARGEST_FILE:
            return f"larger than {LARGEST_FILE // 2**20} MB"
    return b"".join(parts)


def contents(path: Path, ignored: Container[str]) -> Iterator[tuple[str, bytes | str | None]]:
    """Name and content of each file in the folder `path`, by rising names; hidden ones and those
    `ignored` are passed over. Raises ConfigurationError where it cannot be read."""
    try:
        folder = Folder(path)
    except OSError as error:
        raise ConfigurationError(
            f"The folder {path} cannot be read.", cause=error.strerror or str(error)
        ) from None
    with closing(folder):
        names = sorted(name for name in folder.names() if name[0] != "." and name not in ignored)
        for name, (content, _) in zip(names, folder.read(names), strict=True):
            yield name, content
