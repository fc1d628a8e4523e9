"""The app with a sync that computes until it is stopped, and a server that says nothing to whoever
wants to label: `python -m tests.app.busy FOLDER`."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from pathlib import Path
from typing import Any

from core.progress import Progress, Work
from core.tasks.options import Mode
from core.workspace.settings import Workspace, load_workspace
from tests.app.doubles import FakeBackend
from tui.app import LabelpilotApp


class Busy(FakeBackend):
    """Its sync reports without end, and uses a core in between."""

    def sync(
        self, workspace: Workspace, mode: Mode | None = None, *, full: bool = False
    ) -> Work[Any]:
        for number in itertools.count():
            until = time.monotonic() + 0.005
            while time.monotonic() < until:
                pass
            yield Progress("import", number % 1000, 1000, f"note {number // 100}")

    def label_page(self, workspace: Workspace) -> Work[str]:
        yield Progress("link")
        threading.Event().wait()
        return ""


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    backend = Busy(load_workspace(folder))
    backend.everything()
    app = LabelpilotApp(folder, backend)
    app.run()
    sys.exit(app.return_code or 0)
