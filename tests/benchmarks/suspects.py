"""How many planted label errors are found, and how many of those found are errors.

    uv run python tests/benchmarks/suspects.py --json

Of 2, 5 and 10 % of the labeled images one class is made wrong: another in its place where each
image has one, one dropped or added where it may have several. What counts is whether the image is
listed, and with the very class that is wrong. Losses are out of fold.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time

import numpy as np
from cases import Case, show
from forecast import SETS
from label_sets import Data

from core.learning.builtin.losses import out_of_fold
from core.learning.inputs.pool import Labels
from core.learning.measuring.replay import one_thread
from core.learning.measuring.suspects import suspects
from core.progress import finish

IMAGES = 800
RATES = (0.02, 0.05, 0.1)
CLEAN = ("digits", "clusters", "several", "pooled")


def planted(data: Data, rate: float, random: np.random.Generator) -> Data:
    """Some images, with one class of a share of them made wrong."""
    vectors, _, true = data
    some = random.permutation(len(vectors))[:IMAGES]
    vectors, true = vectors[some], true[some]
    given = true.copy()
    for row in random.permutation(len(true))[: round(rate * len(true))]:
        has, lacks = np.flatnonzero(true[row]), np.flatnonzero(~true[row])
        if (true.sum(axis=1) == 1).all():
            given[row] = np.roll(true[row], random.integers(1, true.shape[1]))
        elif len(has) and random.random() < 0.5:
            given[row, random.choice(has)] = False
        else:
            given[row, random.choice(lacks)] = True
    return vectors, given, true


def cases(name: str, rate: float, seed: int) -> list[Case]:
    random = np.random.default_rng((seed, round(1000 * rate)))
    vectors, given, true = planted(SETS[name](seed), rate, random)
    labels = Labels(np.arange(len(given)), given, tuple(map(str, range(given.shape[1]))))
    losses = finish(out_of_fold(vectors, labels, random))
    tags = [str(row) for row in range(len(given))]
    began = time.perf_counter()
    found = finish(suspects(tags, vectors, losses, labels))
    seconds = time.perf_counter() - began
    wrong = given != true
    listed = {int(one.tag) for one in found}
    errors = set(np.flatnonzero(wrong.any(axis=1)).tolist())
    named = [(int(one.tag), int(doubt.name)) for one in found for doubt in one.doubts]
    right = sum(bool(wrong[pair]) for pair in named)
    what = f"{name}, {100 * rate:.0f} % wrong"
    return [
        Case(f"precision: {what}", seconds, len(listed & errors) / max(len(listed), 1), "of those"),
        Case(f"recall: {what}", seconds, len(listed & errors) / len(errors), "of the errors"),
        Case(f"precision of the class: {what}", seconds, right / max(len(named), 1), "of those"),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--sets", nargs="+", choices=CLEAN, default=list(CLEAN))
    options = parser.parse_args()
    rows: list[Case] = []
    with one_thread():
        for name in options.sets:
            for rate in RATES:
                runs = [cases(name, rate, seed) for seed in range(options.seeds)]
                for same in zip(*runs, strict=True):
                    mean = float(np.mean([case.ratio for case in same]))
                    rows.append(dataclasses.replace(same[0], ratio=mean))
                    print(rows[-1], file=sys.stderr, flush=True)
    show(rows, options.json)


if __name__ == "__main__":
    main()
