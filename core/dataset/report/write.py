"""The health report in a file, in the form that the file's name asks for."""

from __future__ import annotations

from pathlib import Path

import orjson

from core.dataset.report.html import report_html
from core.dataset.report.report import Report
from core.dataset.report.text import report_text
from core.errors import ConfigurationError
from core.files import write_at_once


def write_report(report: Report, path: Path) -> None:
    """Write the report to `path`: `.html`, `.json` or `.txt`, at once or not at all.

    Raises ConfigurationError for another ending.
    """
    if path.suffix == ".html":
        content = report_html(report).encode()
    elif path.suffix == ".json":
        option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        content = orjson.dumps(report.as_json(), option=option)
    elif path.suffix == ".txt":
        content = report_text(report).encode()
    else:
        raise ConfigurationError(
            f"A report cannot be written to {path.name}.",
            next_step="Let its name end in .html, .json or .txt.",
        )
    write_at_once(path, content)
