"""A replay of labeling from files: embeddings, and classes in dataset.json's format."""

from __future__ import annotations

import tempfile
from pathlib import Path

from core.errors import ConfigurationError
from core.learning.hooks.vector_files import load_vectors
from core.learning.planning import read_classes
from core.learning.replay import Curves, compare, recommended, replay_curves
from core.progress import Work


def replay_files(embeddings: Path, labels: Path) -> Work[Curves]:
    """Replay labeling under every order on the images that are in both files.

    Raises ConfigurationError and LabelpilotError for files that cannot be used.
    """
    classes = read_classes(labels)
    if classes is None:
        raise ConfigurationError(f"{labels} does not exist.")
    with tempfile.TemporaryDirectory() as folder:
        vectors = load_vectors(embeddings, Path(folder) / "embeddings.npy", "--embeddings")
        return (yield from replay_curves(vectors, classes))


def describe(curves: Curves) -> str:
    """The orders against random, as a table, and the one that pays most."""
    lines = ["order          points over random   labels for random's accuracy"]
    compared = compare(curves)
    for one in compared:
        labels = "more than tried" if one.labels is None else f"{one.labels:.0f}"
        gain = f"{100 * one.gain:+.1f} ({100 * one.stderr:.1f})"
        lines.append(f"{one.order:14} {gain:20} {labels}")
    best = recommended(compared)
    lines.append(
        "On these images, no order is surely better than random."
        if best is None
        else f"On these images, {best.order} pays most."
    )
    return "\n".join(lines)
