"""The README's moving picture: a real run of the example, from nothing to the first round.

    uv run python tests/app/moving_picture.py

Makes the example workspace in a folder of its own, opens the app on it, sets it up, labels the
first images as what they are, and, with 200 known labels, exports them and plans a round. What is
waited for is left out, and nothing else. A browser draws each screen; `tui/pictures/labelpilot.gif`
holds them all.
"""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from PIL import Image

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from textual.pilot import Pilot  # noqa: E402

from core.progress import finish  # noqa: E402
from core.setup.demo import walk_demo  # noqa: E402
from core.setup.known_classes import CLASSES_FILE  # noqa: E402
from core.workspace.settings import Workspace  # noqa: E402
from tests.app.pictures import LONGEST_TURNS, PICTURES, SIZE, example, quiet  # noqa: E402
from tests.studio.browsers import chromium  # noqa: E402
from tui.app import LabelpilotApp  # noqa: E402

TARGET = PICTURES / "labelpilot.gif"
WIDTH = 860
COLOURS = 48
LABELED = 5
MOST_BYTES = 500_000


@dataclass(slots=True)
class Film:
    """Screens as SVG, each with how long it is shown, in milliseconds."""

    app: LabelpilotApp
    frames: list[tuple[str, int]] = field(default_factory=list)

    def take(self, milliseconds: int) -> None:
        self.frames.append((self.app.export_screenshot(title="labelpilot"), milliseconds))


async def record(workspace: Workspace) -> list[tuple[str, int]]:
    app = LabelpilotApp(workspace.root, poll_seconds=0)
    film = Film(app)
    async with app.run_test(size=SIZE) as pilot:
        await quiet(app, pilot)
        film.take(1800)
        await _set_up(film, pilot)
        await _label(film, pilot, workspace)
        await asyncio.to_thread(finish, walk_demo(workspace))
        app.check()
        # What is told before a round names paths of this machine.
        for key, milliseconds in (("4", 1600), ("enter", 1600), ("5", 0), ("enter", 3500)):
            await pilot.press(key)
            await quiet(app, pilot)
            await pilot.pause(0.3)
            if milliseconds:
                film.take(milliseconds)
    return film.frames


async def _set_up(film: Film, pilot: Pilot[None]) -> None:
    """A picture whenever another step is done."""
    await pilot.press("a")
    done = -1
    for _ in range(100 * LONGEST_TURNS):
        await pilot.pause(0.05)
        now = sum(report.state == "done" for report in film.app.state.reports.values())
        if now > done:
            done = now
            film.take(350)
        if not film.app.jobs.running and not film.app.state.checking and film.app.state.all_done:
            await quiet(film.app, pilot)
            film.take(1600)
            return
    raise SystemExit("the set-up did not come to its end")


async def _label(film: Film, pilot: Pilot[None], workspace: Workspace) -> None:
    """Label images as what they are."""
    known: dict[str, Any] = orjson.loads((workspace.root / CLASSES_FILE).read_bytes())
    await pilot.press("3")
    before = None
    for _ in range(LABELED):
        item = await _next(film, pilot, before)
        film.take(900)
        await pilot.press(str(known[item.tag]).strip("[]'\" "))
        await pilot.pause(0.1)
        film.take(250)
        if film.app.screen._item is item:  # type: ignore[attr-defined]
            await pilot.press("space")
        before = item
    await _next(film, pilot, before)
    film.take(900)
    # There, digits are answers.
    await pilot.press("escape")


async def _next(film: Film, pilot: Pilot[None], before: Any) -> Any:
    for _ in range(LONGEST_TURNS):
        await pilot.pause(0.05)
        item = getattr(film.app.screen, "_item", None)
        if item is not None and item is not before:
            await pilot.pause(1.5)
            return item
    raise SystemExit("no image came to be labeled")


def drawn(frames: list[tuple[str, int]]) -> list[Image.Image]:
    """The screens as a browser draws them, all of one size."""
    pictures = []
    with tempfile.TemporaryDirectory() as folder, chromium(Path(folder) / "profile") as browser:
        page = Path(folder) / "page.html"
        browser.set_window_size(WIDTH + 40, WIDTH)
        for svg, _ in frames:
            page.write_text(f"<style>body{{margin:0}}svg{{width:{WIDTH}px}}</style>{svg}", "utf-8")
            browser.get(page.as_uri())
            shown = browser.find_element("css selector", "svg").screenshot_as_png
            pictures.append(Image.open(io.BytesIO(shown)).convert("RGB"))
    return pictures


def write(pictures: list[Image.Image], milliseconds: list[int]) -> None:
    width, height = pictures[0].size
    all_of_them = Image.new("RGB", (width, height * len(pictures)))
    for number, one in enumerate(pictures):
        all_of_them.paste(one, (0, number * height))
    few = all_of_them.quantize(COLOURS, dither=Image.Dither.NONE)
    first, *rest = [one.quantize(palette=few, dither=Image.Dither.NONE) for one in pictures]
    first.save(TARGET, save_all=True, append_images=rest, duration=milliseconds, loop=0)
    size = TARGET.stat().st_size
    print(f"{TARGET.relative_to(ROOT)}: {len(pictures)} screens, {size:,} bytes")
    if size > MOST_BYTES:
        raise SystemExit(f"It is larger than {MOST_BYTES:,} bytes.")


def main() -> None:
    with example() as workspace:
        frames = asyncio.run(record(workspace))
    write(drawn(frames), [milliseconds for _, milliseconds in frames])


if __name__ == "__main__":
    main()
