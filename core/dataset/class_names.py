"""The names of classes in a dataset, and their order.

A dataset has one flat list of classes, where a labeling config has several controls. A class goes
by its own name, in config order; where two controls offer the same name ("yes"), it would say
nothing, so each of the two goes by control and name. What no config names comes last, sorted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set

from core.dataset.reading.records import Labels, path_of
from core.labeling_config import REGION_CLASSES, SEPARATOR, LabelingConfig, other_separator


class ClassNames(dict[Labels, tuple[str, ...]]):
    """Labels -> their names, in order, for a labeling config and the labels that a dataset holds.

    `all` are the names of all classes, in order, those that no image has too; `by_pair` has them by
    control and class. `of_regions` are those that regions have, by the config or by what `drawn`
    holds: (control, class) of regions.
    """

    def __init__(
        self,
        config: LabelingConfig,
        held: Iterable[Labels],
        drawn: Set[tuple[str, str]] = frozenset(),
    ) -> None:
        held = list(held)
        known = dict.fromkeys(config.classes())
        unknown = {pair for labels in held for pair in labels} - known.keys()
        pairs = [*known, *sorted(unknown)]
        own = _own_names(config, pairs)
        shared = Counter(own.values())
        names = {
            pair: f"{pair[0]}: {name}" if shared[name] > 1 else name for pair, name in own.items()
        }
        order = {pair: number for number, pair in enumerate(pairs)}
        super().__init__(
            (labels, tuple(names[pair] for pair in sorted(labels, key=order.__getitem__)))
            for labels in held
        )
        self.all = tuple(names.values())
        regions = {one.name for one in config.classifying() if one.type in REGION_CLASSES}
        self.of_regions = tuple(
            name for pair, name in names.items() if pair[0] in regions or pair in drawn
        )
        self.by_pair = names

    def of_pair(self, pair: tuple[str, str]) -> str:
        """The name of a (control, class), which no image of the dataset may have."""
        return self.by_pair.get(pair) or SEPARATOR.join(path_of(pair[1]))


def _own_names(
    config: LabelingConfig, pairs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """(control, class) -> the class's own name, which no other class of the control has.

    An annotation can hold classes that the config does not offer, or no longer: `A/B` beside an `A`
    with a `B` in it. The nested one of two that share a name gets another separator.
    """
    offered = {
        (control.name, name): path
        for control in config.classifying()
        for name, path in zip(control.classes, control.paths, strict=True)
    }
    paths = {pair: offered.get(pair) or path_of(pair[1]) for pair in pairs}
    known = config.controls
    separators = {
        pair: known[pair[0]].separator if pair[0] in known else SEPARATOR for pair in paths
    }
    while True:
        names = {pair: separators[pair].join(path) for pair, path in paths.items()}
        shared = Counter((control, name) for (control, _), name in names.items())
        nested = [
            pair
            for pair, name in names.items()
            if shared[pair[0], name] > 1 and len(paths[pair]) > 1
        ]
        if not nested:
            return names
        separators.update((pair, other_separator(separators[pair])) for pair in nested)
