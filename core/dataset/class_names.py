"""The names of classes in a dataset, and their order.

A dataset has one flat list of classes, where a labeling config has several controls. A class goes
by its own name, in config order; where two controls offer the same name ("yes"), it would say
nothing, so each of the two goes by control and name. What no config names comes last, sorted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set

from core.dataset.reading.records import Labels, path_of
from core.labeling_config import REGION_CLASSES, LabelingConfig, separator_of


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
        return self.by_pair.get(pair) or "/".join(path_of(pair[1]))


def _own_names(
    config: LabelingConfig, pairs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """(control, class) -> the class's own name, which no other class of the control has.

    An annotation can hold classes that the config does not offer, or no longer: `A/B` beside an `A`
    with a `B` in it. They need another separator then, those of the config too.
    """
    offered = {
        (control.name, name): path
        for control in config.classifying()
        for name, path in zip(control.classes, control.paths, strict=True)
    }
    paths: dict[str, dict[tuple[str, str], tuple[str, ...]]] = {}
    for pair in pairs:
        paths.setdefault(pair[0], {})[pair] = offered.get(pair) or path_of(pair[1])
    separators = {control: separator_of(its.values()) for control, its in paths.items()}
    return {pair: separators[pair[0]].join(paths[pair[0]][pair]) for pair in pairs}
