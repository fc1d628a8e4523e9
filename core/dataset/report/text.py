"""The health report as text, for a terminal or a log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.dataset.options import RULES
from core.dataset.report.report import HealthReport, problems
from core.words import count

_BAR = 30
_NAMED = 10


def report_text(report: HealthReport) -> str:
    """The report in lines of at most some 80 characters, but for long names."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: HealthReport) -> Iterator[str]:
    images, annotations = count(report.images, "image"), count(report.annotations, "annotation")
    yield f"{images} from {annotations} in {report.source}"
    yield f"rule: {RULES[report.rule]}"
    yield f"skipped {report.skipped:,}   without a class {report.empty:,}"
    found = problems(report)
    yield from _section("To look at" if found else "Nothing is wrong that could be seen", found)
    yield from _section("Classes", _bars(report.classes))
    pairs = [f"{number:>9,}  {first} + {second}" for first, second, number in report.together]
    yield from _section("Together on one image", _shortened(pairs))
    yield from _section("Labeled by", _people(report))
    yield from _section("Labeled on", _bars(report.days))
    if report.several:
        yield from _section(
            "Agreement",
            [
                f"{report.alike:,} of {count(report.several, 'image')} with several annotations: "
                "all alike",
                *(f"{_alpha(one.alpha):>9}  {one.name}" for one in report.alpha),
            ],
        )
    yield from _section("Images on which people differ", _differing(report))
    yield from _section("Labeled images without a file", _shortened(report.without_file))
    if report.without_label is not None:
        title = f"Files without a label: {len(report.without_label):,}"
        yield from _section(title, _shortened(report.without_label))
    yield from _section(
        "Look alike by picture, and differ",
        _shortened(
            f"{pair.likeness:9.2f}  {pair.first} ({_joined(report, pair.first)})"
            f"  {pair.second} ({_joined(report, pair.second)})"
            for pair in report.near_duplicates.pairs
        ),
    )
    unreadable = (f"{one.name}: {one.reason}" for one in report.unreadable)
    yield from _section("Files that cannot be read", _shortened(unreadable))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    listed = list(lines)
    if listed:
        yield ""
        yield title
        yield from (f"  {_plain(line)}" for line in listed)
    elif title.startswith("Nothing"):
        yield from ("", title)


def _bars(counts: dict[str, int]) -> list[str]:
    largest = max(counts.values(), default=0) or 1
    return [
        f"{count:>9,}  {'█' * -(-count * _BAR // largest):<{_BAR}}  {name}"
        for name, count in counts.items()
    ]


def _people(report: HealthReport) -> list[str]:
    return [
        f"{person.annotations:>9,}  {person.name or 'unknown'}"
        + (f", skipped {person.skipped:,}" if person.skipped else "")
        for person in report.people
    ]


def _differing(report: HealthReport) -> list[str]:
    lines = []
    for one in report.differing:
        answers = (f"{who or 'unknown'}: {', '.join(its) or 'none'}" for who, its in one.answers)
        lines.append(f"{one.tag}: {'; '.join(answers)}")
    return _shortened(lines)


def _shortened(lines: Iterable[str]) -> list[str]:
    listed = list(lines)
    more = len(listed) - _NAMED
    return listed if more <= 0 else [*listed[:_NAMED], f"and {more:,} more"]


def _alpha(alpha: float | None) -> str:
    return "-" if alpha is None else f"{alpha:.2f}"


def _joined(report: HealthReport, tag: str) -> str:
    return ", ".join(report.classes_of[tag]) or "none"


def _plain(line: str) -> str:
    """`line` without what would move a terminal's cursor or colour it: names come from outside."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
