"""Which files of core a step of the work enters: a sync, an export, a plan, a publication.

    uv run python tests/benchmarks/walks.py [--files] [--json]

The example is set up on a Label Studio of its own, and each step runs while every call is noted, so
that what counts is where the program went and not what it imports. Opening the project (its
address, its token, its number) is a walk of its own: it happens once, before all others.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.dataset.export import export_dataset  # noqa: E402
from core.learning.rounds.options import RoundOptions  # noqa: E402
from core.learning.rounds.planning import plan_round  # noqa: E402
from core.learning.rounds.publishing import publish_round  # noqa: E402
from core.progress import Work, finish  # noqa: E402
from core.setup.checklist import set_up  # noqa: E402
from core.setup.demo import make_demo  # noqa: E402
from core.setup.known_classes import annotate  # noqa: E402
from core.studio.project import OpenProject, open_project  # noqa: E402
from core.studio.server import stop_server  # noqa: E402
from core.tasks.proof import SyncResult  # noqa: E402
from core.tasks.sync import find_images, sync_images  # noqa: E402
from core.workspace.settings import Workspace  # noqa: E402

Result = TypeVar("Result")
ANNOTATIONS = 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", action="store_true", help="name the files")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = finish(make_demo(Path(folder) / "example"))
        try:
            walks = dict(walked(workspace))
        finally:
            stop_server(workspace)
    walks["an image, from file to score"] = set().union(*walks.values())
    if arguments.json:
        print(json.dumps({name: sorted(files) for name, files in walks.items()}, indent=2))
        return
    for name, files in walks.items():
        rooms = Counter(file.split("/")[1] if file.count("/") > 1 else "ground" for file in files)
        print(f"{name:30} {len(files):3} files:", ", ".join(f"{n} {r}" for r, n in rooms.items()))
        if arguments.files:
            print(*(f"    {file}" for file in sorted(files)), sep="\n")


def walked(workspace: Workspace) -> Iterator[tuple[str, set[str]]]:
    """(step, the files that it entered), in the order of the data."""
    finish(set_up(workspace, skip=("images",)))
    with contextlib.ExitStack() as stack:
        entered: set[str] = set()
        with noted(entered):
            opened = stack.enter_context(open_project(workspace))
        yield "the project is opened", entered
        yield "sync", entered_by(lambda: whole_sync(opened))[1]
        finish(annotate(opened, ANNOTATIONS))
        yield "export", entered_by(lambda: export_dataset(workspace))[1]
        options = RoundOptions("walk")
        plan, files = entered_by(lambda: plan_round(opened, options))
        yield "plan a round", files
        yield "publish it", entered_by(lambda: publish_round(opened, plan))[1]


def whole_sync(opened: OpenProject) -> Work[SyncResult]:
    """A sync, from the look at the folder to the proof."""
    return (yield from sync_images(opened, (yield from find_images(opened.workspace))))


def entered_by(begin: Callable[[], Work[Result]]) -> tuple[Result, set[str]]:
    """The result of a piece of work, and the files of core that it entered."""
    entered: set[str] = set()
    with noted(entered):
        result = finish(begin())
    return result, entered


@contextlib.contextmanager
def noted(entered: set[str]) -> Iterator[None]:
    """Every file of core in which a function is called, in any thread, while the block runs."""
    inside = f"{ROOT}/core/"

    def note(frame: FrameType, event: str, argument: Any) -> None:
        file = frame.f_code.co_filename
        if event == "call" and file.startswith(inside):
            entered.add(file.removeprefix(f"{ROOT}/"))

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


if __name__ == "__main__":
    main()
