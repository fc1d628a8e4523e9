"""What a labeler feels: how long each answer takes, in our Label Studio beside a stock one.

Run: `uv run python tests/benchmarks/labeler.py [--tasks 100000] [--json]`. One database is filled
through our server, with a round of 5,000 scores and its tab, and a stock Label Studio runs on a
copy of it, in the same run. The requests are those that its pages send.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cases import Case, show
from predictions import CONFIG

from core.labeling.stream import save_view
from core.labeling.tabs import BY_SCORE, UNFINISHED
from core.learning.rounds.scores import READ_SECONDS, put_scores
from core.progress import finish
from core.studio.client import StudioClient
from core.studio.project import OpenProject, connect
from core.studio.server import stop_server
from core.studio.starting import start_server
from core.studio.tokens import make_token
from core.workspace.settings import Workspace, parse_workspace
from tests.studio.first_start import NAME
from tests.studio.stock import stock_server

SCORES = 5_000
BATCH = 5_000
TIMES = 9
VERSION = "model_v1"
RESULT = [
    {
        "from_name": "kind",
        "to_name": "image",
        "type": "choices",
        "value": {"choices": ["a"]},
    }
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="labelpilot-labeler-") as folder:
        workspace = parse_workspace("", Path(folder) / "workspace")
        workspace.images.path.mkdir(parents=True)
        finish(start_server(workspace))
        try:
            make_token(workspace)
            with contextlib.closing(connect(workspace)) as client:
                project, tab = fill(client, arguments.tasks, workspace)
                ours = measured(Labeler(client, project, tab))
        finally:
            stop_server(workspace)
        database, root = workspace.state.server / NAME, workspace.images.path
        with stock_server(Path(folder) / "stock", root, database) as stock:
            client = StudioClient(stock.url, stock.personal_token)
            with contextlib.closing(client):
                theirs = measured(Labeler(client, project, tab))
    size = f"{arguments.tasks:,} tasks"
    cases = [
        Case(f"{size}: {name}", ours[name], ours[name] / theirs[name], "a stock Label Studio's")
        for name in ours
    ]
    show(cases, arguments.json)


def fill(client: StudioClient, tasks: int, workspace: Workspace) -> tuple[int, int]:
    """A project of so many tasks with a round: its number and its tab's."""
    project = client.create_project(f"{tasks} tasks").id
    client.update_project(project, {"label_config": CONFIG})
    ids: list[int] = []
    for start in range(0, tasks, BATCH):
        names = range(start, min(start + BATCH, tasks))
        data = [{"image": f"/data/local-files/?d=images/{n}.png"} for n in names]
        ids += client.import_tasks(project, data, READ_SECONDS)
    scores = {task: 1 / (2 + n) for n, task in enumerate(ids[:: max(tasks // SCORES, 1)])}
    finish(put_scores(client, project, VERSION, scores))
    client.update_project(project, {"model_version": VERSION})
    opened = OpenProject(workspace, client, client.project(project))
    return project, save_view(opened)


def requests_of(server: Labeler) -> dict[str, Callable[[], object]]:
    """What a page asks for, by what a labeler waits for."""
    tab = {"ordering": [BY_SCORE], "filters": {"conjunction": "and", "items": [UNFINISHED]}}
    return {
        "the next image, in the round's order": lambda: server.next_task(server.tab, tab),
        'the next image, after "Label All Tasks"': lambda: server.next_task(None, {}),
        "a label is taken": server.submit,
        "the tab's list": lambda: server.listed({"view": server.tab}),
        "the list of all tasks": lambda: server.listed({}),
        "the project's counters": server.counters,
    }


@dataclass
class Labeler:
    """Somebody who labels a project on the server that `client` asks; `task` is open."""

    client: StudioClient
    project: int
    tab: int
    task: int = 0

    def next_task(self, tab: int | None, body: dict[str, Any]) -> None:
        params = {"id": "next_task", "project": self.project}
        if tab is not None:
            params["tabID"] = tab
        body = {"project": str(self.project), **body}
        answer = self.client.transport.send("POST", "api/dm/actions", params=params, body=body)
        self.task = answer["id"]

    def submit(self) -> None:
        self.client.annotate(self.task, RESULT)

    def listed(self, params: dict[str, Any]) -> None:
        page = {"page": 1, "page_size": 30, "project": self.project, **params}
        assert self.client.transport.get("api/tasks", page)["tasks"]

    def counters(self) -> None:
        self.client.transport.get("api/dm/project", {"project": self.project})


def measured(labeler: Labeler) -> dict[str, float]:
    """The median seconds of each request; they take turns, as they do for somebody who labels."""
    asked = requests_of(labeler)
    seconds: dict[str, list[float]] = {name: [] for name in asked}
    for turn in range(TIMES + 1):
        for name, request in asked.items():
            began = time.perf_counter()
            request()
            if turn:  # The first is for what a server does once.
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(found) for name, found in seconds.items()}


if __name__ == "__main__":
    main()
