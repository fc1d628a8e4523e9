"""What a round knows of its images: embeddings, losses and labels, checked against each other."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigurationError
from core.learning.hooks.run import Hooks
from core.learning.inputs.embeddings import check_probabilities, check_tags, unit_vectors
from core.learning.orders.order import Mask, Numbers
from core.learning.search.exact import Floats, Indices
from core.progress import Progress, Work
from core.words import count


@dataclass(frozen=True, slots=True)
class Labels:
    """The classes of the labeled images.

    `rows` (L,) are their rows, `matrix` (L, C) says which classes each has. `single` is whether
    each has exactly one.
    """

    rows: Indices
    matrix: Mask
    classes: tuple[str, ...]

    @property
    def single(self) -> bool:
        return bool((self.matrix.sum(axis=1) == 1).all())

    @property
    def alike(self) -> bool:
        """Whether all say the same, so that they tell nothing apart."""
        return bool((self.matrix == self.matrix[:1]).all())


@dataclass(frozen=True, slots=True)
class Pool:
    """What a round knows of each of N images.

    `vectors` (N, d) have length 1; `labeled` (N,) says which images are labeled, `candidates` (N,)
    which can be asked for; `losses` (N,) are NaN where there is none; `labels` are the classes of
    labeled images, None where unknown; `probabilities` (N, C) are the user's, None where there are
    none, NaN for images that are no candidates.
    """

    tags: Sequence[str]
    vectors: Floats
    labeled: Mask
    candidates: Mask
    losses: Numbers
    labels: Labels | None = None
    probabilities: NDArray[Any] | None = None

    @property
    def candidate_rows(self) -> Indices:
        return np.flatnonzero(self.candidates)

    @property
    def labeled_rows(self) -> Indices:
        return np.flatnonzero(self.labeled)

    @property
    def asking(self) -> Indices:
        """The rows of the labeled images that have a loss."""
        return np.flatnonzero(self.labeled & np.isfinite(self.losses))


def make_pool(
    hooks: Hooks,
    images: Set[str],
    *,
    tasks: Set[str] | None = None,
    labeled: Collection[str] = (),
    classes: Mapping[str, Collection[str]] | None = None,
    path: Path | None = None,
) -> Work[Pool]:
    """Check what the hooks returned against the `images` (tags), and make it ready for `rank`.

    An image counts as labeled if the hooks say so, if it has a loss, or if it is in `labeled`, the
    tags that are labeled in Label Studio. The others can be asked for if they are in `tasks` (None:
    all are). `classes` (tag -> classes) is what dataset.json holds. With `path`, the vectors of
    length 1 go to that `.npy` file. Raises LabelpilotError, naming the tags, for all that cannot be
    used.
    """
    hooks = hooks.spelled_as(images)
    assert hooks.embeddings is not None
    tags, given = hooks.embeddings.tags, hooks.losses or {}
    check_tags(tags, images, given, hooks.labeled or ())
    known = {*labeled, *(hooks.labeled or ()), *given}
    is_labeled = np.fromiter(map(known.__contains__, tags), np.bool_, len(tags))
    candidates = ~is_labeled
    if tasks is not None:
        candidates &= np.fromiter(map(tasks.__contains__, tags), np.bool_, len(tags))
    if hooks.probabilities is not None:
        wanted = np.flatnonzero(candidates)
        check_probabilities(hooks.probabilities, [tags[row] for row in wanted])
    if unseen := len((images if tasks is None else tasks) - known - set(tags)):
        note = f"{count(unseen, 'unlabeled image')} without an embedding cannot be asked for"
        yield Progress("embeddings", 0, len(tags), note)
    vectors = yield from unit_vectors(hooks.embeddings, path)
    losses = np.fromiter(map(given.get, tags, repeat(np.nan)), np.float64, len(tags))
    probabilities = None
    if hooks.probabilities is not None:
        row_of = {tag: row for row, tag in enumerate(hooks.probabilities.tags)}
        probabilities = np.full((len(tags), hooks.probabilities.vectors.shape[1]), np.nan, "f4")
        probabilities[wanted] = hooks.probabilities.vectors[[row_of[tags[row]] for row in wanted]]
    labels = None if classes is None else labels_of(tags, classes)
    return Pool(tags, vectors, is_labeled, candidates, losses, labels, probabilities)


def labels_of(tags: Sequence[str], classes: Mapping[str, Collection[str]]) -> Labels:
    """The labels in `classes` (tag -> classes, as in dataset.json) of the images in `tags`."""
    rows = [row for row, tag in enumerate(tags) if tag in classes]
    names = tuple(sorted({name for row in rows for name in classes[tags[row]]}))
    column = {name: number for number, name in enumerate(names)}
    matrix = np.zeros((len(rows), len(names)), np.bool_)
    for position, row in enumerate(rows):
        matrix[position, [column[name] for name in classes[tags[row]]]] = True
    return Labels(np.array(rows, np.int64), matrix, names)


def no_classes(message: str) -> ConfigurationError:
    """The error of what needs the classes of labeled images where they are not known."""
    return ConfigurationError(
        message, next_step="Label some images first: `labelpilot open` gives the link."
    )
