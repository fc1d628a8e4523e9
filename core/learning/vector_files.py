"""Vectors in files: `.npy` and `.npz`, as numpy writes them.

- `embeddings.npz` holds an array `tags` (text) and one other array with a row for each tag:
  `numpy.savez("embeddings.npz", tags=tags, embeddings=vectors)`.
- `embeddings.npy` holds the rows; the tags stand beside it in `embeddings.json`, a list in the
  order of the rows.

Files are memory-mapped, never read whole, and nothing in them is ever unpickled.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import LabelpilotError
from core.learning.embeddings import TaggedVectors


def load_vectors(path: Path, unpacked: Path, source: str) -> TaggedVectors:
    """The tags and vectors in the `.npy` or `.npz` file at `path`.

    An `.npz` file's vectors are copied to `unpacked` first, so that they can be memory-mapped.
    `source` says in an error where the path came from. Raises LabelpilotError for a file that is
    missing, damaged, or not of the form that this module states.
    """
    try:
        if path.suffix == ".npz":
            tags, vectors = _packed(path, unpacked)
        elif path.suffix == ".npy":
            tags, vectors = _beside(path), _mapped(path)
        else:
            raise _Unfit("its name ends neither in .npy nor in .npz")
        if vectors.ndim != 2 or vectors.dtype.kind not in "fiu":
            raise _Unfit(
                f"it must hold rows of numbers, and holds {vectors.dtype} "
                f"of the shape {vectors.shape}"
            )
        if len(tags) != len(vectors):
            raise _Unfit(f"it has {len(tags):,} tags and {len(vectors):,} vectors")
        if not tags:
            raise _Unfit("it holds no vectors")
    except (_Unfit, OSError, ValueError, zipfile.BadZipFile, EOFError) as error:
        cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise LabelpilotError(
            f"The vectors in {path}, from {source}, cannot be used.",
            cause=cause[:1].upper() + cause[1:].rstrip(".") + ".",
            next_step='An .npz needs "tags" and one more array, an .npy a list of tags in a .json '
            "file of the same name beside it.",
        ) from None
    return TaggedVectors(tags, vectors)


class _Unfit(Exception):
    """The file is not of the stated form; the text says how."""


def _mapped(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _beside(path: Path) -> list[str]:
    names = path.with_suffix(".json")
    if not names.is_file():
        raise _Unfit(f"there is no {names.name} with the tags beside it")
    tags = json.loads(names.read_text(encoding="utf-8"))
    if not isinstance(tags, list):
        raise _Unfit(f"{names.name} must hold a list of tags")
    return [str(tag) for tag in tags]


def _packed(path: Path, unpacked: Path) -> tuple[list[str], NDArray[Any]]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name != "tags.npy"]
        if len(names) != 1 or len(archive.namelist()) != 2:
            raise _Unfit(f"it holds the arrays {', '.join(sorted(archive.namelist())) or 'none'}")
        with archive.open("tags.npy") as file:
            tags: NDArray[Any]
            tags = np.lib.format.read_array(file, allow_pickle=False)  # type: ignore[no-untyped-call]
        # An earlier copy may still be mapped into somebody's memory, so it is left as it is.
        part = unpacked.with_name(unpacked.name + ".part")
        with archive.open(names[0]) as packed, open(part, "wb") as copy:
            shutil.copyfileobj(packed, copy, 1 << 20)
        part.replace(unpacked)
    if tags.ndim != 1:
        raise _Unfit(f"its tags have the shape {tags.shape}")
    return [str(tag) for tag in tags.tolist()], _mapped(unpacked)
