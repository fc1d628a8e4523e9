"""How many labels each order needs for what labeling at random reaches with 280.

    uv run python tests/benchmarks/label_efficiency.py --json

Labeling is replayed on real handwritten digits (scikit-learn's): as they are, with three classes
made rare, with a tenth of the labels wrong, and as images of one to three digits with several
labels. From 40 random labels on, 20 at a time up to 400; the learner is a linear head on the
pixels, or a small network trained anew each round, whose hidden layer is the embedding. The orders
are the very code that a round runs. `--seeds`, `--sets` and `--learners` make it smaller; `--save`
writes the figures that the app shows beside each order.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from cases import Case, show

from core.learning.comparison import Curves, compare
from core.learning.label_efficiency import FILE
from core.learning.options import ORDERS
from core.learning.pool import Labels
from core.learning.replay import Learner, Plan, Trained, linear_learner, simulate

START, STEP, MOST = 40, 20, 400
RANDOMS_LABELS, GOAL = 280, 100
SHOWN = "herding, probabilities"
HIDDEN = 64

Data = tuple[np.ndarray, np.ndarray, np.ndarray]


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


def network(vectors: np.ndarray, labels: Labels, random: np.random.Generator) -> Trained:
    """A network of one hidden layer, trained from the start; that layer is the embedding."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    inputs = vectors * np.sqrt(vectors.shape[1])
    answers = labels.matrix.argmax(axis=1) if labels.single else labels.matrix.astype(int)
    model = MLPClassifier(
        (HIDDEN,),
        solver="lbfgs",
        alpha=0.1,
        max_iter=200,
        random_state=int(random.integers(1 << 31)),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(inputs[labels.rows], answers)
    hidden = np.maximum(inputs @ model.coefs_[0] + model.intercepts_[0], 0)
    found = model.predict_proba(inputs)
    if not labels.single:
        return Trained(unit(hidden), found)
    probabilities = np.zeros((len(vectors), labels.matrix.shape[1]))
    probabilities[:, model.classes_] = found
    return Trained(unit(hidden), probabilities)


SETS: dict[str, Callable[[int], Data]] = {
    "digits": plain,
    "rare classes": rare,
    "wrong labels": wrong,
    "several labels": several,
}
LEARNERS: dict[str, Learner] = {"linear head": linear_learner, "network": network}


@dataclass(frozen=True, slots=True)
class Job:
    data: str
    learner: str
    order: str
    seed: int


def run(job: Job) -> tuple[Job, list[float], float]:
    began = time.perf_counter()
    vectors, given, true = SETS[job.data](job.seed)
    order, _, shown = job.order.partition(", ")
    steps = simulate(
        order,
        vectors,
        given,
        true,
        Plan(START, STEP, MOST, 1),
        job.seed,  # type: ignore[arg-type]
        learner=LEARNERS[job.learner],
        show_probabilities=bool(shown),
    )
    return job, list(steps), time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--learners", nargs="+", choices=LEARNERS, default=list(LEARNERS))
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    orders = [*ORDERS, SHOWN]
    rows: list[Case] = []
    labels: dict[str, dict[str, float | None]] = {order: {} for order in ORDERS}
    cores = len(os.sched_getaffinity(0))
    # Processes of their own, each with one thread: the products here are too small for more.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        for learner in options.learners:
            for data in options.sets:
                jobs = [Job(data, learner, o, s) for o in orders for s in range(options.seeds)]
                done = list(pool.map(run, jobs))
                for row in judged(done, data, learner, labels):
                    rows.append(row)
                    print(row, file=sys.stderr, flush=True)
    if options.save:
        FILE.write_text(
            json.dumps({"random": RANDOMS_LABELS, "labels": labels}, indent=2, sort_keys=True)
            + "\n"
        )
    if options.json:
        show(rows, True)


def judged(
    done: list[tuple[Job, list[float], float]],
    data: str,
    learner: str,
    labels: dict[str, dict[str, float | None]],
) -> list[Case]:
    orders = list(dict.fromkeys(job.order for job, _, _ in done))
    found = {o: np.array([curve for job, curve, _ in done if job.order == o]) for o in orders}
    seconds = {o: statistics.mean(s for job, _, s in done if job.order == o) for o in orders}
    curves = Curves(tuple(range(START, MOST + 1, STEP)), found)
    rows = []
    for comparison in compare(curves):
        order = comparison.order
        case = f"{order}: {data}, {learner}"
        reached = comparison.labels
        if order in labels:
            labels[order][f"{data}, {learner}"] = reached and round(reached)
        needed = "never" if reached is None else f"{reached:.0f}"
        judge = order == "herding"
        rows.append(
            Case(
                f"labels, {case}",
                seconds[order],
                reached and reached / RANDOMS_LABELS,
                f"times random's {RANDOMS_LABELS} labels ({needed})",
                f"<= {GOAL / RANDOMS_LABELS:.2f}" if judge else "",
                (reached is not None and reached <= GOAL) if judge else None,
            )
        )
        difference = (found[order] - found["random"])[:, 1:]
        error = difference.std(axis=0, ddof=1) / np.sqrt(len(difference))
        lowest = int((difference.mean(axis=0) / np.maximum(error, 1e-12)).argmin())
        worst = difference.mean(axis=0)[lowest] / max(error[lowest], 1e-12)
        rows.append(
            Case(
                f"worst budget, {case}",
                seconds[order],
                float(worst),
                f"standard errors from random (at {curves.budgets[lowest + 1]})",
                ">= -1" if judge else "",
                bool(worst >= -1) if judge else None,
            )
        )
        rows.append(
            Case(
                f"gain, {case}",
                seconds[order],
                100 * comparison.gain,
                f"points over random (+- {100 * comparison.stderr:.2f})",
                "",
                None,
            )
        )
    shown = found[SHOWN].mean(axis=1) - found["herding"].mean(axis=1)
    error = shown.std(ddof=1) / np.sqrt(len(shown))
    rows.append(
        Case(
            f"probabilities shown: {data}, {learner}",
            seconds[SHOWN],
            100 * float(shown.mean()),
            f"points over herding alone (+- {100 * error:.2f})",
            ">= -1 se",
            bool(shown.mean() >= -error),
        )
    )
    return rows


if __name__ == "__main__":
    main()
