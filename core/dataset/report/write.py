"""A health report in a file, in the form that the file's name asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import orjson

from core.dataset.options import REPORT_FILES, Rule
from core.dataset.report.report import HealthReport, make_report
from core.dataset.source import Named, Source
from core.errors import ConfigurationError
from core.files import write_at_once
from core.progress import Work
from core.workspace.consents import may_write_as_named
from core.workspace.settings import Workspace


def write_report(
    workspace: Workspace,
    path: Path,
    source: Source | Named = "storage",
    *,
    rule: Rule | None = None,
    reach: Callable[[str], str] = str,
) -> Work[HealthReport]:
    """Make the report on what `source` holds, and write it to `path`, at once or not at all.

    `reach` makes an address one that the user's browser reaches.

    Raises ConfigurationError, before anything is read, where the name of `path` ends in none of
    `options.REPORT_FILES`; LabelpilotError where the disk refuses; and what `make_report` raises.
    """
    if path.suffix not in REPORT_FILES:
        *most, last = REPORT_FILES
        raise ConfigurationError(
            f"A report cannot be written to {path.name}.",
            next_step=f"Let its name end in {', '.join(most)} or {last}.",
        )
    if path.is_relative_to(workspace.state.folder):
        workspace.state.make()
    may_write_as_named(workspace, path)
    report = yield from make_report(workspace, source, rule=rule)
    if path.suffix == ".html":
        from core.dataset.report.exhibits import gather_exhibits
        from core.dataset.report.html import report_html

        shown = yield from gather_exhibits(workspace, report, reach)
        content = report_html(report, shown).encode()
    else:
        content = _content(report, path.suffix)
    write_at_once(path, content)
    return report


def _content(report: HealthReport, suffix: str) -> bytes:
    if suffix == ".txt":
        from core.dataset.report.text import report_text

        return report_text(report).encode()
    return orjson.dumps(report.as_json(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
