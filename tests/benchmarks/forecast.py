"""How often a forecast's range holds, beside the interval of a power law fitted to the same labels.

    uv run python tests/benchmarks/forecast.py --json

Labeling is simulated on handwritten digits (as they are, with three rare classes, with a tenth of
the labels wrong), on images of several digits (as pixels, as the mean of features, and with 3 % of
the labels wrong) and on uneven Gaussian clusters of one class or several, with and without wrong
labels; at random, or by a round's margin with a fifth drawn at random. At 100, 200, 300 and 400
labels it is forecast what the next 100 bring; what they bring is measured on 30 % of the images,
kept apart, by their true classes. The range is made of all sets but the one that it is judged on.
`--keep FILE` keeps what was simulated, so that the same command goes on where it was broken off.
`--save` writes what all of them say: what `labelpilot forecast` goes by.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from cases import Case, show
from label_sets import Data, digits, plain, rare, several, unit, wrong

from core.learning.inputs.pool import Labels
from core.learning.measuring.forecast import FILE, STEP, Evidence, Scale, evidence
from core.learning.measuring.label_history import LabelHistory
from core.learning.measuring.replay import one_thread
from core.progress import finish

START, LABELS, COUNTS = 60, 500, (100, 200, 300, 400)
APART, ROUND, DRAWN = 0.3, 20, 4
# Of the errors so many are to lie below a range, and as many above it.
OUTSIDE = 0.1
GOAL = 0.75


def flipped(data: Data, share: float, seed: int) -> Data:
    """One class of several is wrong in that share of all answers."""
    vectors, given, true = data
    return vectors, given ^ (np.random.default_rng((seed, 5)).random(given.shape) < share), true


def pooled(seed: int) -> Data:
    """Images of one to three digits, by the mean of random features, as a network pools."""
    pixels, classes = digits()
    random = np.random.default_rng((seed, 4))
    features = np.maximum(pixels / 16 @ random.standard_normal((64, 96)), 0)
    chosen = [random.integers(0, len(pixels), random.integers(1, 4)) for _ in range(2500)]
    matrix = np.array([classes[some].any(axis=0) for some in chosen])
    return unit(np.array([features[some].mean(axis=0) for some in chosen])), matrix, matrix


def clusters(seed: int, wrong: float = 0.0) -> Data:
    """Eight classes of three Gaussian clusters each, of uneven size."""
    random = np.random.default_rng((seed, 11))
    answers = random.choice(8, 3000, p=random.dirichlet(np.full(8, 2.0)))
    centres = 0.55 * random.standard_normal((24, 40))
    points = centres[3 * answers + random.integers(0, 3, 3000)]
    true = np.eye(8, dtype=bool)[answers]
    given = true.copy()
    for row in np.flatnonzero(random.random(3000) < wrong):
        given[row] = np.roll(true[row], random.integers(1, 8))
    return unit(points + random.standard_normal(points.shape)), given, true


def traits(seed: int) -> Data:
    """Twelve classes that an image has or lacks, by noisy directions of a Gaussian."""
    random = np.random.default_rng((seed, 12))
    points = random.standard_normal((3000, 60)) * np.arange(1, 61) ** -0.4
    along = points @ random.standard_normal((60, 12))
    along = along / along.std(axis=0) + 0.5 * random.standard_normal(along.shape)
    share = random.uniform(0.05, 0.4, 12)
    true = along > [np.quantile(one, 1 - s) for one, s in zip(along.T, share, strict=True)]
    return unit(points), true, true


SETS: dict[str, Callable[[int], Data]] = {
    "digits": plain,
    "rare classes": rare,
    "wrong labels": wrong,
    "clusters": clusters,
    "clusters, 5 % wrong": lambda seed: clusters(seed, 0.05),
    "several": several,
    "several, 3 % wrong": lambda seed: flipped(several(seed), 0.03, seed),
    "pooled": pooled,
    "traits, 3 % wrong": lambda seed: flipped(traits(seed), 0.03, seed),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """A forecast to be made, what came of it, and the power law's interval (low, high)."""

    data: str
    evidence: Evidence
    gain: float
    law: tuple[float, float]
    seconds: float


# A set, a seed, and whether labeling followed an order.
Run: TypeAlias = tuple[str, int, bool]


def order(past: LabelHistory, train: np.ndarray, ordered: bool) -> tuple[np.ndarray, np.ndarray]:
    """The rows in the order of labeling, and which were drawn at random."""
    random = past.random
    shuffled = random.permutation(train)
    if not ordered:
        return shuffled[:LABELS], np.ones(LABELS, np.bool_)
    rows, drawn = list(shuffled[:START]), [True] * START
    while len(rows) < LABELS:
        rest = random.permutation(np.setdiff1d(train, rows))
        known = dataclasses.replace(past, labels=labels_of(past.labels, np.array(rows)))
        found = known.probabilities(np.arange(len(rows)), rest)
        if past.labels.single:
            top = np.sort(found, axis=1)
            doubt = top[:, -2] - top[:, -1]
        else:
            doubt = -np.abs(found - 0.5).min(axis=1)
        # A few of the most doubtful ones, so that they are not all alike.
        asked = random.permutation(rest[np.argsort(-doubt)[: 4 * ROUND]])[: ROUND - DRAWN]
        rows += [*asked, *random.permutation(np.setdiff1d(rest, asked))[:DRAWN]]
        drawn += [False] * len(asked) + [True] * DRAWN
    return np.array(rows), np.array(drawn)


def labels_of(every: Labels, rows: np.ndarray) -> Labels:
    return dataclasses.replace(every, rows=rows, matrix=every.matrix[rows])


def trials(data: str, seed: int, ordered: bool) -> Iterator[Trial]:
    vectors, given, true = SETS[data](seed)
    random = np.random.default_rng((seed, ordered))
    apart, train = np.split(random.permutation(len(vectors)), [round(APART * len(vectors))])
    every = Labels(np.arange(len(given)), given, tuple(map(str, range(given.shape[1]))))
    rows, drawn = order(LabelHistory(vectors, every, apart, random), train, ordered)
    unlabeled = np.setdiff1d(train, rows)
    past = LabelHistory(vectors, labels_of(every, rows), unlabeled, random)
    reached = {
        count: past.quality(past.probabilities(np.arange(count), apart), true[apart])
        for count in (*COUNTS, COUNTS[-1] + STEP)
    }
    for count in COUNTS:
        began = time.perf_counter()
        control = np.flatnonzero(drawn[:count])
        found = finish(evidence(past, count, control))
        seconds = time.perf_counter() - began
        law = power_law(past, count, control)
        yield Trial(data, found, reached[count + STEP] - reached[count], law, seconds)


def power_law(past: LabelHistory, count: int, control: np.ndarray) -> tuple[float, float]:
    """The interval of four in five that the errors of the fit itself give for the next gain, by the
    curve through what heads that know a share of the labels reach out of fold."""
    from scipy.optimize import OptimizeWarning, curve_fit
    from scipy.stats import t

    def law(known: np.ndarray, most: float, scale: float, power: float) -> np.ndarray:
        return most - scale * (known / 100) ** -power

    ratio = count / (count + STEP)
    known = count * ratio ** np.arange(6)
    given = past.labels.matrix[control]
    shares = known / count
    reached = [
        past.quality(finish(past.out_of_fold(count, share, control)), given) for share in shares
    ]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", OptimizeWarning)
            bounds = ([0, 0, 0.01], [1, 5, 3])
            fitted, covariance = curve_fit(law, known, reached, [0.9, 0.3, 0.5], bounds=bounds)
    except (RuntimeError, ValueError, OptimizeWarning):
        return np.nan, np.nan

    def gain(parameters: np.ndarray) -> float:
        return float(law(count + STEP, *parameters) - law(count, *parameters))

    slope = np.array([(gain(fitted + one) - gain(fitted - one)) / 2e-5 for one in 1e-5 * np.eye(3)])
    error = np.sqrt(max(slope @ covariance @ slope, 0)) * t.ppf(1 - OUTSIDE, len(known) - 3)
    return gain(fitted) - error, gain(fitted) + error


def scale_of(known: list[Trial]) -> Scale:
    """What these trials say."""
    weights = np.array([1 / one.evidence.spread for one in known])
    evidence = np.array([[one.evidence.gained, one.evidence.changed] for one in known])
    gain = np.array([one.gain for one in known])
    gained, changed = np.linalg.lstsq(evidence * weights[:, None], gain * weights, rcond=None)[0]
    errors = (gain - evidence @ [gained, changed]) * weights
    low, high = np.quantile(errors, [OUTSIDE, 1 - OUTSIDE])
    return Scale(float(gained), float(changed), float(low), float(high), 0, len(known))


def judged(found: list[Trial]) -> tuple[list[bool], list[float], list[float]]:
    """For each trial whether the range held, its width, and how far its middle was off."""
    held, widths, errors = [], [], []
    for one in found:
        scale = scale_of([other for other in found if other.data != one.data])
        low, high = scale.range(one.evidence)
        held.append(low <= one.gain <= high)
        widths.append(high - low)
        errors.append(abs(one.gain - scale.middle(one.evidence)))
    return held, widths, errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    kept = read(options.keep) if options.keep and options.keep.exists() else {}
    found: list[Trial] = []
    runs = itertools.product(range(options.seeds), options.sets, (False, True))
    with one_thread():
        for seed, data, ordered in runs:
            run = data, seed, ordered
            if run not in kept:
                kept[run] = list(trials(*run))
                if options.keep:
                    with options.keep.open("a") as file:
                        print(json.dumps([run, list(map(asdict, kept[run]))]), file=file)
            found += kept[run]
            print(f"{data}, seed {seed}: {len(found)} trials", file=sys.stderr, flush=True)
    rows = cases(found)
    if options.save:
        held = sum(judged(found)[0])
        saved = {name: round(value, 4) for name, value in asdict(scale_of(found)).items()}
        FILE.write_text(json.dumps(saved | {"held": held}, indent=2, sort_keys=True) + "\n")
    show(rows, options.json)


def read(file: Path) -> dict[Run, list[Trial]]:
    """What was simulated before, as `--keep` wrote it; a last line that is cut off is left out."""
    found = {}
    for line in file.read_text().splitlines():
        with contextlib.suppress(ValueError):
            (data, seed, ordered), kept = json.loads(line)
            found[data, seed, ordered] = [
                Trial(**one | {"evidence": Evidence(**one["evidence"])}) for one in kept
            ]
    return found


def cases(found: list[Trial]) -> list[Case]:
    held, widths, errors = map(np.array, judged(found))
    laws = np.array([one.law for one in found])
    gains = np.array([one.gain for one in found])
    by_law = (laws[:, 0] <= gains) & (gains <= laws[:, 1])
    seconds = float(np.mean([one.seconds for one in found]))

    def case(what: str, ratio: float, against: str, goal: float | None = None) -> Case:
        met = None if goal is None else bool(ratio >= goal)
        return Case(what, seconds, ratio, against, "" if goal is None else f">= {goal}", met)

    count = len(found)
    rows = [
        case("range", held.mean(), f"of {count} held, {100 * widths.mean():.1f} points wide", GOAL),
        case("error of its middle", 100 * errors.mean(), "points, mean"),
        case("gain", 100 * gains.mean(), "points, mean"),
        case("power law's own interval", by_law.mean(), f"of {count} held"),
    ]
    for name in dict.fromkeys(one.data for one in found):
        mine = np.array([one.data == name for one in found])
        rows.append(case(f"range: {name}", held[mine].mean(), f"of {mine.sum()} held"))
    for at in COUNTS:
        mine = np.array([one.evidence.labels == at for one in found])
        width = f"{100 * widths[mine].mean():.1f} points wide"
        rows.append(case(f"range: {at} labels", held[mine].mean(), f"of {mine.sum()}, {width}"))
    return rows


if __name__ == "__main__":
    main()
