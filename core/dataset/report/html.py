"""The health report as one HTML page that opens by itself: no script, no link, nothing to fetch.

Every name in it comes from outside, and is escaped; the page allows no script even so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from html import escape

from core.dataset.options import RULES
from core.dataset.report.report import Report, problems
from core.masking import printable

_BAR_WIDTH, _BAR_HEIGHT, _LABEL_WIDTH = 360, 22, 180
_DAYS_WIDTH, _DAYS_HEIGHT = 720, 120
# Longer lists belong into the JSON report; a page of a million rows opens nowhere.
_ROWS = 200
_GRID = 20

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60646c; --line: #d9d9e0;
  --paper: #fff; --bar: #3e63dd; --warn: #ab6400; --note: #fff7e6; }
@media (prefers-color-scheme: dark) { :root { --ink: #edeef0; --soft: #b0b4ba; --line: #363a3f;
  --paper: #111113; --bar: #7f9cf5; --warn: #ffca16; --note: #2b2410; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
p.sub, .soft { color: var(--soft) } .tiles { display: flex; flex-wrap: wrap; gap: 1.5rem }
.tiles b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums }
.look { background: var(--note); border-left: 4px solid var(--warn); padding: .5rem 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
td, th { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere } td.n, th.n { text-align: right }
svg { max-width: 100%; height: auto } svg text { fill: var(--ink); font: 13px system-ui }
svg rect.bar { fill: var(--bar) } .wide { overflow-x: auto }
"""


def report_html(report: Report) -> str:
    """The page."""
    parts = [
        _tiles(report),
        _problems(report),
        _section("Classes", _bars(report.classes, report.images)),
        _section("How often together", _grid(report)),
        _section("Labeled over time", _days(report.days)),
        _section("Labeled by", _people(report)),
        _section("Agreement", _agreement(report)),
        _section("Images on which people differ", _differing(report)),
        _section("Images that look alike and differ", _look_alikes(report)),
        _section("Labeled images without a file", _list(report.without_file)),
        _section("Files without a label", _list(report.without_label or ())),
        _section(
            "Files that cannot be read",
            _table(["file", "reason"], [[one.name, one.reason] for one in report.unreadable]),
        ),
    ]
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{report.images:,} labeled images</title><style>{_STYLE}</style></head><body>"
        f"<h1>{report.images:,} labeled images</h1>"
        f'<p class="sub">from {_text(report.source)}; {RULES[report.rule]}</p>'
        + "".join(parts)
        + "</body></html>\n"
    )


def _tiles(report: Report) -> str:
    tiles = {
        "annotations": report.annotations,
        "skipped": report.skipped,
        "without a class": report.empty,
        "labeled twice or more": report.several,
        "people": len(report.people),
    }
    cells = "".join(f"<div><b>{count:,}</b>{name}</div>" for name, count in tiles.items())
    return f'<div class="tiles">{cells}</div>'


def _problems(report: Report) -> str:
    found = problems(report)
    if not found:
        return _section("Nothing is wrong that could be seen", "<p></p>")
    items = "".join(f"<li>{_text(line)}</li>" for line in found)
    return _section("To look at", f'<ul class="look" style="list-style:none">{items}</ul>')


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>" if content else ""


def _bars(counts: dict[str, int], images: int) -> str:
    largest = max(counts.values(), default=0) or 1
    rows = []
    for number, (name, count) in enumerate(list(counts.items())[:_ROWS]):
        y, width = number * _BAR_HEIGHT, count * _BAR_WIDTH / largest
        share = f"{count:,} ({count / images:.0%})"
        before, after = _LABEL_WIDTH - 8, _LABEL_WIDTH + width + 6
        rows.append(
            f'<text x="{before}" y="{y + 15}" text-anchor="end">{_text(_short(name))}</text>'
            f'<rect class="bar" x="{_LABEL_WIDTH}" y="{y + 3}" width="{width:.1f}" height="16">'
            f"<title>{_text(name)}: {share}</title></rect>"
            f'<text x="{after:.1f}" y="{y + 15}">{share}</text>'
        )
    size = (_LABEL_WIDTH + _BAR_WIDTH + 110, len(rows) * _BAR_HEIGHT)
    return _svg(*size, "".join(rows), "Images of each class") + _more(counts)


def _grid(report: Report) -> str:
    """A table of pairs: how many images have both; on the diagonal, how many have the class."""
    if not report.together:
        return ""
    busiest = sorted(report.classes, key=lambda name: -report.classes[name])[:_GRID]
    names = [name for name in report.classes if name in busiest and report.classes[name]]
    both = {frozenset((first, second)): count for first, second, count in report.together}
    largest = max(both.values())
    head = "".join(f'<th class="n" scope="col">{_text(_short(name, 14))}</th>' for name in names)
    rows = []
    for row in names:
        cells = []
        for column in names:
            count = report.classes[row] if row == column else both.get(frozenset((row, column)), 0)
            shade = 0 if row == column else 60 * count // largest
            style = f"background:color-mix(in srgb, var(--bar) {shade}%, transparent)"
            cells.append(f'<td class="n" style="{style}">{count:,}</td>' if count else "<td></td>")
        rows.append(f'<tr><th scope="row">{_text(_short(row))}</th>{"".join(cells)}</tr>')
    more = len(report.classes) - len(names)
    note = f'<p class="soft">{more:,} classes are not shown.</p>' if more else ""
    return f'<div class="wide"><table><tr><th></th>{head}</tr>{"".join(rows)}</table></div>{note}'


def _days(days: dict[str, int]) -> str:
    if not days:
        return ""
    largest, step = max(days.values()), _DAYS_WIDTH / len(days)
    bars = "".join(
        f'<rect class="bar" x="{number * step:.1f}" width="{max(step - 1, 0.5):.1f}" '
        f'y="{_DAYS_HEIGHT - count * _DAYS_HEIGHT / largest:.1f}" '
        f'height="{count * _DAYS_HEIGHT / largest:.1f}"><title>{day}: {count:,}</title></rect>'
        for number, (day, count) in enumerate(days.items())
    )
    first, last = next(iter(days)), list(days)[-1]
    below = _DAYS_HEIGHT + 18
    names = f'<text x="0" y="{below}">{first}</text>'
    if last != first:
        names += f'<text x="{_DAYS_WIDTH}" y="{below}" text-anchor="end">{last}</text>'
    return _svg(_DAYS_WIDTH, _DAYS_HEIGHT + 24, bars + names, "Annotations by day")


def _people(report: Report) -> str:
    rows = [
        [one.name or "unknown", f"{one.annotations:,}", f"{one.skipped:,}"] for one in report.people
    ]
    return _table(["person", "annotations", "skipped"], rows, numbers=(1, 2))


def _agreement(report: Report) -> str:
    if not report.several:
        return ""
    rows = [
        [one.name, "cannot be told" if one.alpha is None else f"{one.alpha:.2f}"]
        for one in report.alpha
    ]
    return (
        f"<p>On {report.alike:,} of {report.several:,} images with several annotations, all say "
        "the same. By class, Krippendorff's alpha: 1 is full agreement, 0 what chance gives.</p>"
        + _table(["class", "alpha"], rows, numbers=(1,))
    )


def _differing(report: Report) -> str:
    rows = [
        [one.tag, "; ".join(f"{who or 'unknown'}: {_names(names)}" for who, names in one.answers)]
        for one in report.differing
    ]
    return _table(["image", "who said what"], rows)


def _look_alikes(report: Report) -> str:
    rows = [
        [
            f"{pair.likeness:.2f}",
            f"{pair.first}: {_names(report.classes_of[pair.first])}",
            f"{pair.second}: {_names(report.classes_of[pair.second])}",
        ]
        for pair in report.near_duplicates.pairs
    ]
    return _table(["by picture", "image", "image"], rows)


def _list(names: Sequence[str]) -> str:
    return _table(["name"], [[name] for name in names])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    if not rows:
        return ""
    right = set(numbers)

    def line(tag: str, cells: Sequence[str]) -> str:
        kinds = (' class="n"' if column in right else "" for column in range(len(cells)))
        written = (f"<{tag}{k}>{_text(c)}</{tag}>" for k, c in zip(kinds, cells, strict=True))
        return f"<tr>{''.join(written)}</tr>"

    body = "".join(line("td", row) for row in rows[:_ROWS])
    return f"<table>{line('th', head)}{body}</table>{_more(rows)}"


def _more(rows: Sized) -> str:
    more = len(rows) - _ROWS
    return f'<p class="soft">and {more:,} more, in the JSON report</p>' if more > 0 else ""


def _svg(width: int, height: int, content: str, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{title}">{content}</svg>'
    )


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _short(name: str, length: int = 24) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"


def _text(text: str) -> str:
    return escape(printable(text), quote=True)
