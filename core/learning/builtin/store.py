"""The vectors of images, kept from one run to the next: each image is looked at once.

`embeddings.npy` holds a row for each image, of length 1 and in half precision, which is all that a
cosine needs; `embeddings.json` beside it lists their tags, so that both can be used elsewhere.
`images.sqlite3` says which image a row is of, and how large and how old its file was. A row is
written before it is said to be there: a run that is killed loses what it was at, and no more.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.files import write_at_once
from core.learning.hooks.vector_files import TaggedVectors, npy_head, open_vectors
from core.own_files import make_own, refuse_links, refuse_links_below

VECTORS, TAGS, IMAGES = "embeddings.npy", "embeddings.json", "images.sqlite3"
KIND = np.dtype("<f2")
HEAD = len(npy_head(0, 0, KIND))
FIND = "SELECT row FROM images WHERE path = ?"
# An image's file when it was looked at: size, and time of change (ns).
FileState = tuple[int, int]


class VectorStore:
    """The vectors in `folder`, all of one network: for one process at a time, in a `with`.

    Raises ConfigurationError where a link lies in the folder, OSError and sqlite3.Error where it
    cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        refuse_links_below(make_own(folder))
        self.path = folder / VECTORS
        self._tags = folder / TAGS
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(refuse_links(self.path), flags, 0o600)
        self._database = sqlite3.connect(folder / IMAGES)
        self._database.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
            "CREATE TABLE IF NOT EXISTS images"
            " (path TEXT PRIMARY KEY, row INTEGER, size INTEGER, time INTEGER)"
        )
        self.length = self._length()
        (rows,) = self._database.execute("SELECT ifnull(max(row) + 1, 0) FROM images").fetchone()
        if os.fstat(self._file).st_size < self._offset(rows):
            self._database.execute("DELETE FROM images")
            self._database.commit()
            rows = 0
        self._rows: int = rows

    def __enter__(self) -> VectorStore:
        return self

    def __exit__(self, *exception: object) -> None:
        self._database.close()
        os.close(self._file)

    def known(self) -> dict[str, FileState]:
        """The images that have a vector, by their path."""
        found = self._database.execute("SELECT path, size, time FROM images")
        return {path: (size, time) for path, size, time in found}

    def put(self, images: Sequence[tuple[str, FileState]], vectors: NDArray[np.float32]) -> None:
        """Keep the vectors (n, d) of `images`; one that changed gets another in its place."""
        self.length = vectors.shape[1]
        rows = []
        for (path, (size, time)), vector in zip(images, vectors, strict=True):
            (row,) = self._database.execute(FIND, (path,)).fetchone() or (self._rows,)
            self._rows = max(self._rows, row + 1)
            os.pwrite(self._file, vector.astype(KIND).tobytes(), self._offset(row))
            rows.append((path, row, size, time))
        self._write_head()
        self._database.executemany("INSERT OR REPLACE INTO images VALUES (?, ?, ?, ?)", rows)
        self._database.commit()

    def drop(self, paths: Collection[str]) -> None:
        """Forget images that are gone; the last ones move up into their places."""
        for path in paths:
            (row,) = self._database.execute(FIND, (path,)).fetchone()
            self._database.execute("DELETE FROM images WHERE path = ?", (path,))
            self._rows -= 1
            if row != self._rows:
                last = os.pread(self._file, self.length * KIND.itemsize, self._offset(self._rows))
                os.pwrite(self._file, last, self._offset(row))
                self._database.execute("UPDATE images SET row = ? WHERE row = ?", (row, self._rows))
        self._database.commit()

    def finish(self, tag_of: Callable[[str], str]) -> TaggedVectors:
        """All vectors, each under the tag that `tag_of` gives its image's path."""
        self._write_head()
        os.ftruncate(self._file, self._offset(self._rows))
        in_order = self._database.execute("SELECT path FROM images ORDER BY row")
        tags = [tag_of(path) for (path,) in in_order]
        write_at_once(self._tags, json.dumps(tags).encode(), mode=0o600)
        return TaggedVectors(tags, open_vectors(self.path))

    def _write_head(self) -> None:
        os.pwrite(self._file, npy_head(self._rows, self.length, KIND), 0)

    def _offset(self, row: int) -> int:
        return HEAD + row * self.length * KIND.itemsize

    def _length(self) -> int:
        """How long the vectors in the file are; 0 where none is finished."""
        try:
            return int(open_vectors(self.path).shape[1])
        except (OSError, ValueError, EOFError):
            return 0
