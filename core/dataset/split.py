"""A train and a validation part: alike in their classes, the same each time, and lasting.

An image stays in the part it was put in, so that a model is never validated on what an older one
was trained on. New images go where their classes are missed most, the rarest class first: the
iterative stratification of Sechidis, Tsoumakas and Vlahavas, "On the Stratification of Multi-Label
Data" (2011), begun with the images that have a part already. Images of one group stay together.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import orjson

from core.errors import ConfigurationError
from core.files import write_at_once
from core.patterns import Matcher

Part = Literal["train", "validation"]
PARTS: tuple[Part, Part] = ("train", "validation")


@dataclass(frozen=True, slots=True)
class Split:
    """How to split: `share` of the images are for validation; `seed` settles what is left open.

    `group` is a regular expression; images for whose path its first group (or all of it) matches
    the same text stay together. Empty: each image by itself.
    """

    share: float = 0.2
    seed: int = 0
    group: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise ConfigurationError(
                f"The share for validation must lie between 0 and 1; it is {self.share}."
            )
        try:
            re.compile(self.group)
        except (re.error, RecursionError, OverflowError) as error:
            raise ConfigurationError(
                "The pattern for groups is not a regular expression.", cause=str(error)
            ) from None

    def groups(self, images: Mapping[str, str]) -> dict[str, str]:
        """Tag -> the name of its group, for `images`: tag -> path.

        Raises ConfigurationError for a pattern that takes too long.
        """
        if not self.group:
            return {tag: tag for tag in images}
        found: dict[str, str] = {}
        with Matcher(self.group, "The pattern for groups", "search") as matcher:
            for tag, path in images.items():
                groups = matcher.groups(path)
                found[tag] = tag if groups is None else groups[:2][-1] or tag
        return found


def read_parts(path: Path) -> dict[str, Part]:
    """Tag -> part as they were written; none where there is no such file.

    Raises ConfigurationError where it is damaged: to split anew would mix up what it kept apart.
    """
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=dict[Part, list[str]])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{path} cannot be read; it keeps which image is for training and which is not.",
            cause=str(error),
            next_step="Bring it back, or delete it to split again.",
        ) from None
    return {tag: part for part, tags in kept.items() for tag in tags}


def write_parts(path: Path, parts: Mapping[str, Part]) -> None:
    """Write tag -> part, at once or not at all."""
    content = {part: sorted(tag for tag, its in parts.items() if its == part) for part in PARTS}
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    write_at_once(path, orjson.dumps(content, option=option))


def split_images(
    classes: Mapping[str, Sequence[str]],
    groups: Mapping[str, str],
    split: Split,
    kept: Mapping[str, Part],
) -> dict[str, Part]:
    """Tag -> part, for every tag of `classes` (tag -> its classes).

    `groups` is tag -> group; `kept` are the parts of images that have one. A group goes where most
    of its images are.
    """
    members: dict[str, list[str]] = {}
    for tag in sorted(classes):
        members.setdefault(groups[tag], []).append(tag)
    counts = {
        group: Counter(name for tag in tags for name in classes[tag])
        for group, tags in members.items()
    }
    chosen = random.Random(split.seed)  # noqa: S311 - to be the same each time, not secret
    missing: dict[Part, _Missing] = {
        "train": _Missing(1 - split.share),
        "validation": _Missing(split.share),
    }
    parts: dict[str, Part] = {}
    for group, tags in members.items():
        for one in missing.values():
            one.expect(counts[group], len(tags))
        had = Counter(kept[tag] for tag in tags if tag in kept)
        if had:
            parts[group] = max(PARTS, key=lambda part: had[part])
            missing[parts[group]].take(counts[group], len(tags))
    new = [group for group in members if group not in parts]
    chosen.shuffle(new)
    for group, rarest in _rarest_first({group: counts[group] for group in new}):
        part = max(PARTS, key=lambda part: (*missing[part].of(rarest), chosen.random()))
        parts[group] = part
        missing[part].take(counts[group], len(members[group]))
    return {tag: parts[group] for group, tags in members.items() for tag in tags}


class _Missing:
    """How many images a part still misses, of each class and in all."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._images = 0.0
        self._classes: dict[str, float] = {}

    def expect(self, counts: Mapping[str, int], images: int) -> None:
        """The part should have its share of so many images more."""
        self._add(counts, images, self._share)

    def take(self, counts: Mapping[str, int], images: int) -> None:
        """The part has so many images more."""
        self._add(counts, images, -1)

    def of(self, name: str | None) -> tuple[float, float]:
        """How many of the class `name`, and in all."""
        return (0 if name is None else self._classes.get(name, 0)), self._images

    def _add(self, counts: Mapping[str, int], images: int, times: float) -> None:
        self._images += times * images
        for name, count in counts.items():
            self._classes[name] = self._classes.get(name, 0) + times * count


def _rarest_first(counts: Mapping[str, Mapping[str, int]]) -> Iterator[tuple[str, str | None]]:
    """Every group with the class for which it is looked at; those of the rarest class first.

    What is rarest is asked anew after each class. Groups without a class come last.
    """
    holders: dict[str, list[str]] = {}
    for group, its in counts.items():
        for name in its:
            holders.setdefault(name, []).append(group)
    left = {name: len(groups) for name, groups in holders.items()}
    waiting = set(counts)
    while left:
        rarest = min(left, key=lambda name: (left[name], name))
        for group in holders[rarest]:
            if group in waiting:
                waiting.remove(group)
                for name in counts[group]:
                    left[name] -= 1
                yield group, rarest
        left = {name: count for name, count in left.items() if count}
    for group in counts:
        if group in waiting:
            yield group, None
