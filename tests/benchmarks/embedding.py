"""How fast, and in how little memory, images are turned into embeddings.

    uv run python tests/benchmarks/embedding.py --json

Photographs (cut from scikit-image's, 480 x 360, JPEG) are embedded as `labelpilot embed` does it,
decoding and keeping included, against bare onnxruntime on the same images decoded beforehand, by
whichever of two ways is faster here: one run on all processors, or a run on each. In turns, so that
a busy moment of the machine meets both. Then small images, many times over, by a network of one
layer, for what the process holds after a tenth of them and at the end. `--images` and `--many` say
how many of each.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
import psutil
from cases import Case, show
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.learning.builtin.embedder import AT_ONCE, embed
from core.learning.builtin.network import network
from core.pictures import read_pixels
from core.progress import finish
from core.workspace.settings import Workspace, load_workspace
from tests.photographs import PHOTOGRAPHS, cut
from tests.unit.learning.networks import mean_colours

TURNS = 3
OVER_BARE, MEGABYTES = 1.3, 60.0
SIZE = (480, 360)
LINKS = 30_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--many", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LABELPILOT_TRUST"] = folder
        cases = [*speed(Path(folder) / "speed", options.images)]
        cases += memory(Path(folder) / "memory", options.many)
    show(cases, options.json)


def workspace(root: Path, settings: str = "") -> Workspace:
    (root / "data" / "images").mkdir(parents=True)
    (root / "labelpilot.toml").write_text(f"[learning]\n{settings}")
    return load_workspace(root)


def speed(root: Path, count: int) -> Iterator[Case]:
    at = workspace(root)
    classes = cut(at.images.path, -(-count // len(PHOTOGRAPHS)), SIZE, "jpg")
    count = len(classes)
    decoded = np.stack([read_pixels(p, 224, 224) for p in sorted(at.images.path.iterdir())])
    images = ((decoded.astype(np.float32) / 255 - 0.5) / 0.5).transpose(0, 3, 1, 2).copy()
    times: dict[str, list[float]] = {"one": [], "each": [], "ours": []}
    for _ in range(TURNS):
        for way in ("one", "each"):
            times[way].append(bare(images, each=way == "each"))
        times["ours"].append(ours(at))
    ours_took = statistics.median(times["ours"])
    bare_took = min(statistics.median(times["one"]), statistics.median(times["each"]))
    ratio = statistics.median(
        mine / min(one, each)
        for mine, one, each in zip(times["ours"], times["one"], times["each"], strict=True)
    )
    yield Case(f"bare onnxruntime, {count / bare_took:.1f} images a second", bare_took)
    yield Case(
        f"labelpilot embed, {count / ours_took:.1f} images a second",
        ours_took,
        ratio,
        "bare onnxruntime on decoded arrays",
        f"at most {OVER_BARE}",
        ratio <= OVER_BARE,
    )


def bare(images: np.ndarray, *, each: bool) -> float:
    processors = len(os.sched_getaffinity(0))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1 if each else processors
    session = onnxruntime.InferenceSession(network(), options)
    parts = [images[start : start + AT_ONCE] for start in range(0, len(images), AT_ONCE)]
    began = time.perf_counter()
    with ThreadPoolExecutor(processors if each else 1) as pool:
        list(pool.map(lambda part: session.run(None, {"images": part}), parts))
    return time.perf_counter() - began


def ours(at: Workspace) -> float:
    """Seconds from the first image to the last, and all kept: without loading the network."""
    shutil.rmtree(at.state.folder, ignore_errors=True)
    began = 0.0
    for event in embed(at):
        if event.stage == "embeddings" and event.total and not began:
            began = time.perf_counter()
    return time.perf_counter() - began


def memory(root: Path, count: int) -> Iterator[Case]:
    root.mkdir()
    mean_colours(root / "mean.onnx")
    at = workspace(root, 'model = "mean.onnx"')
    for number in range(count):
        # A file system counts the names of a file, but not to a million.
        first = root / f"{number // LINKS}.png"
        if number % LINKS == 0:
            Image.new("RGB", (32, 32), "red").save(first)
        os.link(first, at.images.path / f"{number:07}.png")
    process, held = psutil.Process(), dict[int, float]()
    began = time.perf_counter()

    def note(event: object) -> None:
        done, total = getattr(event, "done", 0), getattr(event, "total", 0)
        if getattr(event, "stage", "") == "embeddings" and total:
            held[done * 10 // total] = process.memory_info().rss / 1e6

    found = finish(embed(at), note)
    took = time.perf_counter() - began
    grown = held[10] - held[1]
    yield Case(
        f"{count:,} small images: from {held[1]:,.0f} to {held[10]:,.0f} MB",
        took,
        grown,
        "MB more at the end than after a tenth",
        f"at most {MEGABYTES:g}",
        grown <= MEGABYTES,
    )
    began = time.perf_counter()
    again = finish(embed(at))
    took = time.perf_counter() - began
    yield Case(f"{count:,} again, {again.reused:,} reused", took, met=again.reused == found.images)


if __name__ == "__main__":
    main()
