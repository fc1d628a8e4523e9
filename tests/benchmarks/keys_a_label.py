"""How many keys a label takes one at a time, with suggestions, and with groups of look-alikes, and
how many wrong labels each lets through.

Run: `uv run python tests/benchmarks/keys_a_label.py [--errs 0.02] [--misses 0.1] [--json]`.

Somebody labels 600 images, the first 100 one at a time. They look: of their own answers so many are
wrong (`--errs`), and of what is ticked or marked wrongly they miss so much (`--misses`).
Suggestions and the sizes of groups are made anew after every 50 labels, as the label screen does. A
key is an answer, a tick taken off, a step of the cursor, or `space`; where the config asks for one
choice, its key alone submits.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cases import Case, show
from label_sets import SETS

from core.labeling.groups import GroupSizes
from core.labeling.suggestions import Precision, Suggestions, exclusive_choices, measure
from core.learning.builtin.head import fit_head
from core.learning.inputs.pool import Labels
from core.learning.measuring.label_history import LabelHistory
from core.learning.measuring.replay import one_thread
from core.learning.suggesting.helping import judge_groups
from core.progress import finish

IMAGES, FIRST, AGAIN = 600, 100, 50
# Thumbnails stand in so many columns.
COLUMNS = 6
USED = ("digits", "several labels", "pooled")


class Annotator:
    """Labels images that look like `vectors` and are of the classes `true`; `one_choice`: the
    config asks for one."""

    def __init__(
        self, name: str, seed: int, errs: float, misses: float, *, one_choice: bool
    ) -> None:
        self.vectors, _, self.true = SETS[name](seed)
        self.random = np.random.default_rng((seed, 9))
        self.errs, self.misses, self.one_choice = errs, misses, one_choice
        self.order = self.random.permutation(len(self.true)).tolist()
        self.given: dict[int, np.ndarray] = {}
        self.keys = self.late_keys = 0
        self.late: list[int] = []

    def answer(self, row: int) -> np.ndarray:
        """What they think an image shows: nearly always what it does."""
        found = self.true[row].copy()
        if self.random.random() < self.errs:
            if self.one_choice or found.sum() == 1:
                found = np.roll(found, self.random.integers(1, len(found)))
            else:
                found[self.random.integers(len(found))] ^= True
        return found

    def submit(self, row: int, answer: np.ndarray, keys: int) -> None:
        self.given[row] = answer
        self.keys += keys
        if len(self.given) > FIRST:
            self.late_keys += keys
            self.late.append(row)

    def alone(self, row: int) -> None:
        """One image, nothing ticked."""
        answer = self.answer(row)
        self.submit(row, answer, 1 if self.one_choice else int(answer.sum()) + 1)

    def with_ticks(self, row: int, ticks: np.ndarray) -> None:
        """One image, of which something is ticked: what they see to be wrong they set right."""
        if not ticks.any():
            self.alone(row)
            return
        answer = self.answer(row)
        wrong = ticks & ~answer
        missed = wrong & (self.random.random(len(wrong)) < self.misses)
        if self.one_choice:
            # Another answer takes the place of the one that is chosen, and is submitted with it.
            self.submit(row, ticks if missed.any() else answer, 1)
            return
        said = answer | missed
        self.submit(row, said, int((said ^ ticks).sum()) + 1)

    def together(self, row: int, others: list[int]) -> None:
        """An image and its look-alikes: they take out what they see not to belong."""
        answer = self.answer(row)
        size = len(others) + 1
        differs = [(self.true[other] != answer).any() for other in others]
        out = [odd and self.random.random() >= self.misses for odd in differs]
        keys, at = 1 + int(answer.sum()) + 1, 0
        for place in (place for place, is_out in enumerate(out, start=1) if is_out):
            keys += abs(place // COLUMNS - at // COLUMNS) + abs(place % COLUMNS - at % COLUMNS) + 1
            at = place
        kept = [row, *(other for other, is_out in zip(others, out, strict=True) if not is_out)]
        for number, other in enumerate(kept):
            self.submit(other, answer, keys if number == 0 else 0)
        assert len(kept) <= size

    # What helps them

    def labels(self) -> Labels:
        rows = np.array(list(self.given), np.int64)
        matrix = np.array(list(self.given.values()), np.bool_)
        return Labels(rows, matrix, tuple(str(n) for n in range(self.true.shape[1])))

    def suggestions(self) -> Suggestions:
        labels, random = self.labels(), np.random.default_rng(0)
        choices = tuple(("question", name) for name in labels.classes)
        exclusive = exclusive_choices(choices, labels.matrix)
        past = LabelHistory(self.vectors, labels, np.empty(0, np.int64), random)
        every = np.arange(len(labels.rows))
        unseen = finish(past.out_of_fold(len(every), 1.0, every))
        precision = measure(unseen, labels.matrix, exclusive)
        head = fit_head(self.vectors, labels, random)
        if precision.threshold is None or head is None:
            return Suggestions(precision)
        found = head.probabilities(self.vectors)
        rows = {str(row): row for row in range(len(self.true))}
        return Suggestions(precision, choices, rows, found, exclusive)

    def sizes(self) -> GroupSizes:
        rows = {str(row): row for row in range(len(self.true))}
        labeled = {
            str(row): [str(n) for n in np.flatnonzero(answer)] for row, answer in self.given.items()
        }
        return finish(judge_groups(self.vectors, rows, labeled, list(labeled)))

    def look_alikes(self, row: int, count: int) -> list[int]:
        near = np.argsort(-(self.vectors @ self.vectors[row]), kind="stable").tolist()
        return [other for other in near if other != row and other not in self.given][:count]


def label_all(annotator: Annotator, way: str) -> str:
    """Label IMAGES images; what was said of suggestions or groups at the end."""
    suggestions, sizes, made = Suggestions(Precision()), GroupSizes(), 0
    for row in annotator.order:
        if len(annotator.given) >= IMAGES:
            break
        if row in annotator.given:
            continue
        if way != "one at a time" and len(annotator.given) >= max(FIRST, made + AGAIN):
            made = len(annotator.given)
            if way == "suggestions":
                suggestions = annotator.suggestions()
            else:
                sizes = annotator.sizes()
        others = annotator.look_alikes(row, sizes.largest - 1) if sizes.largest > 1 else []
        found = suggestions.of(str(row))
        if others:
            annotator.together(row, others)
        elif found is not None:
            said = {int(one) for one in found.answers.get("question", ())}
            annotator.with_ticks(row, np.isin(np.arange(annotator.true.shape[1]), list(said)))
        else:
            annotator.alone(row)
    return str(suggestions.precision) if way == "suggestions" else str(sizes)


WAYS = ("one at a time", "suggestions", "groups")


def cases(name: str, seeds: int, errs: float, misses: float, *, one_choice: bool) -> list[Case]:
    found, usual = [], 0.0
    for way in WAYS:
        keys, wrong, said, began = [], [], "", time.perf_counter()
        for seed in range(seeds):
            annotator = Annotator(name, seed, errs, misses, one_choice=one_choice)
            said = label_all(annotator, way)
            late = annotator.late
            keys.append(annotator.late_keys / len(late))
            wrong.append(
                np.mean([(annotator.given[row] != annotator.true[row]).any() for row in late])
            )
        seconds = (time.perf_counter() - began) / seeds
        mean = float(np.mean(keys))
        usual = usual or mean
        what = f"{name}{', one choice' if one_choice else ''}: {way}"
        share = 100 * float(np.mean(wrong))
        found.append(Case(f"{what}, keys a label", seconds, mean, f"{usual:.2f} one at a time"))
        found.append(Case(f"{what}, % wrong", seconds, share, f"% of the labels; {said}"))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--errs", type=float, default=0.02)
    parser.add_argument("--misses", type=float, default=0.1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows: list[Case] = []
    with one_thread():
        for name in USED:
            for one_choice in (False, True) if name == "digits" else (False,):
                rows += cases(
                    name, options.seeds, options.errs, options.misses, one_choice=one_choice
                )
    show(rows, options.json)


if __name__ == "__main__":
    main()
