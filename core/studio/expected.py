"""What an answer of Label Studio's must be, before anything is read from it.

An answer of something else, or of another version, is an error and never a wrong value.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

import orjson

from core.masking import redact
from core.studio.transport import NoAnswer

Reading = TypeVar("Reading", bound=Callable[..., Any])


def expect(body: Any, *keys: str) -> dict[str, Any]:
    """`body`, if it is an object with all of `keys`, and its `id`, if any, a number.

    Raises NoAnswer for anything else, such as what a proxy says in Label Studio's place.
    """
    if not isinstance(body, dict) or any(key not in body for key in keys):
        raise not_understood(body)
    expect_number(body.get("id", 0))
    return body


def expect_items(body: Any) -> list[dict[str, Any]]:
    """`body`, if it is a list of objects with an `id`; raises NoAnswer for anything else."""
    if not isinstance(body, list):
        raise not_understood(body)
    return [expect(item, "id") for item in body]


def expect_number(value: Any) -> int:
    """`value`, if it is a whole number that a database holds; raises NoAnswer for anything else."""
    if not isinstance(value, int) or abs(value) >= 2**63:
        raise not_understood(value)
    return value


def not_understood(body: Any) -> NoAnswer:
    """The error for an answer that is something else."""
    return NoAnswer(
        "The answer is not what Label Studio sends.",
        cause=redact(orjson.dumps(body).decode()[:200]),
        next_step="Look at any proxy between here and Label Studio, and at its version.",
    )


def understood(read: Reading) -> Reading:
    """`read`, which raises NoAnswer where its first argument has another shape than it takes."""

    @functools.wraps(read)
    def reading(body: Any, *rest: Any, **named: Any) -> Any:
        try:
            return read(body, *rest, **named)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise not_understood(body) from None

    return cast(Reading, reading)
