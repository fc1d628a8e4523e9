"""Sets of images to replay labeling on, each made anew from a seed.

A set is (vectors of length 1 (N, d), the classes that an annotator answers with (N, C), those that
count (N, C)). All but one are made of scikit-learn's handwritten digits.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

Data: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]

IMAGES = 2_000


def unit(vectors: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(norms, 1e-12)).astype(np.float32)


@functools.cache
def digits() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    data = load_digits()
    return data.data, np.eye(10, dtype=bool)[data.target]


def plain(seed: int) -> Data:
    pixels, classes = digits()
    return unit(pixels), classes, classes


def rare(seed: int) -> Data:
    """Three of the ten classes keep a tenth of their images."""
    pixels, classes = digits()
    random = np.random.default_rng((seed, 1))
    few = random.permutation(10)[:3]
    keep = ~classes[:, few].any(axis=1) | (random.random(len(classes)) < 0.1)
    return unit(pixels[keep]), classes[keep], classes[keep]


def wrong(seed: int) -> Data:
    """One answer in ten is wrong; what counts is the truth."""
    pixels, classes = digits()
    random = np.random.default_rng((seed, 2))
    given = classes.copy()
    for row in np.flatnonzero(random.random(len(classes)) < 0.1):
        given[row] = np.roll(classes[row], random.integers(1, 10))
    return unit(pixels), given, classes


def several(seed: int) -> Data:
    """Images of 16 x 16 with one to three digits, each in a quarter of its own."""
    pixels, classes = digits()
    random = np.random.default_rng((seed, 3))
    images = np.zeros((len(pixels), 4, 64))
    matrix = np.zeros_like(classes)
    for row in range(len(images)):
        count = random.integers(1, 4)
        chosen = random.integers(0, len(pixels), count)
        images[row, random.permutation(4)[:count]] = pixels[chosen]
        matrix[row] = classes[chosen].any(axis=0)
    return unit(images.reshape(len(images), -1)), matrix, matrix


def forgotten(seed: int) -> Data:
    """`several`, where an annotator forgets classes and adds wrong ones; the truth counts."""
    vectors, classes, _ = several(seed)
    random = np.random.default_rng((seed, 4))
    chance = random.random(classes.shape)
    return vectors, np.where(classes, chance > 0.15, chance < 0.03), classes


def pooled(seed: int, shares: np.ndarray | None = None) -> Data:
    """One to three digits, whose features a network would have averaged over the image."""
    features, classes = _features()
    random = np.random.default_rng((seed, 5))
    odds = None if shares is None else classes @ shares / (classes @ shares).sum()
    vectors = np.zeros((IMAGES, features.shape[1]))
    matrix = np.zeros((IMAGES, classes.shape[1]), bool)
    for row in range(IMAGES):
        chosen = random.choice(len(features), random.integers(1, 4), p=odds)
        vectors[row] = features[chosen].mean(axis=0)
        matrix[row] = classes[chosen].any(axis=0)
    return unit(vectors), matrix, matrix


def uneven(seed: int) -> Data:
    """`pooled`, where the n-th most frequent digit comes an n-th as often."""
    return pooled(seed, 1 / np.random.default_rng((seed, 6)).permutation(np.arange(1, 11)))


@functools.cache
def _features() -> tuple[np.ndarray, np.ndarray]:
    pixels, classes = digits()
    weights = np.random.default_rng(7).standard_normal((pixels.shape[1], 128))
    return np.maximum((pixels - pixels.mean(axis=0)) @ weights, 0), classes


def many(seed: int) -> Data:
    """Sixty tags of very different frequency, one to four an image, of which some are forgotten."""
    random = np.random.default_rng((seed, 8))
    tags, length = 60, 64
    centres = random.standard_normal((tags, length))
    odds = np.arange(1, tags + 1) ** -0.8
    vectors = 1.6 * random.standard_normal((IMAGES, length))
    matrix = np.zeros((IMAGES, tags), bool)
    for row in range(IMAGES):
        chosen = random.choice(tags, random.integers(1, 5), replace=False, p=odds / odds.sum())
        strengths = random.gamma(4, 0.25, len(chosen))
        vectors[row] += strengths @ centres[chosen] / np.sqrt(len(chosen))
        matrix[row, chosen] = True
    return unit(vectors), matrix & (random.random(matrix.shape) > 0.15), matrix


SETS: dict[str, Callable[[int], Data]] = {
    "digits": plain,
    "rare classes": rare,
    "wrong labels": wrong,
    "several labels": several,
    "pooled": pooled,
    "uneven": uneven,
    "forgotten labels": forgotten,
    "many tags": many,
}
# Those with several classes an image, and of these the ones without a wrong label.
SEVERAL = ("several labels", "pooled", "uneven", "forgotten labels", "many tags")
COMPOSITES = SEVERAL[:3]
