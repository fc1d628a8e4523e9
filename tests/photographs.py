"""Real photographs, scikit-learn's and scikit-image's, cut into pieces: images of known classes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image


def _installed(package: str) -> Path:
    """Where a package is, which takes long to load."""
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent


SKIMAGE = _installed("skimage") / "data"
SKLEARN = _installed("sklearn") / "datasets" / "images"
PHOTOGRAPHS = {
    "china": SKLEARN / "china.jpg",
    "flower": SKLEARN / "flower.jpg",
    "astronaut": SKIMAGE / "astronaut.png",
    "cat": SKIMAGE / "chelsea.png",
    "coffee": SKIMAGE / "coffee.png",
    "motorcycle": SKIMAGE / "motorcycle_left.png",
    "retina": SKIMAGE / "retina.jpg",
    "tissue": SKIMAGE / "ihc.png",
}


def cut(
    folder: Path, each: int, size: tuple[int, int] = (160, 120), ending: str = "png"
) -> dict[str, str]:
    """Write `each` pieces of every photograph, drawn at random; returns tag -> photograph."""
    random = np.random.default_rng(0)
    classes = {}
    for name, file in PHOTOGRAPHS.items():
        whole = Image.open(file).convert("RGB")
        for _ in range(each):
            width, height = (int(side * random.uniform(0.3, 0.6)) for side in whole.size)
            left = int(random.integers(whole.width - width))
            top = int(random.integers(whole.height - height))
            tag = f"{len(classes):05}"
            piece = whole.resize(size, box=(left, top, left + width, top + height))
            piece.save(folder / f"{tag}.{ending}", quality=90)
            classes[tag] = name
    return classes
