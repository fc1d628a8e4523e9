"""The health report, written: what it found, and where its page lies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui.dialogs.dialog import Dialog
from tui.text import count, lines, plain

if TYPE_CHECKING:
    from core.dataset.report.report import Report


def report_dialog(found: Report, page: str, command: str, opened: bool) -> Dialog:
    """What stands in the report first, and the path of its page."""
    from core.dataset.report.report import problems

    listed = problems(found)
    parts: list[Content | str] = [plain(f"{count(found.images, 'image')} labeled", "bold"), ""]
    if listed:
        parts += [plain("To be looked at:", "$text-warning"), *(plain(f"  {p}") for p in listed)]
    else:
        parts.append(plain("Nothing stands out.", "$text-success"))
    words = (
        "The page was opened in your browser. It lies in:"
        if opened
        else "Classes, people, agreement and look-alikes are on a page; open it in a browser:"
    )
    parts += ["", plain(words), plain(page, "bold $primary")]
    parts += ["", plain(f"same as: {command}", "$muted")]
    return Dialog("The state of the dataset", lines(parts), copied=page)
