"""Vectors in files: `.npy` and `.npz`, as numpy writes them, and folders of shards.

- `embeddings.npz` holds an array `tags` (text) and one other array with a row for each tag:
  `numpy.savez("embeddings.npz", tags=tags, embeddings=vectors)`. Or, for few images, one array a
  tag: `numpy.savez("embeddings.npz", **vector_of_tag)`.
- `embeddings.npy` holds the rows; the tags stand beside it in `embeddings.json`, a list in the
  order of the rows.
- A folder holds many such `.npy` files, for more vectors than one file should hold, and lists them
  in order in `manifest.json`: `{"length": 512, "shards": [{"file": "00000.npy", "rows": 250000,
  "sha256": "..."}]}`; `sha256` can be left out.

Files are mapped into memory, or read piece by piece where there is no room for that; never are they
read whole, nothing in them is ever unpickled, and nothing is written to a folder of shards.
"""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tokenize import TokenError
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigurationError, LabelpilotError
from core.files import sha256_of
from core.own_files import open_own, refuse_links

ROWS_AT_ONCE = 4096
# What zipfile, zlib and numpy raise for a file that is damaged, beside ValueError.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    SyntaxError,
    TokenError,
    OverflowError,
)
MANIFEST = "manifest.json"
# What to do about a file of a training's that is not there.
NOT_WRITTEN_YET = "Let your training write it, or name the file that it writes."


@dataclass(frozen=True, slots=True)
class TaggedVectors:
    """`vectors[i]` belongs to the image `tags[i]`. `vectors` may be a memory-mapped file."""

    tags: Sequence[str]
    vectors: NDArray[Any]


@dataclass(frozen=True, slots=True)
class Shard:
    """The rows `start` to `stop` of a `.npy` file; the first of them is row `first` of all.

    `sha256` is that of the file, empty where it is not known.
    """

    file: str
    start: int
    stop: int
    first: int
    sha256: str = ""


class VectorFile:
    """The array in a `.npy` file, of which only what is asked for is read.

    It stands in for a mapped array where the address space is too small to map the file. Rows are
    taken by number, slice, or an array of numbers.
    """

    def __init__(self, path: Path) -> None:
        self.filename = path
        self._file = open(refuse_links(path), "rb")  # noqa: SIM115, open as long as this lives
        version = np.lib.format.read_magic(self._file)  # type: ignore[no-untyped-call]
        if version[0] > 1:
            raise ValueError("it is of a version of the format that has no plain header")
        shape, columns_first, dtype = np.lib.format.read_array_header_1_0(self._file)  # type: ignore[no-untyped-call]
        if columns_first or dtype.hasobject or len(shape) != 2:
            raise ValueError("its rows do not lie one after the other")
        self.shape: tuple[int, int] = shape
        self.dtype: np.dtype[Any] = dtype
        self.ndim = 2
        self._start = self._file.tell()
        self._row_bytes = shape[1] * dtype.itemsize
        if path.stat().st_size < self._start + shape[0] * self._row_bytes:
            raise ValueError("it is cut off")

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        if isinstance(rows, slice):
            first, last, step = rows.indices(len(self))
            return self._read(first, max(last - first, 0))[::step]
        wanted = np.asarray(rows)
        if wanted.dtype == np.bool_:
            wanted = np.flatnonzero(wanted)
        found = np.empty((wanted.size, self.shape[1]), self.dtype)
        for position, row in enumerate(wanted.ravel().tolist()):
            found[position] = self._read(row % len(self), 1)[0]
        return found.reshape(*wanted.shape, self.shape[1])

    def _read(self, first: int, count: int) -> NDArray[Any]:
        size, offset = count * self._row_bytes, self._start + first * self._row_bytes
        content = os.pread(self._file.fileno(), size, offset)
        while len(content) < size:
            more = os.pread(self._file.fileno(), size - len(content), offset + len(content))
            if not more:
                raise OSError(f"{self.filename} was cut off while it was read")
            content += more
        return np.frombuffer(content, self.dtype).reshape(count, self.shape[1])


def npy_head(rows: int, length: int, kind: np.dtype[Any]) -> bytes:
    """The head of a `.npy` file: as long for any number of rows, since numpy leaves room."""
    head = io.BytesIO()
    described = {"descr": kind.str, "fortran_order": False, "shape": (rows, length)}
    np.lib.format.write_array_header_1_0(head, described)  # type: ignore[no-untyped-call]
    return head.getvalue()


def open_vectors(path: Path) -> NDArray[Any]:
    """The array in the `.npy` file at `path`, mapped into memory if there is room.

    Raises OSError and ValueError where the file is none.
    """
    try:
        array: NDArray[Any] = np.load(refuse_links(path), mmap_mode="r", allow_pickle=False)
    except OSError as error:
        if error.errno != errno.ENOMEM:
            raise
        return cast(NDArray[Any], VectorFile(path))
    return array


def load_vectors(path: Path, unpacked: Path, source: str) -> TaggedVectors:
    """The tags and vectors in the `.npy` or `.npz` file or the folder of shards at `path`.

    Vectors in an `.npz` or in shards are copied to `unpacked` first, so that they can be
    memory-mapped. `source` says in an error where the path came from. Raises LabelpilotError for a
    file that is missing, damaged, or not of the form that this module states.
    """
    try:
        if os.path.isdir(path):
            tags, vectors = _in_shards(path, unpacked)
        elif path.suffix == ".npz":
            tags, vectors = _in_archive(path, unpacked)
        elif path.suffix == ".npy":
            tags, vectors = _beside(path), open_vectors(path)
        else:
            raise _Unfit("it is no folder, and its name ends neither in .npy nor in .npz")
        if vectors.ndim != 2 or vectors.dtype.kind not in "fiu":
            raise _Unfit(
                f"it must hold rows of numbers, and holds {vectors.dtype} "
                f"of the shape {vectors.shape}"
            )
        if len(tags) != len(vectors):
            raise _Unfit(f"it has {len(tags):,} tags and {len(vectors):,} vectors")
        if not tags:
            raise _Unfit("it holds no vectors")
    except (_Unfit, OSError, ValueError, *_DAMAGED) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise LabelpilotError(
            f"The vectors in {path}, from {source}, cannot be used.",
            cause=cause[:1].upper() + cause[1:].rstrip(".") + ".",
            next_step='An .npz needs "tags" and one more array, an .npy a list of tags in a .json '
            "file of the same name beside it."
            if path.exists()
            else NOT_WRITTEN_YET,
        ) from None
    return TaggedVectors(tags, vectors)


class _Unfit(Exception):
    """The file is not of the stated form; the text says how."""


def _beside(path: Path) -> list[str]:
    names = path.with_suffix(".json")
    if not os.path.isfile(names):
        raise _Unfit(f"there is no {names.name} with the tags beside it")
    tags = json.loads(names.read_text(encoding="utf-8"))
    if not isinstance(tags, list):
        raise _Unfit(f"{names.name} must hold a list of tags")
    return [str(tag) for tag in tags]


def _in_archive(path: Path, unpacked: Path) -> tuple[list[str], NDArray[Any]]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name != "tags.npy"]
        if len(names) == len(archive.namelist()):
            return _one_each(archive, names)
        if len(names) != 1:
            raise _Unfit(f"beside the tags it holds {len(names)} arrays, not one")
        with archive.open("tags.npy") as file:
            tags: NDArray[Any]
            tags = np.lib.format.read_array(file, allow_pickle=False)  # type: ignore[no-untyped-call]
        # An earlier copy may still be mapped into somebody's memory, so it is left as it is.
        part = unpacked.with_name(unpacked.name + ".part")
        with archive.open(names[0]) as packed, open_own(part, "wb") as copy:
            shutil.copyfileobj(packed, copy, 1 << 20)
        part.replace(unpacked)
    if tags.ndim != 1:
        raise _Unfit(f"its tags have the shape {tags.shape}")
    return [str(tag) for tag in tags.tolist()], open_vectors(unpacked)


def _in_shards(folder: Path, unpacked: Path) -> tuple[list[str], NDArray[Any]]:
    shards, tags = load_shards(folder), list[str]()
    part = unpacked.with_name(unpacked.name + ".part")
    with open_own(part, "wb") as copy:
        for shard in shards:
            file = Path(shard.file)
            if shard.sha256 and sha256_of(file) != shard.sha256:
                raise _Unfit(f"{file.name} has changed since its manifest was written")
            named = _beside(file)
            if len(named) != shard.stop:
                raise _Unfit(f"{file.name} has {len(named):,} tags and {shard.stop:,} vectors")
            tags += named
            vectors: NDArray[Any] = np.load(file, mmap_mode="r", allow_pickle=False)
            if shard.first == 0:
                shape = (shards[-1].first + shards[-1].stop, vectors.shape[1])
                described = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(copy, described)  # type: ignore[no-untyped-call]
            for start in range(0, len(vectors), ROWS_AT_ONCE):
                copy.write(vectors[start : start + ROWS_AT_ONCE].astype("<f4").tobytes())
    if not tags:
        raise _Unfit("it holds no vectors")
    part.replace(unpacked)
    return tags, open_vectors(unpacked)


def load_shards(folder: Path) -> list[Shard]:
    """The shards in `folder`'s manifest. Raises ConfigurationError where they do not fit it."""
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        shards, first = [], 0
        for entry in content["shards"]:
            file = folder / Path(entry["file"]).name
            vectors = np.load(file, mmap_mode="r", allow_pickle=False)
            shape, kind = vectors.shape, vectors.dtype.kind
            if shape != (entry["rows"], content["length"]) or kind not in "fiu":
                raise ValueError(f"{file.name} holds {vectors.dtype} of the shape {shape}")
            checked = entry.get("sha256", "")
            shards.append(Shard(str(file.resolve()), 0, shape[0], first, checked))
            first += shape[0]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, *_DAMAGED) as error:
        raise ConfigurationError(
            f"The shards in {folder} cannot be used.",
            cause=str(error),
            next_step="Write them again.",
        ) from None
    return shards


def _one_each(archive: zipfile.ZipFile, names: list[str]) -> tuple[list[str], NDArray[Any]]:
    vectors: list[NDArray[Any]] = []
    for name in names:
        with archive.open(name) as file:
            vectors.append(np.lib.format.read_array(file, allow_pickle=False))  # type: ignore[no-untyped-call]
        if vectors[-1].ndim != 1 or len(vectors[-1]) != len(vectors[0]):
            raise _Unfit(
                f"it holds no array `tags`, so each array must be a vector, but {name!r} has the "
                f"shape {vectors[-1].shape}"
            )
    tags = [name.removesuffix(".npy") for name in names]
    return tags, np.stack(vectors) if vectors else np.empty((0, 0))
