"""Names that something must be one of, and what is said where it is none of them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TypeVar

from core.errors import ConfigurationError

Name = TypeVar("Name", bound=str)

# Of what is given, more is not shown.
MOST_SHOWN = 60


def known_name(what: str, given: str, known: Iterable[Name]) -> Name:
    """`given`, which must be one of `known`. Raises ConfigurationError, which names the nearest.

    `what` says what it is the name of, such as "order".
    """
    names = list(known)
    for name in names:
        if name == given:
            return name
    near = nearest(given, names)
    raise ConfigurationError(
        f"The {what} {shown_value(given)} is not known.",
        next_step=(f"Did you mean `{near}`? " if near else "") + f"Known: {', '.join(names)}.",
    )


def nearest(given: str, known: Iterable[str]) -> str | None:
    """The one of `known` that `given` may have been meant to be."""
    found = difflib.get_close_matches(given, list(known), n=1, cutoff=0.5)
    return found[0] if found else None


def shown_value(value: object) -> str:
    """A value, cut where it is long."""
    text = repr(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
