"""The health report as one HTML page that opens by itself: no script, nothing to fetch.

Every name in it comes from outside, and is escaped; the page allows no script even so. Its pictures
are in it, and its links lead to tasks in Label Studio alone. The page is `report.html`; here is
what it is filled with.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from core.dataset.options import RULES
from core.dataset.report.exhibits import Exhibits
from core.dataset.report.report import HealthReport, problems
from core.masking import printable
from core.words import count

# Longer lists belong into the JSON report; a page of a million rows opens nowhere.
_ROWS = 200
_GRID = 20
# Days that have a bar each; of more, the bars are weeks, and then months.
_DAYS = 120
_WEEKS = 156


class Together(NamedTuple):
    """A table of pairs of classes: how many images have both, and how dark that is, in percent.

    On its diagonal is how many have the class. `left_out` classes have no place in it.
    """

    names: list[str]
    rows: list[tuple[str, list[tuple[int, int]]]]
    left_out: int


class Over(NamedTuple):
    """Annotations over time: (first day, annotations) of each bar, without a gap."""

    each: str
    bars: list[tuple[str, int]]


def report_html(report: HealthReport, shown: Exhibits) -> str:
    """The page."""
    page = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=_printable,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    page.filters.update(count=lambda number: f"{number:,}", short=_short, counted=count)
    return page.get_template("report.html").render(
        report=report,
        rule=RULES[report.rule],
        most=_ROWS,
        problems=problems(report),
        shown=shown,
        together=_together(report),
        over=_over(report.days),
        people=[
            (one.name or "unknown", f"{one.annotations:,}", f"{one.skipped:,}")
            for one in report.people
        ],
        alpha=[
            (one.name, "cannot be told" if one.alpha is None else f"{one.alpha:.2f}")
            for one in report.alpha
        ],
        differing=[
            (one.tag, [(who or "unknown", _names(its)) for who, its in one.answers])
            for one in report.differing
        ],
        near_duplicates=[
            (
                f"{pair.likeness:.2f}",
                [(tag, _names(report.classes_of[tag])) for tag in (pair.first, pair.second)],
            )
            for pair in report.near_duplicates.pairs
        ],
        unreadable=[(one.name, one.reason) for one in report.unreadable],
    )


def _together(report: HealthReport) -> Together | None:
    if not report.together:
        return None
    busiest = sorted(report.classes, key=lambda name: -report.classes[name])[:_GRID]
    names = [name for name in report.classes if name in busiest and report.classes[name]]
    both = {frozenset((first, second)): images for first, second, images in report.together}
    largest = max(both.values())

    def cell(row: str, column: str) -> tuple[int, int]:
        if row == column:
            return report.classes[row], 0
        images = both.get(frozenset((row, column)), 0)
        return images, 60 * images // largest

    rows = [(row, [cell(row, column) for column in names]) for row in names]
    return Together(names, rows, len(report.classes) - len(names))


def _over(days: dict[str, int]) -> Over | None:
    """Annotations by day; by week or month where there are too many days for a bar each."""
    if not days:
        return None
    known = {date.fromisoformat(day): annotations for day, annotations in days.items()}
    first, last = min(known), max(known)
    between = (last - first).days + 1
    each = "day" if between <= _DAYS else "week" if between <= 7 * _WEEKS else "month"
    bars: dict[date, int] = {}
    for number in range(between):
        day = first + timedelta(number)
        start = {"day": day, "week": day - timedelta(day.weekday()), "month": day.replace(day=1)}
        bars.setdefault(start[each], 0)
        bars[start[each]] += known.get(day, 0)
    return Over(each, [(day.isoformat(), annotations) for day, annotations in bars.items()])


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _short(name: str, length: int = 24) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def _printable(value: Any) -> Any:
    """What is written into the page, before it is escaped; what is markup already has been here."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value
