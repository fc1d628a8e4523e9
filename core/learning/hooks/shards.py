"""Vectors in a folder of `.npy` files, for more of them than one file should hold.

`manifest.json` lists the files in order: `{"length": 512, "shards": [{"file": "00000.npy", "rows":
250000, "sha256": "..."}]}`; `sha256` can be left out. The tags of `00000.npy` are a list in
`00000.json` beside it. Nothing here is ever written to that folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import ConfigurationError

MANIFEST = "manifest.json"


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
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"The shards in {folder} cannot be used.",
            cause=str(error),
            next_step="Write them again.",
        ) from None
    return shards
