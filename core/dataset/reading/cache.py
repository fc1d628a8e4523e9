"""A cache of what the files of a folder said, so that what has not changed is not read again.

It is only for speed: where it is missing, damaged or of another time, everything is read anew. A
file counts as unchanged while its stamp is the one it had when it was read; files that were written
around the time of reading are never counted so, since they may have been written again within one
tick of the file system's clock.
"""

from __future__ import annotations

import contextlib
import hashlib
import struct
import zlib
from collections.abc import Iterator
from itertools import chain, compress, repeat
from pathlib import Path
from typing import BinaryIO

import msgspec

from core.asides import aside_file
from core.dataset.reading.batch import Block
from core.own_files import make_own, open_own

# Counted up where what is kept, or how it is made of a file, changes.
_VERSION = 5
_FRAME = struct.Struct(">II")
UNCERTAIN_NS = 2_000_000_000
# What many files share is held once in a block: the more files, the sooner it is read. The names
# and stamps of so many still fit into a pipe, so that a worker that is busy keeps nobody waiting.
FILES_IN_A_BLOCK = 3_000


class Cache:
    """The cache file `path`, for what is read in the way that `key` names (and in no other)."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._key = hashlib.sha256(b"%d " % _VERSION + key).digest()

    @property
    def is_empty(self) -> bool:
        """Whether nothing was kept yet."""
        return not self._path.exists()

    def blocks(self) -> Iterator[Block]:
        """What was kept, block by block, as far as it is whole."""
        with (
            contextlib.suppress(OSError, EOFError, msgspec.DecodeError),
            open_own(self._path) as f,
        ):
            if _frame(f) != self._key:
                return
            while True:
                yield msgspec.msgpack.decode(_frame(f), type=Block)

    def writer(self) -> CacheWriter:
        """A new content, that takes the place of the old one when it is kept."""
        return CacheWriter(self._path, self._key)


class CacheWriter:
    """Writes blocks aside until `keep` is called. Where the disk refuses, nothing is kept."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._file: BinaryIO | None = None
        self._small: list[Block] = []
        with contextlib.suppress(OSError):
            make_own(path.parent)
            descriptor, self._name = aside_file(path)
            self._file = open(descriptor, "wb")  # noqa: SIM115
        self._put(key)

    def add(self, block: Block, read_at: int = 2**63) -> None:
        """Keep `block`, whose files were read at `read_at`, in nanoseconds since 1970."""
        if block.names and self._file is not None:
            sure = read_at - UNCERTAIN_NS
            stamps = [stamp if stamp < sure else -2 for stamp in block.stamps]
            self._small.append(Block(block.names, stamps, block.counts, block.records))
            if sum(len(one.names) for one in self._small) >= FILES_IN_A_BLOCK:
                self._put_small()

    def keep(self) -> None:
        """Put what was written in the place of the old cache."""
        self._put_small()
        if self._file is not None:
            try:
                self._file.flush()
                Path(self._name).replace(self._path)
                self._file.close()
                self._file = None
            except OSError:
                self.drop()

    def drop(self) -> None:
        """Leave the old cache as it is."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                Path(self._name).unlink()
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _put_small(self) -> None:
        """Write what came in small blocks as one."""
        blocks, self._small = self._small, []
        if not blocks:
            return
        try:
            self._put(msgspec.msgpack.encode(Block.joined(blocks)))
        except UnicodeEncodeError:
            # A name that is no text cannot be kept; the block that it came in is read anew.
            for block in blocks:
                with contextlib.suppress(UnicodeEncodeError):
                    self._put(msgspec.msgpack.encode(block))

    def _put(self, content: bytes) -> None:
        if self._file is not None:
            try:
                self._file.write(_FRAME.pack(len(content), zlib.crc32(content)))
                self._file.write(content)
            except OSError:
                self.drop()


def unchanged(block: Block, changed: list[int]) -> Block:
    """The files of `block` that are as they were when they were read: all but those `changed`."""
    if not changed:
        return block
    kept = [True] * len(block.names)
    for place in changed:
        kept[place] = False
    rows = list(chain.from_iterable(map(repeat, kept, block.counts)))
    return Block(
        list(compress(block.names, kept)),
        list(compress(block.stamps, kept)),
        list(compress(block.counts, kept)),
        block.records.where(rows),
    )


def _frame(file: BinaryIO) -> bytes:
    header = file.read(_FRAME.size)
    if len(header) < _FRAME.size:
        raise EOFError
    length, checksum = _FRAME.unpack(header)
    content = file.read(length)
    if zlib.crc32(content) != checksum:
        raise EOFError
    return content
