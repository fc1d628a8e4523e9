"""Keeps what styles are parsed to.

Textual 8.2.8 parses all styles of all widgets again whenever a kind of widget is seen first, which
is at the first visit of each section: what it keeps has fewer places than there are styles. Here
each is parsed once for each theme.
"""

from __future__ import annotations

from functools import wraps
from typing import Any, cast

from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

_kept: dict[Any, list[RuleSet]] = {}


def parse_once() -> None:
    """Have each style parsed once. Doing so again changes nothing."""
    parse: Any = getattr(Stylesheet, "_parse_rules", None)
    if parse is None or hasattr(parse, "__wrapped__"):
        return

    @wraps(parse)
    def parsed(sheet: Stylesheet, *style: Any, **options: Any) -> list[RuleSet]:
        key = (style, *sorted(options.items()), frozenset(sheet._variables.items()))
        if key not in _kept:
            _kept[key] = parse(sheet, *style, **options)
        return _kept[key]

    cast(Any, Stylesheet)._parse_rules = parsed
