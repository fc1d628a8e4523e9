"""Fields as other versions and scripts write them: numbers as text, times without a zone."""

from __future__ import annotations

import json
import math
from datetime import datetime, timezone
from typing import Any

import msgspec

from core.dataset.reading.schema import NotReadable

# Times above this are in milliseconds: in seconds it would be the year 5138.
_MOST_SECONDS = 1e11
# What Label Studio's database holds.
_MOST_NUMBER = 2**63 - 1


def class_text(value: object) -> str:
    """A class that was written as a number, as it is shown."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int)):
        return json.dumps(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else str(value)
    raise NotReadable("a class that is no text")


def points_of(value: object) -> list[list[float]]:
    """The corners of an outline; none where one of them is no point."""
    found: list[list[float]] = []
    for point in value if isinstance(value, list) else ():
        numbers = [float_of(one) for one in point] if isinstance(point, list) else []
        if len(numbers) < 2 or None in numbers:
            return []
        found.append([number for number in numbers if number is not None])
    return found


def number_of(value: object) -> int | None:
    """A number of the database's, also where it was written as text; None for anything else."""
    number = float_of(value)
    if number is None or not number.is_integer() or not 0 <= number <= _MOST_NUMBER:
        return None
    found = int(value) if isinstance(value, (int, str)) and "." not in str(value) else int(number)
    return found if found <= _MOST_NUMBER else None


def float_of(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def flag_of(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1", "yes")
    return isinstance(value, (bool, int, float)) and bool(value)


def name_of(value: object) -> str:
    parts = value if isinstance(value, list) else [value]
    return ",".join(part for part in parts if isinstance(part, str))


def person_of(value: object) -> dict[str, Any] | None:
    """Who labeled: an object, a number, an e-mail address, or all of it as `Ann a@b.co, 1`."""
    if isinstance(value, dict):
        email = next((v for k in ("email", "username") if isinstance(v := value.get(k), str)), None)
        return {"id": number_of(value.get("id")), "email": email}
    number = number_of(value)
    if number is not None or not isinstance(value, str):
        return {"id": number}
    words = value.partition(",")[0].split()
    return {"email": next((word for word in words if "@" in word), " ".join(words))}


def moment_of(value: object) -> datetime | None:
    """A time: as text with or without its zone (it is UTC then), or in seconds since 1970."""
    number = float_of(value)
    try:
        if number is not None:
            seconds = number / 1000 if abs(number) > _MOST_SECONDS else number
            return datetime.fromtimestamp(seconds, timezone.utc)
        if isinstance(value, str):
            found = msgspec.convert(value.strip(), datetime)
            found = found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)
            found.timestamp()
            return found
    except (msgspec.ValidationError, ValueError, OverflowError, OSError):
        pass
    return None
