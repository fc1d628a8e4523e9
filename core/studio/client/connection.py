"""The connection that every question goes over."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from core.errors import StudioRefused
from core.studio.expected import expect
from core.studio.transport import NoAnswer, Transport

Row = TypeVar("Row")
# No row has a higher number, so that a listing after it is empty.
LAST = 2**62


class Connection:
    """One Label Studio, seen with one token."""

    def __init__(self, url: str, token: str, confirm: Callable[[], None] | None = None) -> None:
        self.transport = Transport(url, token, confirm)
        self.url = url

    def close(self) -> None:
        self.transport.close()

    def delete(self, path: str, params: Mapping[str, object] | None = None) -> None:
        """Delete what is at an address; that it is gone already is no error."""
        try:
            self.transport.send("DELETE", path, params=params)
        except StudioRefused as error:
            if error.status != 404:
                raise

    # What labelpilot's own server adds

    def ask_own(self, path: str, params: Mapping[str, object]) -> dict[str, Any] | None:
        """What labelpilot's own server answers at an address that it adds; None of another."""
        try:
            return expect(self.transport.get(path, params))
        except StudioRefused as error:
            if error.status != 404:
                raise
            return None

    def rows_of_own(
        self,
        path: str,
        params: Mapping[str, object],
        name: str,
        read: Callable[[Any], Row],
        number_of: Callable[[Row], int],
    ) -> Iterator[Row]:
        """The rows `name` that labelpilot's own server lists by rising number, a few at a time."""
        after = 0
        while True:
            rows = expect(self.transport.get(path, {**params, "after": after}), name)[name]
            if not isinstance(rows, list) or not rows:
                return
            for row in map(read, rows):
                if number_of(row) <= after:
                    raise NoAnswer(
                        f"Label Studio lists the same {name} again.",
                        cause=f"Asked for those after {after}, it gave {number_of(row)}.",
                    )
                after = number_of(row)
                yield row
