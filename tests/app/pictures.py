"""The README's pictures: walks the example with the real app and exports its screens.

    uv run python tests/app/pictures.py

Makes the example workspace in a folder of its own, with its Label Studio and 200 annotations, opens
the app on it, presses the keys that lead to each picture, and writes `tui/pictures/NAME.svg`. The
server is stopped and the folder removed at the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from textual.pilot import Pilot  # noqa: E402

from core.progress import finish  # noqa: E402
from core.setup.demo import make_demo, walk_demo  # noqa: E402
from core.studio.server import stop_server  # noqa: E402
from core.workspace.settings import Workspace  # noqa: E402
from tui.app import LabelpilotApp  # noqa: E402

PICTURES = ROOT / "tui" / "pictures"
SIZE = (88, 26)
# Name of the picture -> the keys that lead to it, each pressed when all is quiet.
WAYS: dict[str, tuple[str, ...]] = {
    "setup": ("1",),
    "sync": ("2", "enter"),
    "export": ("4",),
    "learning": ("5", "enter"),
}
LONGEST_TURNS = 6000


def main() -> None:
    with example() as workspace:
        finish(walk_demo(workspace))
        asyncio.run(take(workspace.root))


@contextlib.contextmanager
def example() -> Iterator[Workspace]:
    """The example workspace in a folder of its own; its server is stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="labelpilot-pictures-") as folder:
        workspace = finish(make_demo(Path(folder) / "labelpilot-demo"))
        try:
            yield workspace
        finally:
            stop_server(workspace)


async def take(root: Path) -> None:
    """Write every picture."""
    PICTURES.mkdir(exist_ok=True)
    app = LabelpilotApp(root, poll_seconds=0)
    async with app.run_test(size=SIZE) as pilot:
        await quiet(app, pilot)
        for name, keys in WAYS.items():
            for key in keys:
                await pilot.press(key)
                await quiet(app, pilot)
            await pilot.pause(0.2)
            picture = app.export_screenshot(title="labelpilot")
            (PICTURES / f"{name}.svg").write_text(picture, encoding="utf-8")
            print(f"tui/pictures/{name}.svg")


async def quiet(app: LabelpilotApp, pilot: Pilot[None]) -> None:
    """Wait until no job runs and nothing is being checked."""
    for _ in range(LONGEST_TURNS):
        await pilot.pause(0.02)
        if app.watcher.checks and not app.state.checking and not app.jobs.running:
            return
    raise SystemExit("the app did not come to rest")


if __name__ == "__main__":
    main()
