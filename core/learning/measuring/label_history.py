"""What a linear head would have said with only the first so many of the labels.

So it shows what labels brought so far: on how many images they changed the answer, and what they
gained on images that were drawn at random, each judged by heads that were fitted without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.learning.builtin.head import guessed
from core.learning.builtin.losses import guessed_out_of_fold
from core.learning.inputs.pool import Labels
from core.learning.measuring.measures import average_precision
from core.learning.orders.order import Mask, Numbers
from core.learning.search.exact import Floats, Indices
from core.progress import Work

# So many draws tell a gain from chance.
DRAWS = 30


@dataclass(frozen=True, slots=True)
class LabelHistory:
    """`labels` in the order in which they were given, of some rows of `vectors` (N, d), which have
    length 1. `unlabeled` are the rows of which it is told how many are answered differently."""

    vectors: Floats
    labels: Labels
    unlabeled: Indices
    random: np.random.Generator

    def changed(self, before: int, count: int) -> float:
        """On what share of the unlabeled images the labels from `before` to `count` changed the
        answer."""
        answers = []
        for known in (before, count):
            found = self.probabilities(np.arange(known), self.unlabeled)
            most = found.argmax(axis=1)[:, None] == np.arange(found.shape[1])
            answers.append(most if self.labels.single else found > 0.5)
        return float((answers[0] != answers[1]).any(axis=1).mean())

    def probabilities(self, known: Indices, rows: Indices) -> Numbers:
        """Those of the images `rows`, by a head that knows the labels at the positions `known`."""
        labels = self.labels
        some = replace(labels, rows=labels.rows[known], matrix=labels.matrix[known])
        return guessed(self.vectors, some, self.vectors[rows], self.random)

    def out_of_fold(self, count: int, share: float, images: Indices) -> Work[Numbers]:
        """The probabilities (n, C) of the `images`, positions of labels, by heads that know a
        `share` of the first `count` labels, drawn at random, and none of the image's own fold."""
        return guessed_out_of_fold(
            self.vectors, self.labels, self.random, images=images, count=count, share=share
        )

    def gained(self, before: Numbers, after: Numbers, images: Indices) -> tuple[float, float]:
        """By how much the probabilities `after` are better than those `before` (n, C) for the
        labeled `images`, and the standard error of that."""
        given = self.labels.matrix[images]

        def gain(some: Indices) -> float:
            return self.quality(after[some], given[some]) - self.quality(before[some], given[some])

        draws = self.random.integers(0, len(images), (DRAWS, len(images)))
        return gain(np.arange(len(images))), float(np.std([gain(some) for some in draws]))

    def quality(self, probabilities: Numbers, true: Mask) -> float:
        """How good probabilities (n, C) are: accuracy where each image has one class, else mean
        average precision."""
        if self.labels.single:
            return float((probabilities.argmax(axis=1) == true.argmax(axis=1)).mean())
        return float(np.nan_to_num(average_precision(probabilities, true)))
