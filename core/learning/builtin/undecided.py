"""How much more labels could change what is said of each image, where it may have several classes.

A head that is unsure of a class may be unsure for good, because images of both kinds look alike, or
only so far, because it has seen too few. The second is what labels change. So the heads' own
uncertainty is taken (Laplace's approximation): how far a class's logit may still move at an image.
Akin: BAIT (Ash et al., NeurIPS 2021, arXiv 2106.09675) and EPIG (Bickford Smith et al., AISTATS
2023, arXiv 2304.08151).

A class that few images have counts more. What looks like nothing that is labeled counts most, so
classes that no label shows yet are asked for, where heads are sure that they are none of those that
they know. Every image counts a little, however sure the heads are: where labels are noisy,
what heads are unsure of is noise too.

Where images have nearly as many classes each, one in which heads see none must have one that they
miss, and counts more. The labels tell how far that is so: where their number of classes varies as
if each class came by itself, an image without any is as likely as heads say.
"""

from __future__ import annotations

import numpy as np

from core.learning.builtin.head import (
    MOST_ROWS,
    C,
    centred,
    mean_of,
    one_against_rest,
    sigmoid,
)
from core.learning.inputs.pool import Labels
from core.learning.orders.order import Mask, Numbers
from core.learning.search.exact import Floats, Indices
from core.progress import Progress, Work

# More axes than these say nothing that a few hundred labels could tell, and cost their square.
AXES = 128
AXES_SAMPLE = 4_000
ROWS_AT_ONCE = 4_096
# How much an offset may move by itself: as good as freely.
FREE = 0.01
# So many labeled images times classes are looked at, beyond the FEWEST.
MOST_ANSWERS, FEWEST = 10_000_000, 1_000
# However sure it is that an image has a class, it may have another one too.
MOST_EXCLUSIVE = 0.99


def undecided(
    vectors: Floats, rows: Indices, labels: Labels, random: np.random.Generator
) -> Work[Numbers]:
    """How much more labels could change the classes of each of `rows` (n,): (n,), above 0.

    `vectors` are (N, d), `labels` those of its labeled rows, of which at least one is needed.
    """
    yield Progress("uncertainty", 0, len(rows), note="Fitting linear heads")
    mean = mean_of(vectors, random)
    sample = np.sort(random.permutation(len(vectors))[:AXES_SAMPLE])
    axes = _axes(centred(vectors[sample], mean))

    nowhere = np.zeros(axes.shape[1], np.float32)

    def take(some: Indices) -> Floats:
        """The vectors of these rows on the axes, of length 1, and a 1 for the offset."""
        on_axes = centred(centred(vectors[some], mean) @ axes, nowhere)
        return np.hstack([on_axes, np.ones((len(some), 1), np.float32)])

    most = min(MOST_ROWS, max(MOST_ANSWERS // len(labels.classes), FEWEST))
    chosen = np.sort(random.permutation(len(labels.rows))[:most])
    seen = take(labels.rows[chosen])
    weights, offsets = one_against_rest(seen[:, :-1], labels.matrix[chosen])
    heads = np.hstack([weights, offsets[:, None]]).astype(np.float32)
    spreads = []
    for head in heads:
        yield Progress("uncertainty", 0, len(rows))
        spreads.append(_spread(seen, sigmoid(seen @ head)))
    doubt = np.empty((len(rows), len(heads)), np.float32)
    likely = np.zeros(len(heads))
    likeliest = np.zeros(len(rows))
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield Progress("uncertainty", start, len(rows))
        these = slice(start, start + ROWS_AT_ONCE)
        some = take(rows[these])
        for column, (head, spread) in enumerate(zip(heads, spreads, strict=True)):
            variance = np.maximum(((some @ spread) * some).sum(axis=1), 0)
            # Moderated: a logit that may still move far says little (MacKay 1992).
            p = sigmoid(some @ head / np.sqrt(1 + np.pi / 8 * variance))
            likely[column] += p.sum()
            np.maximum(likeliest[these], p, out=likeliest[these])
            doubt[these, column] = p * (1 - p) * np.sqrt(variance)
    rare = np.maximum(likely / len(rows), 1 / len(rows)) ** -0.5
    weighed = doubt @ (rare / rare.mean())
    yield Progress("uncertainty", len(rows), len(rows))
    weighed = 1 + weighed / max(float(weighed.mean()), np.finfo(np.float64).tiny)
    return np.asarray(weighed * (1 - exclusive(labels.matrix) * likeliest))


def exclusive(given: Mask) -> float:
    """How far one class of an image speaks against others, between 0 and MOST_EXCLUSIVE.

    The images `given` (n, C) tell by how much less their number of classes varies than if each
    class came by itself; half as much is taken for little.
    """
    shares = given.mean(axis=0)
    by_itself = float((shares * (1 - shares)).sum())
    if not by_itself:
        return 0.0
    varies = float(given.sum(axis=1).var()) / by_itself
    return float(np.clip(2 * (1 - varies), 0, MOST_EXCLUSIVE))


def _axes(sample: Floats) -> Floats:
    """The axes (d, AXES) along which `sample` (n, d) varies most; all where there are no more."""
    if sample.shape[1] <= AXES:
        return np.eye(sample.shape[1], dtype=np.float32)
    _, axes = np.linalg.eigh((sample.T @ sample).astype(np.float64))
    found: Floats = axes[:, ::-1][:, :AXES].astype(np.float32)
    return found


def _spread(seen: Floats, probabilities: Floats) -> Floats:
    """The covariance (d, d) of a head that was fitted to `seen` (n, d)."""
    precision = (seen.T * (probabilities * (1 - probabilities))) @ seen
    precision[np.diag_indices_from(precision)] += np.append(
        np.full(len(precision) - 1, 1 / C), FREE
    )
    spread: Floats = np.linalg.inv(precision.astype(np.float64)).astype(np.float32)
    return spread
