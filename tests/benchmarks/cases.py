"""A benchmark's figures: one form for all of them, as JSON or as lines."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

VERDICTS = {True: "met", False: "NOT MET", None: ""}


@dataclass(frozen=True, slots=True)
class Case:
    """One figure. `ratio` is to what `against` names, None where there is none; `goal` says what it
    should be, and `met` whether it is: None without a goal."""

    case: str
    seconds: float
    ratio: float | None = None
    against: str = ""
    goal: str = ""
    met: bool | None = None

    def __str__(self) -> str:
        number = "" if self.ratio is None else f"{self.ratio:,.2f}"
        ratio = f"{number} ({self.against})" if self.against else number
        verdict = f"goal {self.goal}: {VERDICTS[self.met]}" if self.goal else ""
        return f"{self.case:55}  {self.seconds:10.4f} s  {ratio:60}  {verdict}".rstrip()


def show(cases: Iterable[Case], as_json: bool) -> None:
    """Print the figures on standard output: a JSON list and nothing else, or a line each."""
    if as_json:
        print(json.dumps([asdict(case) for case in cases], indent=2))
        return
    for case in cases:
        print(case)
