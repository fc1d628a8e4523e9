"""The names of classes in a dataset, and their order.

A dataset has one flat list of classes, where a labeling config has several controls. A class goes
by its own name, in config order; where two controls offer the same name ("yes"), it would say
nothing, so each of the two goes by control and name. What no config names comes last, sorted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from core.dataset.controls import Controls
from core.dataset.records import Labels


class ClassNames:
    """Names labels, for a labeling config and the labels that a dataset holds."""

    def __init__(self, controls: Controls, held: Iterable[Labels]) -> None:
        known = dict.fromkeys(controls.classes())
        unknown = {pair for labels in held for pair in labels} - known.keys()
        pairs = [*known, *sorted(unknown)]
        shared = Counter(name for _, name in pairs)
        self._names = {
            pair: f"{pair[0]}: {pair[1]}" if shared[pair[1]] > 1 else pair[1] for pair in pairs
        }
        self._order = {pair: number for number, pair in enumerate(pairs)}
        self._seen: dict[Labels, tuple[str, ...]] = {}

    @property
    def all(self) -> tuple[str, ...]:
        """Every class, in order, those that no image has too."""
        return tuple(self._names.values())

    def __call__(self, labels: Labels) -> tuple[str, ...]:
        """The names of `labels`, in order. Equal labels give one and the same tuple."""
        names = self._seen.get(labels)
        if names is None:
            ordered = sorted(labels, key=self._order.__getitem__)
            names = self._seen[labels] = tuple(self._names[pair] for pair in ordered)
        return names
