"""What is told of a dataset in a window: what was left out, and what the health report found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui.dialogs.dialog import Dialog
from tui.text import count, lines, plain, same_as

if TYPE_CHECKING:
    from core.dataset.export import ExportResult
    from core.dataset.report.report import HealthReport

MOST_NAMES = 500


def report_dialog(found: HealthReport, page: str, command: str, opened: bool) -> Dialog:
    """What stands in the report first, and the path of its page."""
    from core.dataset.report.report import problems

    listed = problems(found)
    parts: list[Content | str] = [plain(f"{count(found.images, 'image')} labeled", "bold"), ""]
    if listed:
        parts += [plain("To be looked at:", "$text-warning"), *(plain(f"  {p}") for p in listed)]
    else:
        parts.append(plain("Nothing stands out.", "$text-success"))
    text = (
        "The page was opened in your browser. It lies in:"
        if opened
        else "Classes, people, agreement and look-alikes are on a page; open it in a browser:"
    )
    parts += ["", plain(text), plain(page, "bold $primary")]
    parts += ["", same_as(command)]
    return Dialog("The state of the dataset", lines(parts), copied=page)


def details_dialog(result: ExportResult) -> Dialog:
    """What an export counted, and every annotation that it left out or found in conflict."""
    parts: list[Content | str] = [
        f"{count(result.annotations, 'annotation')} counted, from {result.source}",
        f"{count(result.empty, 'image') if result.empty else 'no image'} labeled as having none of "
        "the classes",
    ]
    if result.unchecked:
        parts.append(f"{result.unchecked:,} not held against Label Studio: some may be deleted")
    for title, names in (
        ("Labelers differ", list(result.conflicts)),
        ("Unreadable", [f"{one.name}: {one.reason}" for one in result.unreadable]),
    ):
        parts += ["", plain(f"{title} ({len(names):,})" if names else f"{title}: none", "bold")]
        parts += [plain(f"  {name}") for name in names[:MOST_NAMES]]
    text = lines(parts)
    return Dialog("What was left out", text, copied=text.plain)
