"""Embeddings and losses that a training run wrote to files: no hooks file is needed for them.

| ending | embeddings | losses |
|---|---|---|
| `.npz` | arrays `tags` and one other, or one array a tag | arrays `tags` and one other |
| `.npy` | rows; the tags in a `.json` list beside it | numbers; the tags likewise |
| `.csv` | a column `tag`, or the first; all others | columns `tag` and `loss`, or the first two |
| `.parquet` | a column `tag`, and one of lists, or all others | columns `tag` and `loss` |
| `.json` | | tag -> loss |

A folder of shards holds embeddings too: see `core.learning.hooks.vector_files`. Nothing is ever
unpickled, and tables are read piece by piece.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigurationError, LabelpilotError
from core.extras import install_extra
from core.files import read_at_most, written_at_once
from core.learning.hooks.vector_files import (
    NOT_WRITTEN_YET,
    TaggedVectors,
    load_vectors,
    npy_head,
    open_vectors,
)

TABLES = (".csv", ".parquet")
ROWS_AT_ONCE = 4096
MOST_BYTES = 1_000_000_000
KIND = np.dtype("<f4")
# A few rows of a table: their tags, and the numbers beside them.
Rows = tuple[list[str], NDArray[np.float32]]


def read_embeddings(path: Path, unpacked: Path) -> TaggedVectors:
    """The embeddings in the file or folder `path`; those of a table are copied to `unpacked`.

    Raises LabelpilotError where they cannot be used, ConfigurationError where what reads them is
    not installed.
    """
    if path.suffix not in TABLES:
        return load_vectors(path, unpacked, "`embeddings` under [learning]")
    try:
        path.stat()  # what is missing is said of it, not of the copy
        tags, length = list[str](), 0
        with written_at_once(unpacked) as copy:
            copy.write(npy_head(0, 0, KIND))
            for some, numbers in _table(path, "embedding"):
                if tags and numbers.shape[1] != length:
                    raise ValueError(f"the vector of {some[0]!r} has another length than others")
                tags, length = tags + some, numbers.shape[1]
                copy.write(numbers.astype(KIND).tobytes())
            if not tags or not length:
                raise ValueError("it holds no vectors")
            copy.seek(0)
            copy.write(npy_head(len(tags), length, KIND))
    except (OSError, ValueError, csv.Error) as error:
        raise _unusable("embeddings", path, error) from None
    return TaggedVectors(tags, open_vectors(unpacked))


def read_losses(path: Path) -> dict[str, float]:
    """The losses in the file `path`, tag -> loss. Raises as `read_embeddings` does."""
    try:
        if path.suffix in TABLES:
            losses = dict[str, float]()
            for tags, numbers in _table(path, "loss"):
                losses.update(zip(tags, numbers[:, 0].tolist(), strict=True))
            return losses
        if path.suffix == ".json":
            content = json.loads(read_at_most(path, MOST_BYTES, "The losses"))
            return {tag: float(loss) for tag, loss in content.items()}
        return _of_arrays(path)
    except (OSError, ValueError, TypeError, AttributeError, KeyError, csv.Error) as error:
        raise _unusable("losses", path, error) from None


def _unusable(what: str, path: Path, error: Exception) -> LabelpilotError:
    cause = getattr(error, "strerror", None) or str(error)
    return LabelpilotError(
        f"The {what} in {path} cannot be used.",
        cause=cause[:1].upper() + cause[1:].rstrip(".") + ".",
        next_step=f"Write them again, or fix `{what}` under [learning]: a table needs a column "
        'tag, an .npz an array "tags", an .npy a list of tags in a .json file beside it.'
        if path.exists()
        else NOT_WRITTEN_YET,
    )


def _of_arrays(path: Path) -> dict[str, float]:
    if path.suffix not in (".npz", ".npy"):
        raise ValueError("its name ends neither in .csv, .parquet, .json, .npz nor in .npy")
    found = np.load(path, allow_pickle=False)
    if path.suffix == ".npy":
        tags, values = json.loads(path.with_suffix(".json").read_text(encoding="utf-8")), found
    else:
        with found:
            names = [name for name in found.files if name != "tags"]
            if len(names) != 1:
                raise ValueError(f"beside the tags it holds {len(names)} arrays, not one")
            tags, values = found["tags"].tolist(), found[names[0]]
    values = np.asarray(values, np.float64).ravel()
    if len(tags) != len(values):
        raise ValueError(f"it has {len(tags):,} tags and {len(values):,} losses")
    return dict(zip(map(str, tags), values.tolist(), strict=True))


def _table(path: Path, wanted: str) -> Iterator[Rows]:
    """The rows of a table: tags, and numbers (n, d), of the column `wanted` where there is one."""
    for tags, numbers in _csv(path, wanted) if path.suffix == ".csv" else _parquet(path, wanted):
        if not tags:
            continue
        if not numbers.size:
            raise ValueError("it has no numbers beside the tags, in columns parted by commas")
        yield tags, numbers


def _csv(path: Path, wanted: str) -> Iterator[Rows]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.reader(file)
        first = next(lines, [])
        names = None if len(first) > 1 and _is_number(first[1]) else first
        tag = names.index("tag") if names is not None and "tag" in names else 0
        columns = [n for n in range(len(first)) if n != tag]
        if names is not None and wanted in names:
            columns = [names.index(wanted)]
        rows = iter([first]) if names is None else iter(())
        while some := [*rows, *islice(lines, ROWS_AT_ONCE)]:
            rows, some = iter(()), [row for row in some if row]
            try:
                numbers = _as_numbers([[float(row[n]) for n in columns] for row in some])
            except IndexError:
                raise ValueError("some of its rows are shorter than the first") from None
            yield [row[tag] for row in some], numbers


def _as_numbers(values: list[Any]) -> NDArray[np.float32]:
    """These values; what is too large for 32 bits is infinite, and refused as such."""
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32)


def _is_number(text: str) -> bool:
    try:
        return not math.isnan(float(text)) or text.strip().lower() == "nan"
    except ValueError:
        return False


def _parquet(path: Path, wanted: str) -> Iterator[Rows]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ConfigurationError(
            f"To read {path.name}, pyarrow is needed, which is not installed.",
            next_step=f"Install it with `{install_extra('tables')}`, or write a .csv.",
        ) from None
    try:
        with parquet.ParquetFile(path) as file:  # type: ignore[no-untyped-call]
            for batch in file.iter_batches(ROWS_AT_ONCE):
                yield _batch(batch, wanted)
    except pyarrow.ArrowException as error:
        raise ValueError(str(error)) from None


def _batch(batch: Any, wanted: str) -> Rows:
    names = batch.schema.names
    tag = "tag" if "tag" in names else names[0]
    columns = [wanted] if wanted in names else [name for name in names if name != tag]
    if not columns:
        return list(map(str, batch.column(tag).to_pylist())), np.empty((0, 0), np.float32)
    arrays = [_as_numbers(batch.column(n).to_pylist()) for n in columns]
    numbers = arrays[0] if len(arrays) == 1 and arrays[0].ndim == 2 else np.stack(arrays, axis=1)
    return list(map(str, batch.column(tag).to_pylist())), numbers
