"""Prints what becomes of a workspace that is moved, renamed, set up twice at once or killed.

uv run python tests/faults/places_table.py [--own or --stock] [--only WORDS]

On a server of labelpilot's own and on a stock one: what labelpilot says, whether there is one
project with one storage of each kind, whether each image is shown, and whether a label that is
submitted afterwards lies in a file.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from core.errors import LabelpilotError
from core.setup.checklist import probe_steps
from core.setup.steps import STEPS
from core.studio.server import stop_server
from tests.studio.first_start import migrated_database, prepare
from tests.studio.places import CONFIG, IMAGE, Place
from tests.studio.stock import stock_server

IMAGES = 4
NUMBERS = itertools.count(1)


def fresh(place: Place) -> None:
    """A new project of the workspace's, set up, with one label."""
    data = place.root / "data"
    shutil.rmtree(data, ignore_errors=True)
    place.title = f"Places {next(NUMBERS)} of {os.getpid()}"
    (data / "images").mkdir(parents=True)
    for number in range(IMAGES):
        (data / "images" / f"{number}.png").write_bytes(IMAGE)
    place.write()
    place.set_up()
    place.labeled("0.png")


def workspace_moved(place: Place) -> None:
    moved = place.root.with_name(f"{place.root.name}-moved")
    place.root.rename(moved)
    place.root = moved


def images_renamed(place: Place) -> None:
    (place.root / "data" / "images").rename(place.root / "data" / "pictures")
    place.write(images="data/pictures")


def annotations_renamed(place: Place) -> None:
    (place.root / "data" / "annotations").rename(place.root / "data" / "labels")
    place.write(annotations="data/labels")


def annotations_moved_up(place: Place) -> None:
    """So that another folder is the one below which our own server serves files."""
    shutil.rmtree(place.root / "labels", ignore_errors=True)
    (place.root / "data" / "annotations").rename(place.root / "labels")
    place.write(annotations="labels")


def images_moved_within(place: Place) -> None:
    place.write(more="recursive = true\n")
    place.set_up()
    (place.root / "data" / "images" / "old").mkdir()
    for name in ("0.png", "2.png"):
        (place.root / "data" / "images" / name).rename(
            place.root / "data" / "images" / "old" / name
        )


def renamed_in_the_browser(place: Place) -> None:
    place.client.update_project(place.project_id, {"title": "Called otherwise"})


def what_is_known_lost(place: Place) -> None:
    (place.root / ".labelpilot" / "project.json").unlink()


def two_at_once(place: Place) -> None:
    place.title += " twice"
    place.write()
    for process in [place.start(), place.start()]:
        process.communicate()


def killed_at(step: str) -> Callable[[Place], None]:
    def kill(place: Place) -> None:
        place.title += " killed"
        place.write()
        place.killed_at(step)

    return kill


def taken_title(place: Place) -> None:
    """Somebody else has a project of the title that is asked for now, and its number says yes."""
    place.title += " of theirs"
    theirs = place.client.create_project(place.title)
    place.client.update_project(theirs.id, {"label_config": CONFIG})
    place.write()
    with contextlib.suppress(LabelpilotError):
        place.set_up()
        raise AssertionError("somebody else's project was taken over")
    place.write(project=f"id = {theirs.id}\n")


CASES: dict[str, Callable[[Place], None]] = {
    "nothing": lambda place: None,
    "workspace moved": workspace_moved,
    "image folder renamed": images_renamed,
    "annotation folder renamed": annotations_renamed,
    "annotation folder moved up": annotations_moved_up,
    "images moved within the folder": images_moved_within,
    "project renamed in the browser": renamed_in_the_browser,
    "project.json lost": what_is_known_lost,
    "title of somebody else's, then id": taken_title,
    "two set-ups at once": two_at_once,
    **{f"killed at {step.id}": killed_at(step.id) for step in STEPS if step.needs is not None},
}


def tried(place: Place, case: str) -> dict[str, object]:
    """What one case came to."""
    fresh(place)
    CASES[case](place)
    told = [f"{one.id}: {one.detail}" for one in probe_steps(place.workspace) if _is_told(one)]
    try:
        states = set(place.states().values())
        return {
            "case": case,
            "set up": states == {"done"},
            "one of each": place.is_one(),
            "images shown": place.shown() == IMAGES,
            "label in a file": place.labeled("1.png").exists(),
            "said": "; ".join(told),
        }
    except (LabelpilotError, AssertionError, ValueError) as error:
        return {"case": case, "set up": False, "said": f"{type(error).__name__}: {error}"}


def _is_told(report: object) -> bool:
    return getattr(report, "state", "") in ("part", "wrong") or "renamed" in getattr(
        report, "detail", ""
    )


@contextlib.contextmanager
def own(folder: Path, database: Path) -> Iterator[Place]:
    place = Place(folder / "own", "", "").make(IMAGES)
    prepare(place.workspace, database)
    try:
        yield place
    finally:
        stop_server(place.workspace)


@contextlib.contextmanager
def stock(folder: Path, database: Path) -> Iterator[Place]:
    root = folder / "files"
    root.mkdir()
    with stock_server(folder / "server", root, database) as server:
        os.environ["LABEL_STUDIO_API_KEY"] = server.legacy_token
        try:
            yield Place(root / "stock", server.url, server.legacy_token).make(IMAGES)
        finally:
            del os.environ["LABEL_STUDIO_API_KEY"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--own", action="store_true", help="Only a server of labelpilot's own.")
    parser.add_argument("--stock", action="store_true", help="Only a stock server.")
    parser.add_argument("--only", default="", help="Only cases with these words in their name.")
    parser.add_argument("--json", action="store_true", help="Print a list of objects.")
    options = parser.parse_args()
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    os.environ["LABELPILOT_TRUST"] = os.path.realpath(tempfile.gettempdir())
    os.environ.pop("LABEL_STUDIO_API_KEY", None)
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory(prefix="labelpilot-places-") as name:
        folder = Path(name)
        database = migrated_database(folder / "migrated.sqlite3")
        for kind in (own, stock):
            if (options.own and kind is stock) or (options.stock and kind is own):
                continue
            with kind(folder, database) as place:
                for case in CASES:
                    if options.only in case:
                        rows.append({"server": kind.__name__} | tried(place, case))
                        print("  ".join(map(str, rows[-1].values())), file=sys.stderr)
    if options.json:
        print(json.dumps(rows, indent=2))
    sys.exit(any(value is False for row in rows for value in row.values()))


if __name__ == "__main__":
    main()
