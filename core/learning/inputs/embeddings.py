"""Embeddings: checked, and normalised once.

Everything downstream compares images by the cosine of the angle between their vectors. So each
vector is scaled to length 1 here, once, and what has no direction (NaN, infinite, all zeros) or
belongs to no image is refused by name. Never is such a vector silently scored.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import filterfalse
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from core.errors import LabelpilotError
from core.files import written_at_once
from core.learning.hooks.vector_files import TaggedVectors, open_vectors
from core.own_files import make_own
from core.progress import Progress, Work

ROWS_AT_ONCE = 4096
NAMED = 5
# Vectors of length 1 of so many files are kept, those used last.
KEPT = 3
# How far beyond 0 or 1 a probability may lie by rounding.
ROUNDING = 1e-3


def named_tags(tags: Iterable[str], count: int | None = None) -> str:
    """The first few of `tags` and how many more there are, as text. `count` is how many in all."""
    listed = list(tags)
    count = len(listed) if count is None else count
    named = ", ".join(repr(tag) for tag in listed[:NAMED])
    return f"{named} and {count - NAMED:,} more" if count > NAMED else named


def check_tags(
    tags: Sequence[str],
    images: Collection[str],
    losses: Mapping[str, float],
    labeled: Collection[str] = (),
) -> None:
    """Raise LabelpilotError, naming the tags, where the hooks do not fit the images.

    `tags` are those of the embeddings, `images` those of the workspace's images. Refused are a tag
    that stands twice, one that is no image, a loss or a label of an image without an embedding or
    of none at all, and a loss that is not finite. An image without an embedding is no error: it
    just cannot be scored.
    """
    known, embedded = set(images), set(tags)
    _refuse(
        "Some images have two embeddings.",
        (tag for tag, count in Counter(tags).items() if count > 1),
        "Each image needs one tag and one vector.",
    )
    for what, given in (("embedding", tags), ("loss", losses), ("label", labeled)):
        unknown = list(filterfalse(known.__contains__, given))
        _refuse(
            f"Some tags with {_a(what)} are no image of the workspace.",
            unknown,
            _hint(unknown, known),
        )
    _refuse(
        "Some losses belong to images without an embedding.",
        filterfalse(embedded.__contains__, losses),
        "get_embeddings() must return all images, labeled ones too.",
    )
    _refuse(
        "Some losses are not finite.",
        (tag for tag, loss in losses.items() if not np.isfinite(loss)),
        "Fix get_loss_trainset() or the file that holds them, or leave these images out.",
    )


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"


def _refuse(message: str, tags: Iterable[str], next_step: str) -> None:
    listed = list(tags)
    if listed:
        raise LabelpilotError(message, cause=f"{named_tags(listed)}.", next_step=next_step)


def _hint(unknown: Sequence[str], known: Collection[str]) -> str:
    if unknown:
        path = PurePosixPath(unknown[0])
        for candidate in (path.stem, path.name, str(path.with_suffix(""))):
            if candidate in known:
                return (
                    f"A tag is a file's name without its ending: {candidate!r}, not {str(path)!r}."
                )
        if known:
            return f"The images' tags look like {next(iter(known))!r}."
    return "There are no images in the workspace yet."


def unit_vectors(embeddings: TaggedVectors, path: Path | None = None) -> Work[NDArray[np.float32]]:
    """The vectors scaled to length 1, (N, d) float32, in the order of the tags.

    With `path` they go to that `.npy` file and stay there, so that memory is bounded at any N.
    Raises LabelpilotError, naming the tags, for vectors that hold NaN or infinite numbers or only
    zeros; nothing is left of them then.
    """
    rows, length = embeddings.vectors.shape
    if rows == 0 or length == 0:
        raise LabelpilotError(
            "There are no embeddings.", next_step="Fix get_embeddings() or the file that has them."
        )
    if path is None:
        out = np.empty((rows, length), np.float32)
        yield from _scale(
            embeddings, lambda start, block: np.copyto(out[start:][: len(block)], block)
        )
        return out
    # An earlier file may still be mapped into somebody's memory, so it is left as it is.
    with written_at_once(path) as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (rows, length)}
        np.lib.format.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call]
        yield from _scale(embeddings, lambda _, block: file.write(block.astype("<f4").tobytes()))
    return open_vectors(path)


def kept_unit_vectors(embeddings: TaggedVectors, folder: Path) -> Work[NDArray[np.float32]]:
    """As `unit_vectors`, in a file of `folder` that stays: they are made once of each file of
    vectors, and anew where that has changed. What lies in no file is scaled in memory."""
    source = getattr(embeddings.vectors, "filename", None)
    if source is None:
        return (yield from unit_vectors(embeddings))
    state = os.stat(source)
    proof = (os.path.abspath(source), state.st_ino, state.st_size, state.st_mtime_ns)
    path = make_own(folder) / f"unit-{hashlib.sha256(repr(proof).encode()).hexdigest()[:16]}.npy"
    with contextlib.suppress(OSError, ValueError):
        vectors = open_vectors(path)
        if vectors.shape == embeddings.vectors.shape:
            os.utime(path)
            return vectors
    vectors = yield from unit_vectors(embeddings, path)
    by_use = sorted(folder.glob("unit-*.npy"), key=os.path.getmtime, reverse=True)
    for file in by_use[KEPT:]:
        file.unlink(missing_ok=True)
    return vectors


def _scale(
    embeddings: TaggedVectors, put: Callable[[int, NDArray[np.float32]], object]
) -> Work[None]:
    """Hand each block of vectors, scaled to length 1, to `put`, after the number of its first."""
    rows = len(embeddings.vectors)
    bad: dict[str, list[int]] = {"NaN": [], "infinite": [], "all zeros": []}
    for start in range(0, rows, ROWS_AT_ONCE):
        yield Progress("embeddings", start, rows)
        with np.errstate(over="ignore", invalid="ignore"):
            block = np.asarray(embeddings.vectors[start : start + ROWS_AT_ONCE], np.float32)
            norms = np.sqrt(np.einsum("ij,ij->i", block, block, dtype=np.float64))
        kinds = {"NaN": np.isnan(norms), "infinite": np.isinf(norms), "all zeros": norms == 0}
        for kind, found in kinds.items():
            bad[kind].extend((start + np.flatnonzero(found)).tolist())
        if not any(bad.values()):
            put(start, (block / norms[:, None]).astype(np.float32))
    if any(bad.values()):
        raise _unusable(embeddings.tags, bad)
    yield Progress("embeddings", rows, rows)


def _unusable(tags: Sequence[str], bad: Mapping[str, Sequence[int]]) -> LabelpilotError:
    kinds = [
        f"{kind}: {named_tags((tags[row] for row in rows[:NAMED]), len(rows))}"
        for kind, rows in bad.items()
        if rows
    ]
    cause = "; ".join(kinds)
    return LabelpilotError(
        "Some embeddings have no direction, so nothing can be compared with them.",
        cause=cause[0].upper() + cause[1:] + ".",
        next_step="Fix get_embeddings() or the file that holds them, or leave these images out.",
    )


def check_probabilities(probabilities: TaggedVectors, unlabeled: Collection[str]) -> None:
    """Raise LabelpilotError, naming the tags, where class probabilities cannot be used.

    Refused are numbers outside 0 to 1 or not finite, a tag that stands twice, and an unlabeled
    image that has none.
    """
    _refuse(
        "Some images have two lists of probabilities.",
        (tag for tag, count in Counter(probabilities.tags).items() if count > 1),
        "get_probabilities() must return one list for each tag.",
    )
    bad: list[str] = []
    for start in range(0, len(probabilities.tags), ROWS_AT_ONCE):
        block = probabilities.vectors[start : start + ROWS_AT_ONCE]
        # A comparison with NaN is false, so that NaN counts as outside.
        inside = ((block >= -ROUNDING) & (block <= 1 + ROUNDING)).all(axis=1)
        bad.extend(probabilities.tags[start + row] for row in np.flatnonzero(~inside))
    _refuse(
        "Some probabilities lie outside 0 to 1.",
        bad,
        "get_probabilities() must return probabilities, not logits: apply softmax or sigmoid.",
    )
    given = set(probabilities.tags)
    _refuse(
        "Some unlabeled images have an embedding but no probabilities.",
        (tag for tag in unlabeled if tag not in given),
        "get_probabilities() must return all unlabeled images, or be left out.",
    )
