"""Pictures of the screens: walks the example with the real app and exports what it shows.

    uv run python tests/app/pictures.py
    uv run python tests/app/pictures.py --all FOLDER [--look NAME]... [--place NAME]...

Makes the example workspace in a folder of its own, with its Label Studio and 200 annotations, opens
the app on it, presses the keys that lead to each place, and writes `tui/pictures/NAME.svg` of each
section. With `--all`, every place at every size, dark, light and without colour, for somebody to
look at, as `FOLDER/NAME-LOOK-SIZE.svg` and, where there is a chromium, as PNG; then some labels are
wrong, people differ, and a file is damaged, so that there is something to be seen. The server is
stopped and the folder removed at the end.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from textual.pilot import Pilot  # noqa: E402

from core.dataset.export import export_dataset  # noqa: E402
from core.dataset.source import FolderSource  # noqa: E402
from core.progress import finish  # noqa: E402
from core.setup.demo import make_demo, walk_demo  # noqa: E402
from core.studio.project import open_project  # noqa: E402
from core.studio.server import stop_server  # noqa: E402
from core.workspace.settings import Workspace  # noqa: E402
from tests.needs import find  # noqa: E402
from tests.studio.browsers import chromium  # noqa: E402
from tests.studio.first_start import prepare  # noqa: E402
from tui.app import LabelpilotApp  # noqa: E402
from tui.job_kinds import MEASURE  # noqa: E402
from tui.keys import SECTIONS  # noqa: E402

PICTURES = ROOT / "tui" / "pictures"
SIZE = (88, 26)
SIZES = ((60, 20), (80, 24), (120, 40), (200, 60))
LOOKS = ("dark", "light", "plain")
# Name of the place -> the keys that lead to it from the one before, each pressed when all is quiet.
WAYS: dict[str, tuple[str, ...]] = {
    "setup": ("1",),
    "steps": ("enter",),
    "settings": ("enter", "e"),
    "help": ("escape", "question_mark"),
    "logs": ("escape", "L"),
    "more": ("escape", "colon"),
    "unsynced": ("escape", "2"),
    "sync": ("enter",),
    "label": ("3",),
    "export": ("escape", "4"),
    "left-out": ("d",),
    "conflicts": ("escape", "s"),
    "report": ("escape", "h"),
    "round": ("escape", "5"),
    "learning": ("enter",),
    "why": ("enter",),
    "form": ("escape", "e"),
    "orders": ("escape", "o"),
    "suspects": ("escape", "s"),
    "rounds": ("escape", "h"),
}
LONGEST_TURNS = 30_000
# Of the example's labels, so many are wrong, and on as many images somebody says something else.
WRONG, DIFFERING = 4, 3


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--all", type=Path, metavar="FOLDER")
    options.add_argument("--look", choices=LOOKS, action="append")
    options.add_argument("--place", choices=(*WAYS, "first"), action="append")
    given = options.parse_args()
    with example() as workspace:
        finish(walk_demo(workspace))
        if given.all is None:
            asyncio.run(take(workspace.root))
            return
        plant(workspace)
        given.all.mkdir(parents=True, exist_ok=True)
        for look in given.look or LOOKS:
            os.environ.pop("NO_COLOR", None)
            if look == "plain":
                os.environ["NO_COLOR"] = "1"
            asyncio.run(take_all(workspace.root, given.all, look, given.place or WAYS))
            if "first" in (given.place or ("first",)):
                asyncio.run(take_first(workspace, given.all, look))
    if find("chromium"):
        paint(sorted(given.all.glob("*.svg")))


@contextlib.contextmanager
def example() -> Iterator[Workspace]:
    """The example workspace in a folder of its own; its server is stopped at the end."""
    # What the app had begun may still write there.
    with tempfile.TemporaryDirectory(
        prefix="labelpilot-pictures-", ignore_cleanup_errors=True
    ) as folder:
        workspace = finish(make_demo(Path(folder) / "labelpilot-demo"))
        if "MIGRATED_DATABASE" in os.environ:
            prepare(workspace, Path(os.environ["MIGRATED_DATABASE"]))
        try:
            yield workspace
        finally:
            stop_server(workspace)


def plant(workspace: Workspace) -> None:
    """Have some of the labels be wrong, people differ on some images, and a file be damaged."""
    with open_project(workspace) as opened:
        labeled = itertools.islice(opened.client.annotated_tasks(opened.id), WRONG + DIFFERING)
        for number, task in enumerate(list(labeled)):
            (annotation,) = task["annotations"]
            (region,) = annotation["result"]
            digit = int(region["value"]["choices"][0])
            other = {**region, "value": {"choices": [str((digit + 5) % 10)]}}
            if number < WRONG:
                opened.client.change_annotation(annotation["id"], {"result": [other]})
            else:
                opened.client.annotate(task["id"], [other])
    # The example's model learns from what was exported.
    finish(export_dataset(workspace, FolderSource(workspace.annotations.path)))
    (workspace.annotations.path / "99999").write_text('{"result": ', encoding="utf-8")


async def take(root: Path) -> None:
    """Write the picture of every section."""
    PICTURES.mkdir(exist_ok=True)
    app, left = LabelpilotApp(root, poll_seconds=0), set(SECTIONS)
    async with app.run_test(size=SIZE) as pilot:
        async for name in places(app, pilot):
            if name in left:
                write(app, PICTURES / f"{name}.svg")
            left -= {name}
            if not left:
                return


async def take_all(root: Path, folder: Path, look: str, wanted: Collection[str]) -> None:
    """Write the pictures of every place at every size."""
    app = LabelpilotApp(root, poll_seconds=0)
    async with app.run_test(size=SIZES[1]) as pilot:
        app.theme = f"labelpilot-{'light' if look == 'light' else 'dark'}"
        async for name in places(app, pilot):
            if name in wanted:
                await take_sizes(app, pilot, folder / f"{name}-{look}")


async def take_first(workspace: Workspace, folder: Path, look: str) -> None:
    """Write the pictures of a first start, in a folder with images and nothing else."""
    with tempfile.TemporaryDirectory(prefix="labelpilot-pictures-") as empty:
        shutil.copytree(workspace.images.path, Path(empty) / "photos" / "digits")
        app = LabelpilotApp(Path(empty), poll_seconds=0)
        async with app.run_test(size=SIZES[1]) as pilot:
            app.theme = f"labelpilot-{'light' if look == 'light' else 'dark'}"
            await quiet(app, pilot)
            await pilot.pause(1.0)
            await take_sizes(app, pilot, folder / f"first-{look}")


async def places(app: LabelpilotApp, pilot: Pilot[None]) -> AsyncIterator[str]:
    """Go from place to place, and give the name of each."""
    await quiet(app, pilot)
    for name, keys in WAYS.items():
        for key in keys:
            await pilot.press(key)
            await quiet(app, pilot)
        for _ in range(LONGEST_TURNS):
            await pilot.pause(0.05)
            # The first image to be labeled is asked for when its section is opened.
            if name != "label" or getattr(app.screen, "_item", None) is not None:
                break
        await pilot.pause(0.5)
        yield name


async def take_sizes(app: LabelpilotApp, pilot: Pilot[None], stem: Path) -> None:
    for width, height in SIZES:
        await pilot.resize_terminal(width, height)
        await pilot.pause(0.3)
        write(app, stem.with_name(f"{stem.name}-{width}x{height}.svg"))
    await pilot.resize_terminal(*SIZES[1])


def write(app: LabelpilotApp, file: Path) -> None:
    file.write_text(app.export_screenshot(title="labelpilot"), encoding="utf-8")
    print(file, flush=True)


async def quiet(app: LabelpilotApp, pilot: Pilot[None]) -> None:
    """Wait until no job runs and nothing is being checked, and look once how much is labeled."""
    for _ in range(LONGEST_TURNS):
        await pilot.pause(0.02)
        # Orders are measured beside all else, which takes minutes on a busy machine.
        running = [job for job in app.jobs.running if job.kind is not MEASURE]
        if app.watcher.checks and not app.state.checking and not running:
            break
    else:
        raise SystemExit("the app did not come to rest")
    app.watcher.poll()
    for _ in range(LONGEST_TURNS):
        await pilot.pause(0.02)
        if not app.watcher._polling and not app.state.checking:
            return


def paint(pictures: list[Path]) -> None:
    """The pictures as a browser draws them."""
    with tempfile.TemporaryDirectory() as folder, chromium(Path(folder) / "profile") as browser:
        page = Path(folder) / "page.html"
        for picture in pictures:
            svg = picture.read_text("utf-8")
            style = "<style>body{margin:0}svg{width:1000px}</style>"
            page.write_text(f'<meta charset="utf-8">{style}{svg}', "utf-8")
            browser.set_window_size(1040, 1200)
            browser.get(page.as_uri())
            shown = browser.find_element("css selector", "svg").screenshot_as_png
            picture.with_suffix(".png").write_bytes(shown)


if __name__ == "__main__":
    main()
