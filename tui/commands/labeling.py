"""Commands for those who label."""

from __future__ import annotations

import sys
from pathlib import Path

from tui.commands.console import backend, command, link, open_workspace, show
from tui.commands.progress_bar import run


@command("labelpilot open", name="open")
def open_(root: Path | None, as_json: bool) -> None:
    """Print the link to the label stream, and open it.

    It is opened where there is a browser.
    """
    from tui.links import open_link

    url = link(run(backend.label_page(open_workspace(root))))
    show(as_json, {"url": url}, url)
    if not as_json and sys.stdout.isatty():
        open_link(url)
