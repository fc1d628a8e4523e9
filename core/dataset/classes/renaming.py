"""What is called otherwise from now on, and what that makes of an annotation's result.

A class is known by its control and the path to it: a flat one has one part, one of a tree as many
as it lies deep. What lies below a renamed class goes along with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# The parts of a class's name.
Parts = tuple[str, ...]
Result = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Renaming:
    """Which classes of one control are called what from now on: `names` is old -> new."""

    control: str
    names: Mapping[Parts, Parts]

    def of(self, parts: Parts) -> Parts:
        """What a class is called from now on."""
        for depth in range(len(parts), 0, -1):
            if (new := self.names.get(parts[:depth])) is not None:
                return new + parts[depth:]
        return parts

    def result(self, result: Any) -> Any:
        """An annotation's result by the new names: the same object where nothing changes.

        A class that two were merged into is there once.
        """
        if not isinstance(result, list):
            return result
        found = [self._answer(one) for one in result]
        same = all(new is old for new, old in zip(found, result, strict=True))
        return result if same else found

    def _answer(self, answer: Any) -> Any:
        held = _held(answer, self.control)
        if held is None:
            return answer
        new = [_like(one, self.of(_parts(one))) for one in _listed(held)]
        if new == _listed(held):
            return answer
        once = [one for number, one in enumerate(new) if one not in new[:number]]
        value = once if isinstance(held, list) else once[0]
        return {**answer, "value": {**answer["value"], answer["type"]: value}}

    @property
    def is_circular(self) -> bool:
        """Whether a new name is an old one too, as where two are exchanged."""
        return any(new in self.names for new in self.names.values())

    def back(self, known: Iterable[Parts]) -> Renaming:
        """The names as they were, for new ones that stand for one old name alone.

        `known` are the classes that there were before.
        """
        counts = Counter(self.names.values())
        counts.update(parts for parts in known if parts not in self.names)
        names = {new: old for old, new in self.names.items() if counts[new] == 1}
        return Renaming(self.control, names)

    def as_json(self) -> dict[str, Any]:
        """What `read_renaming` reads."""
        return {"control": self.control, "names": [list(pair) for pair in self.names.items()]}


def read_renaming(stored: Mapping[str, Any]) -> Renaming:
    """The renaming that `as_json` wrote."""
    names = {tuple(old): tuple(new) for old, new in stored["names"]}
    return Renaming(str(stored["control"]), names)


def classes_in(result: Any) -> Iterator[tuple[str, Parts]]:
    """(control, class) for each class that a result names."""
    for answer in result if isinstance(result, list) else ():
        control = answer.get("from_name") if isinstance(answer, dict) else None
        held = _held(answer, control)
        for one in _listed(held) if held is not None else ():
            yield str(control), _parts(one)


def _held(answer: Any, control: Any) -> Any:
    """What an answer of `control` holds, which may be classes; None for another's."""
    if not isinstance(answer, dict) or answer.get("from_name") != control:
        return None
    value = answer.get("value")
    held = value.get(answer.get("type")) if isinstance(value, dict) else None
    return held if isinstance(held, (str, list)) else None


def _listed(held: Any) -> Sequence[Any]:
    return held if isinstance(held, list) else [held]


def _parts(one: Any) -> Parts:
    return tuple(map(str, one)) if isinstance(one, list) else (str(one),)


def _like(former: Any, parts: Parts) -> Any:
    """`parts` in the shape that the annotation has; the same value where nothing changed."""
    if parts == _parts(former):
        return former
    return list(parts) if isinstance(former, list) else parts[0]
