"""The label screen over the photographs in a folder and a list of many tasks, or without tasks an
app that paints a line at each key: `python -m tests.benchmarks.label_app FOLDER TASKS`, for
`label_screen.py`."""

from __future__ import annotations

import sys
from pathlib import Path

from textual.app import App, ComposeResult
from textual.widgets import Static

from core.labeling.item import LabelItem
from tests.app.doubles import FakeBackend
from tests.app.label_doubles import MemorySession, config_of
from tests.app.toys import make_workspace
from tui.app import LabelpilotApp


class Empty(App[None]):
    """Counts keys."""

    number = 0

    def compose(self) -> ComposeResult:
        yield Static("line 0.")

    def on_key(self) -> None:
        self.number += 1
        self.query_one(Static).update(f"line {self.number}.")


def main(folder: Path, tasks: int) -> int:
    if not tasks:
        Empty().run()
        return 0
    backend = FakeBackend(make_workspace(folder / "workspace"))
    backend.everything()
    photos = sorted((folder / "photos").iterdir())
    items = [
        LabelItem(number, f"task_{number:06}", photos[number % len(photos)], "")
        for number in range(tasks)
    ]
    backend.session = MemorySession(config_of("cat", "dog", choice="single"), items)
    app = LabelpilotApp(backend.workspace.root, backend, poll_seconds=0, section="label")
    app.run()
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
