"""How many labels each order needs for what labeling at random reaches with 280.

    uv run python tests/benchmarks/label_efficiency.py --json

Labeling is replayed on the sets of `label_sets.py`, with one class an image (by accuracy) and with
several (by mean average precision, and by macro F1 at thresholds set out of fold). From 40 random
labels on, 20 at a time up to 400; the learner is a linear head, or a small network trained anew
each round, whose hidden layer is the embedding. The orders are the very code that a round runs;
"herding, coverage first" is the way that the app offers, which begins with 40 labels by coverage.
Beside them stands an oracle that knows every label, and what the first 20 and 40 labels by coverage
are worth. `--seeds`, `--sets`, `--orders` and `--learners` make it smaller; `--keep FILE` keeps
each curve as it is found, so that the same command goes on where it was broken off (a file from
before a change of orders or sets is of no use); `--save` writes the figures that the app shows
beside each order, and keeps those of what was not run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias

import numpy as np
from cases import Case, show
from label_sets import COMPOSITES, SETS, SEVERAL, unit
from oracle import oracle

from core.learning.inputs.pool import Labels
from core.learning.measuring.comparison import Curves, compare, labels_to_reach
from core.learning.measuring.label_efficiency import FILE
from core.learning.measuring.measures import Measures
from core.learning.measuring.replay import Learner, Plan, Trained, linear_learner, simulate
from core.learning.rounds.options import ORDERS

START, STEP, MOST = 40, 20, 400
RANDOMS_LABELS, GOAL, GOAL_SEVERAL = 280, 100, 200
FIRST, EARLY = (20, 40), (20, STEP, 160)
ORACLE, COVERAGE = "oracle", "coverage first"
SHOWN = "herding, probabilities"
# The way that the app offers: the first labels by coverage, then rounds by herding.
WHOLE_WAY = f"herding, {COVERAGE}"
HIDDEN = 64


def network(vectors: np.ndarray, labels: Labels, random: np.random.Generator) -> Trained:
    """A network of one hidden layer, trained from the start; that layer is the embedding."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    inputs = (vectors * np.sqrt(vectors.shape[1])).astype(np.float32)
    answers = labels.matrix.argmax(axis=1) if labels.single else labels.matrix.astype(int)
    model = MLPClassifier(
        (HIDDEN,),
        solver="lbfgs",
        alpha=0.1,
        max_iter=100,
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


LEARNERS: dict[str, Learner] = {"linear head": linear_learner, "network": network}


@dataclass(frozen=True, slots=True)
class Job:
    data: str
    learner: str
    order: str
    seed: int


# What was run, what came of it, and in how many seconds.
Done: TypeAlias = tuple[Job, list[Measures], float]


def run(job: Job) -> Done:
    began = time.perf_counter()
    vectors, given, true = SETS[job.data](job.seed)
    order, _, how = job.order.partition(", ")
    if order == COVERAGE:
        # Held against random ones from as few on.
        covers = how != "random"
        plan = Plan(int(how), STEP, int(how), 1) if covers else Plan(*EARLY, 1)
        steps = simulate("random", vectors, given, true, plan, job.seed, cover_first=covers)
    else:
        steps = simulate(
            "random" if order == ORACLE else order,
            vectors,
            given,
            true,
            Plan(START, STEP, MOST, 1),
            job.seed,
            learner=LEARNERS[job.learner],
            show_probabilities=job.order == SHOWN,
            cover_first=how == COVERAGE,
            choose=oracle(true) if order == ORACLE else None,
        )
    return job, list(steps), time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--learners", nargs="+", choices=LEARNERS, default=list(LEARNERS))
    parser.add_argument("--orders", nargs="+", default=[*ORDERS, SHOWN, WHOLE_WAY])
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    kept = read(options.keep) if options.keep and options.keep.exists() else {}
    rows: list[Case] = []
    labels: dict[str, dict[str, float | None]] = {order: {} for order in ORDERS}
    gains: list[float] = []
    cores = len(os.sched_getaffinity(0))
    # Processes of their own, each with one thread: the products here are too small for more.
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        for learner in options.learners:
            for data in options.sets:
                orders = options.orders + [ORACLE] * (data in SEVERAL)
                orders += [f"{COVERAGE}, {n}" for n in (*FIRST, "random")] * (
                    learner == "linear head"
                )
                jobs = [Job(data, learner, o, s) for o in orders for s in range(options.seeds)]
                for one in pool.map(run, [job for job in jobs if job not in kept]):
                    kept[one[0]] = one
                    if options.keep:
                        with options.keep.open("a") as file:
                            print(json.dumps([astuple(one[0]), *one[1:]]), file=file)
                done = [kept[job] for job in jobs]
                for row in judged(done, data, learner, labels, gains):
                    rows.append(row)
                    print(row, file=sys.stderr, flush=True)
    if gains:
        mean = statistics.mean(gains)
        words = "points over random, several labels"
        rows.append(Case("mean gain: herding", 0, mean, words, ">= 1", mean >= 1))
    if options.save:
        # What was not run this time stays as it was.
        known = json.loads(FILE.read_text())["labels"]
        labels = {order: known.get(order, {}) | found for order, found in labels.items()}
        figures = {"random": RANDOMS_LABELS, "labels": labels, "several": sorted(SEVERAL)}
        FILE.write_text(json.dumps(figures, indent=2, sort_keys=True) + "\n")
    if options.json:
        show(rows, True)


def read(file: Path) -> dict[Job, Done]:
    """What was run before, as `--keep` wrote it; a last line that is cut off is left out."""
    found = {}
    for line in file.read_text().splitlines():
        with contextlib.suppress(ValueError):
            job, curve, seconds = json.loads(line)
            found[Job(*job)] = Job(*job), [Measures(*reached) for reached in curve], seconds
    return found


def judged(
    done: list[Done],
    data: str,
    learner: str,
    labels: dict[str, dict[str, float | None]],
    gains: list[float],
) -> list[Case]:
    """The rows of one set and learner; the gain of herding goes to `gains`, figures to `labels`."""
    found: dict[str, np.ndarray] = {}
    seconds = {}
    for order in dict.fromkeys(job.order for job, _, _ in done):
        found[order] = np.array([curve for job, curve, _ in done if job.order == order])
        seconds[order] = statistics.mean(s for job, _, s in done if job.order == order)
    covered = {order: found.pop(order) for order in list(found) if order.startswith(COVERAGE)}
    budgets = range(START, MOST + 1, STEP)
    curves = Curves(tuple(budgets), found, single=data not in SEVERAL)
    goal = GOAL if curves.single else GOAL_SEVERAL
    rows = []
    early = covered.pop(f"{COVERAGE}, random", None)
    for name, reached in covered.items():
        first = name.removeprefix(f"{COVERAGE}, ")
        at = Measures._fields.index(curves.decisive)
        worth = labels_to_reach(
            Plan(*EARLY, 1).budgets, early[..., at].mean(axis=0), reached[..., at].mean()
        )
        words = f"random labels are worth the first {first} by coverage"
        least = float(first)
        passed = worth is None or worth >= least
        case = f"first {first} by coverage: {data}"
        rows.append(Case(case, seconds[name], worth, words, f">= {least:g}", passed))
    for one in compare(curves):
        order, case = one.order, f"{one.order}: {data}, {learner}"
        if order in labels:
            labels[order][f"{data}, {learner}"] = one.labels and round(one.labels)
        needed = "never" if one.labels is None else f"{one.labels:.0f}"
        judge = order == "herding" and (curves.single or data in COMPOSITES)
        rows.append(
            Case(
                f"labels, {case}",
                seconds[order],
                one.labels and one.labels / RANDOMS_LABELS,
                f"times random's {RANDOMS_LABELS} labels ({needed}), by {curves.words}",
                f"<= {goal / RANDOMS_LABELS:.2f}" if judge else "",
                (one.labels is not None and one.labels <= goal) if judge else None,
            )
        )
        if order == "herding" and not curves.single:
            gains.append(100 * one.gain)
        measures = ["accuracy"] if curves.single else ["average_precision", "macro_f1"]
        for measure in measures:
            rows.append(gain_row(curves, one.order, measure, case, seconds[order]))
        rows.append(worst_budget(curves, order, case, seconds[order]))
    if SHOWN in found:
        shown = (curves.of(SHOWN) - curves.of("herding")).mean(axis=1)
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


def gain_row(curves: Curves, order: str, measure: str, case: str, seconds: float) -> Case:
    """The mean distance from random over all budgets, by `measure`."""
    difference = (curves.of(order, measure) - curves.of("random", measure))[:, 1:].mean(axis=1)
    gain, error = difference.mean(), difference.std(ddof=1) / np.sqrt(len(difference))
    judge = order == "herding"
    return Case(
        f"gain by {measure.replace('_', ' ')}, {case}",
        seconds,
        100 * float(gain),
        f"points over random (+- {100 * error:.2f})",
        ">= -1 se" if judge else "",
        bool(gain >= -error) if judge else None,
    )


def worst_budget(curves: Curves, order: str, case: str, seconds: float) -> Case:
    """Where the order is farthest below random, in standard errors."""
    difference = (curves.of(order) - curves.of("random"))[:, 1:]
    error = np.maximum(difference.std(axis=0, ddof=1) / np.sqrt(len(difference)), 1e-12)
    distance = difference.mean(axis=0) / error
    lowest = int(distance.argmin())
    judge = order == "herding" and curves.single
    return Case(
        f"worst budget, {case}",
        seconds,
        float(distance[lowest]),
        f"standard errors from random (at {curves.budgets[lowest + 1]})",
        ">= -1" if judge else "",
        bool(distance[lowest] >= -1) if judge else None,
    )


if __name__ == "__main__":
    main()
