"""What each setting may be: a wrong value is an error that names its line in `labelpilot.toml`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_origin

from core.buckets import bucket_fault
from core.masking import printable
from core.names import shown_value
from core.workspace.addresses import address_fault, scheduler_fault
from core.workspace.databases import database_fault
from core.workspace.toml_lines import wrong_value

# Label Studio's limits on a project's title.
TITLE_LENGTHS = range(3, 51)


def checked_value(text: str, section: str, key: str, value: Any, hint: Any) -> Any:
    """`value`, as the file `text` has it, in the type `hint` of its setting.

    Raises ConfigurationError where it has another type, or cannot be used.
    """
    typed = _typed(text, section, key, value, hint)
    if fault := _FAULTS.get((section, key), lambda _: "")(typed):
        raise wrong_value(text, section, key, f"`{key}` {fault}")
    return typed


def _typed(text: str, section: str, key: str, value: Any, hint: Any) -> Any:
    choices: tuple[Any, ...] = getattr(hint, "__args__", ())
    if get_origin(hint) is Literal:
        if value not in choices:
            names = ", ".join(f'"{choice}"' for choice in choices)
            raise wrong_value(text, section, key, f"`{key}` must be one of {names}")
        return value
    plain = next((a for a in choices if a is not type(None)), hint)
    kinds: dict[Any, tuple[type, str]] = {
        Path: (str, "a path in quotes"),
        str: (str, "text in quotes"),
        int: (int, "a whole number"),
        bool: (bool, "true or false"),
        float: (float, "a number"),
    }
    if plain is float and type(value) is int:
        value = float(value)
    expected, name = kinds[plain]
    fits = isinstance(value, expected) and not (plain is int and isinstance(value, bool))
    if isinstance(value, str) and ("\x00" in value or (plain is Path and not value.strip())):
        fits = False
    if not fits:
        raise wrong_value(text, section, key, f"`{key}` must be {name}, not {shown_value(value)}")
    return Path(str(value)) if plain is Path else value


def _pattern_fault(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is not a regular expression: {error}"
    return ""


def _title_fault(title: str) -> str:
    # An empty one is made up; spaces around it are not kept.
    fits = not title.strip() or len(title.strip()) in TITLE_LENGTHS
    if fits and printable(title) == title and "\n" not in title:
        return ""
    shortest, longest = TITLE_LENGTHS.start, TITLE_LENGTHS.stop - 1
    return f"must have {shortest} to {longest} characters, on one line"


# Why a value that has the right type cannot be used; empty where it can.
_FAULTS: dict[tuple[str, str], Callable[[Any], str]] = {
    ("studio", "url"): address_fault,
    ("studio", "database"): database_fault,
    ("images", "url"): bucket_fault,
    ("images", "pattern"): _pattern_fault,
    ("project", "title"): _title_fault,
    ("labeling", "overlap"): lambda share: "" if 0 <= share <= 1 else "must be from 0 to 1",
    ("labeling", "group_size"): lambda size: "" if size >= 1 else "must be 1 or more",
    ("learning", "neighbours"): lambda count: "" if count >= 1 else "must be 1 or more",
    ("learning", "scheduler"): scheduler_fault,
}
