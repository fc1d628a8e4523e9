"""What somebody asks of classes, in the words of the labeling config: understood, or refused with
the reason."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from core.dataset.classes.config_text import names_conditions, offered
from core.dataset.classes.renaming import Parts, Renaming
from core.errors import ConfigurationError
from core.labeling_config import Control, LabelingConfig
from core.names import known_name, shown_value

# Longer than any that a page could show.
LONGEST = 200
# Control characters, halves of characters, and ends of lines.
_UNFIT = ("Cc", "Cs", "Zl", "Zp")
_MERGE = "To make one class of several: `labelpilot classes merge`."


@dataclass(frozen=True, slots=True)
class Wish:
    """Classes to be called otherwise, by their names as a dataset has them: (old, new) pairs.

    `merge` says that the new name may be another class's; `control` is the control tag's name where
    several offer the class, or empty.
    """

    pairs: tuple[tuple[str, str], ...]
    merge: bool = False
    control: str = ""

    def __str__(self) -> str:
        olds = dict.fromkeys(old for old, _ in self.pairs)
        if self.merge:
            return f"{', '.join(olds)} into {self.pairs[0][1]}"
        return ", ".join(f"{old} to {new}" for old, new in self.pairs)


def renames(words: Sequence[str], control: str = "") -> Wish:
    """OLD NEW, and as many more pairs, which are changed at once."""
    if not words or len(words) % 2:
        raise ConfigurationError(
            "A class's old name and its new one are needed, for each class.",
            next_step="As in `labelpilot classes rename cat feline`.",
        )
    pairs = tuple(zip(words[::2], words[1::2], strict=True))
    return Wish(pairs, control=control)


def merges(words: Sequence[str], control: str = "") -> Wish:
    """A B ... INTO."""
    *olds, into = words or ("",)
    pairs = tuple((old, into) for old in dict.fromkeys(olds) if old != into)
    if not pairs:
        raise ConfigurationError(
            "The classes to merge are needed, and last the one that they become.",
            next_step="As in `labelpilot classes merge cat kitten feline`.",
        )
    return Wish(pairs, merge=True, control=control)


def understood(
    wish: Wish, config: LabelingConfig, held: Collection[tuple[str, Parts]] = ()
) -> Renaming:
    """What a wish means by a labeling config, and by what annotations hold that it lacks.

    Raises ConfigurationError for a class that is not known, or of which it is not clear which one
    is meant, and for a name that cannot be given.
    """
    known = {control.name: _named(config, control, held) for control in config.controls.values()}
    control = config.controls[_control_of(wish, config, known)]
    names, pairs = known[control.name], dict[Parts, Parts]()
    for old, new in wish.pairs:
        if names[old] in pairs:
            raise ConfigurationError(f"The class {shown_value(old)} is named twice.")
        pairs[names[old]] = _new_parts(wish, control, names, old, new)
    if not wish.merge and len(set(pairs.values())) < len(pairs):
        raise ConfigurationError("Two classes would have one name.", next_step=_MERGE)
    renaming = Renaming(control.name, {old: new for old, new in pairs.items() if old != new})
    if not renaming.names:
        raise ConfigurationError("The new name is the old one, so there is nothing to change.")
    if names_conditions(config.text, renaming) and any("," in new for _, new in wish.pairs):
        raise ConfigurationError(
            "The new name has a comma, and another tag of the labeling config is shown by it.",
            cause="Label Studio takes what stands before and after a comma for two names there.",
            next_step="Choose a name without one.",
        )
    return renaming


def class_names(config: LabelingConfig, control: Control) -> dict[str, Parts]:
    """The classes that a control offers, by the names that a dataset has for them, in order."""
    found = offered(config.text, control.name)
    return {control.class_name(list(one.parts)): one.parts for one in found}


def _named(
    config: LabelingConfig, control: Control, held: Collection[tuple[str, Parts]]
) -> dict[str, Parts]:
    """As `class_names`, with those that only annotations hold."""
    others = (parts for name, parts in held if name == control.name)
    names = class_names(config, control)
    return {control.class_name(list(parts)): parts for parts in others} | names


def _control_of(
    wish: Wish, config: LabelingConfig, known: Mapping[str, Mapping[str, Parts]]
) -> str:
    """The control that has all of the old classes."""
    olds = [old for old, _ in wish.pairs]
    if wish.control:
        known = {wish.control: known[known_name("control tag", wish.control, known)]}
    for old in olds:
        stars = [one for one in config.controls.values() if one.type in ("rating", "pairwise")]
        if not any(old in names for names in known.values()):
            if any(old in control.classes for control in stars):
                raise ConfigurationError(
                    f"The class {shown_value(old)} is of a control that gives its classes their "
                    "names itself, so they cannot be changed.",
                )
            known_name("class", old, dict.fromkeys(n for names in known.values() for n in names))
    fitting = [name for name, names in known.items() if all(old in names for old in olds)]
    if len(fitting) != 1:
        words = ", ".join(map(shown_value, olds))
        several = f"Several control tags offer {words}: {', '.join(fitting)}."
        none = f"No control tag offers all of {words}."
        raise ConfigurationError(
            several if fitting else none,
            next_step=f"Say which one is meant: `--control {fitting[0]}`." if fitting else "",
        )
    return fitting[0]


def _new_parts(
    wish: Wish, control: Control, names: Mapping[str, Parts], old: str, new: str
) -> Parts:
    """The class that `old` becomes."""
    parts = names[old]
    renamed = {names[one] for one, _ in wish.pairs}
    if new in names and (wish.merge or names[new] in renamed):
        if wish.merge and any(one[: len(parts)] == parts != one for one in names.values()):
            raise ConfigurationError(
                f"There are classes below {shown_value(old)}.", next_step="Merge those first."
            )
        return names[new]
    if new in names:
        raise ConfigurationError(f"There is a class {shown_value(new)} already.", next_step=_MERGE)
    is_tree = any(len(one) > 1 for one in names.values())
    above = control.class_name([*parts[:-1], ""]) if len(parts) > 1 else ""
    last = new.removeprefix(above)
    if is_tree and control.separator in last:
        raise ConfigurationError(
            f"A class is renamed where it stands, and {shown_value(new)} would lie elsewhere.",
            next_step=f"Give it a name without {shown_value(control.separator)}.",
        )
    if fault := _fault(last):
        raise ConfigurationError(
            f"No class can be called {shown_value(new)}: {fault}.",
            next_step="Choose another name.",
        )
    return (*parts[:-1], last)


def _fault(name: str) -> str:
    """Why a class cannot have this name; empty where it can."""
    if not name.strip():
        return "it is empty"
    if name != name.strip():
        return "it begins or ends with a space"
    if any(unicodedata.category(one) in _UNFIT or one in "\ufffe\uffff" for one in name):
        return "it holds a character that cannot be seen or written"
    return f"it is longer than {LONGEST} characters" if len(name) > LONGEST else ""
