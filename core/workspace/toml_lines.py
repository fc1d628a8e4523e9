"""Errors that point at the line of `labelpilot.toml`, or of another file, on which they arise.

Python's TOML reader keeps no positions, so the line is looked for in the text. Where it cannot be
found (an odd way of writing), the error names the file alone.
"""

from __future__ import annotations

import re

from core.errors import ConfigurationError
from core.names import MOST_SHOWN, nearest

FILE_NAME = "labelpilot.toml"


def _line_of(text: str, section: str | None, key: str) -> int | None:
    """The number of the line on which `key` of `section` stands, or None if not found."""
    current: str | None = None
    name = re.escape(key)
    for number, line in enumerate(text.split("\n"), start=1):
        if header := re.match(r"\s*\[+\s*[\"']?([^\]\"']+?)[\"']?\s*\]", line):
            current = header.group(1).split(".")[0].strip()
            if section is None and current == key:
                return number
        elif current == section and re.match(rf"\s*[\"']?{name}[\"']?\s*[=.]", line):
            return number
    return None


def place_of(text: str, section: str | None, key: str, file: str = FILE_NAME) -> str:
    """The file, with the line of `key` where it is found. `section` None is the top level."""
    line = _line_of(text, section, key)
    return file if line is None else f"{file}, line {line}"


def unknown_name(
    text: str, section: str | None, key: str, known: list[str], file: str = FILE_NAME
) -> ConfigurationError:
    """The error for a section or key that is none of `known`."""
    where = f" in [{section}]" if section else ""
    near = nearest(key, known)
    hint = f"Did you mean `{near}`?" if near else f"Known there: {', '.join(known)}."
    return ConfigurationError(
        f"{place_of(text, section, key, file)}: `{key[:MOST_SHOWN]}`{where} is not known.",
        next_step=hint,
    )


def wrong_value(
    text: str, section: str | None, key: str, what: str, file: str = FILE_NAME
) -> ConfigurationError:
    """The error for a value that does not fit; `what` says what would."""
    return ConfigurationError(f"{place_of(text, section, key, file)}: {what}.")
