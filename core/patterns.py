"""Regular expressions that somebody else wrote, matched within a time that is bounded.

Some never come to an end: `(\\w+)*\\.png$` tries each way to cut a name into parts. Python's
matcher cannot be stopped, so a pattern that could be of this kind is matched in a process of its
own, which is ended where a name takes too long. All others are matched here.
"""

from __future__ import annotations

import json
import re
import select
import sys
from collections.abc import Callable
from subprocess import DEVNULL, PIPE
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from core.errors import ConfigurationError

if sys.version_info >= (3, 11):
    import re._parser as parser  # type: ignore[import-not-found]
else:
    import sre_parse as parser

if TYPE_CHECKING:
    import psutil

# Seconds that one name may take; the longest name takes a usual pattern a thousandth of one.
SECONDS = 2.0
# So many repetitions without an end, one after the other, take the name's length to this power.
_MOST_REPETITIONS = 3
_START_SECONDS = 20.0
_SERVE = """
import json, re, sys
how, pattern = json.loads(sys.stdin.readline())
find = getattr(re.compile(pattern), how)
print(flush=True)
for line in sys.stdin:
    found = find(json.loads(line))
    print(json.dumps(None if found is None else [found[0], *found.groups()]), flush=True)
"""


class Matcher:
    """The pattern `text`, to be matched with many names; `what` says what it is for.

    `how` is the method of `re` that matches. To be used in a `with` block.
    """

    def __init__(self, text: str, what: str, how: Literal["match", "search"] = "match") -> None:
        self._text = text
        self._what = what
        self._how = how
        self._find = getattr(re.compile(text), how)
        self._process: psutil.Popen | None = None

    def __enter__(self) -> Matcher:
        if may_not_end(self._text):
            # Here, so that a usual pattern loads nothing of it.
            from core.processes import start

            self._process = start(
                [sys.executable, "-I", "-S", "-c", _SERVE], stdin=PIPE, stdout=PIPE, stderr=DEVNULL
            )
            self._ask([self._how, self._text], _START_SECONDS, "")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    @property
    def matches(self) -> Callable[[str], object]:
        """A function that says whether a name matches. Raises as `groups` does."""
        return self._find if self._process is None else lambda name: self.groups(name) is not None

    def groups(self, name: str) -> list[str | None] | None:
        """What was matched in `name` and in each group; None where it does not match.

        Raises ConfigurationError where that takes too long.
        """
        if self._process is None:
            found = self._find(name)
            return None if found is None else [found[0], *found.groups()]
        answer = self._ask(name, SECONDS, name)
        groups: list[str | None] | None = json.loads(answer)
        return groups

    def _ask(self, question: Any, seconds: float, name: str) -> bytes:
        assert self._process is not None
        try:
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
            ready = select.select([self._process.stdout], [], [], seconds)[0]
            if ready and (answer := self._process.stdout.readline()):
                return bytes(answer)
        except OSError:
            pass
        raise ConfigurationError(
            f"{self._what} {self._text!r} takes too long to match"
            + (f" the name {name!r}." if name else "."),
            cause="It repeats what is repeated already, or what can be matched in many ways.",
            next_step="Write it without a repetition inside another: `\\w+` in place of `(\\w+)*`.",
        )


def may_not_end(text: str) -> bool:
    """Whether a name can be found with which the pattern `text` takes very long, by its look.

    A repetition without an end inside another repetition, several of them in a row, or what looks
    around or back. Of those that look so, most do end.
    """
    endless, nested = _repetitions(parser.parse(text), False)
    return nested or endless > _MOST_REPETITIONS


def _repetitions(parsed: Any, inside: bool) -> tuple[int, bool]:
    """How many repetitions without an end there are, and whether one may multiply another."""
    endless, nested = 0, False
    for operator, operand in parsed:
        name = str(operator)
        repeats = name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
        # What can be repeated a few times is none; a few of a few are none either.
        long = repeats and operand[1] > _MOST_REPETITIONS
        nested |= name == "GROUPREF" or (inside and (long or name == "BRANCH"))
        for part in _parts(operand):
            below, deeper = _repetitions(part, inside or long)
            endless, nested = endless + below, nested or deeper
        endless += long
    return endless, nested


def _parts(operand: Any) -> list[Any]:
    """The patterns inside an operand, however it holds them."""
    if isinstance(operand, parser.SubPattern):
        return [operand]
    if isinstance(operand, (tuple, list)):
        return [part for one in operand for part in _parts(one)]
    return []
