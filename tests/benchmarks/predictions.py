"""How fast scores come into Label Studio: ours, one request each, and the bare bulk endpoint.

Run: `uv run python tests/benchmarks/predictions.py --json`. With `--large`, in a project of 100,000
tasks too, which takes minutes to fill. All in one run, side by side: the ratios count, not the
seconds. One request each is what a script does, on a Label Studio as people start it; on
labelpilot's own, whose answers do not wait in the kernel, it is shown as well.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cases import Case, show

from core.learning.rounds.scores import BATCH, READ_SECONDS, put_scores
from core.progress import finish
from core.studio.client import StudioClient
from core.studio.project import connect
from core.studio.server import stop_server
from core.studio.starting import start_server
from core.studio.tokens import make_token
from core.workspace.settings import parse_workspace
from tests.studio.stock import stock_server

SCORES = 10_000
SAMPLE = 100
RUNS = 3
CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image"><Choice value="a"/></Choices></View>"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--large", action="store_true")
    arguments = parser.parse_args()
    sizes = [10_000, 100_000] if arguments.large else [10_000]
    with server() as client, server_as_shipped() as shipped:
        cases = [case for size in sizes for case in measure(client, shipped, size)]
    show(cases, arguments.json)


@contextlib.contextmanager
def server() -> Iterator[StudioClient]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "workspace"
        (root / "data" / "images").mkdir(parents=True)
        workspace = parse_workspace("", root)
        finish(start_server(workspace))
        try:
            make_token(workspace)
            with contextlib.closing(connect(workspace)) as client:
                yield client
        finally:
            stop_server(workspace)


@contextlib.contextmanager
def server_as_shipped() -> Iterator[StudioClient]:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "files"
        root.mkdir()
        with stock_server(Path(folder) / "server", root) as stock:
            client = StudioClient(stock.url, stock.personal_token)
            with contextlib.closing(client):
                yield client


def fill(client: StudioClient, size: int) -> tuple[int, list[int]]:
    """A new project with `size` tasks, and their ids."""
    project = client.create_project(f"{size} tasks")
    client.update_project(project.id, {"label_config": CONFIG})
    tasks: list[int] = []
    for start in range(0, size, 5000):
        data = [
            {"image": f"/data/local-files/?d=images/{n}.png"} for n in range(start, start + 5000)
        ]
        tasks += client.import_tasks(project.id, data, READ_SECONDS)
    return project.id, tasks


def measure(client: StudioClient, shipped: StudioClient, size: int) -> list[Case]:
    """The times of SCORES predictions in a project of `size` tasks."""
    there, their_tasks = fill(shipped, size)
    project, tasks = fill(client, size)
    scored = tasks[:: size // SCORES]
    wanted = {task_id: 0.5 + number for number, task_id in enumerate(scored)}

    as_shipped, singles, bare, ours = [list[float]() for _ in range(4)]
    for run in range(RUNS):
        share = slice(run * SAMPLE, (run + 1) * SAMPLE)
        as_shipped.append(timed(lambda some=share: one_by_one(shipped, there, their_tasks[some])))
        singles.append(timed(lambda some=share: one_by_one(client, project, scored[some])))
        bare.append(timed(lambda run=run: bulk(client, project, wanted, f"bare {run}")))
        version = f"ours {run}"
        ours.append(
            timed(lambda version=version: finish(put_scores(client, project, version, wanted)))
        )
    own, floor = statistics.median(ours), statistics.median(bare)
    each, each_there = (statistics.median(one) * SCORES / SAMPLE for one in (singles, as_shipped))
    name = f"{SCORES:,} scores, {size:,} tasks"
    script = "one request each (sampled), Label Studio as shipped"
    return [
        figure(f"{name}: ours", own, each_there / own, script, 40),
        figure(f"{name}: ours", own, each / own, "one request each (sampled), our own server"),
        figure(f"{name}: ours", own, own / floor, "the bare bulk endpoint", 1.15, at_least=False),
        figure(f"{name}: bare bulk endpoint", floor),
    ]


def figure(
    case: str,
    seconds: float,
    ratio: float | None = None,
    against: str = "",
    goal: float | None = None,
    *,
    at_least: bool = True,
) -> Case:
    if ratio is None or goal is None:
        return Case(case, seconds, ratio, against)
    met = ratio >= goal if at_least else ratio <= goal
    return Case(case, seconds, ratio, against, f"{'>=' if at_least else '<='} {goal}", met)


def timed(call) -> float:  # type: ignore[no-untyped-def]
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def one_by_one(client: StudioClient, project_id: int, tasks: list[int]) -> None:
    for task_id in tasks:
        prediction = {"task": task_id, "score": 0.5, "model_version": "single", "result": []}
        client.create_prediction(project_id, prediction)


def bulk(client: StudioClient, project_id: int, wanted: dict[int, float], version: str) -> None:
    tasks = list(wanted)
    for start in range(0, len(tasks), BATCH):
        batch = [
            {"task": task_id, "score": wanted[task_id], "model_version": version, "result": []}
            for task_id in tasks[start : start + BATCH]
        ]
        assert client.import_predictions(project_id, batch, READ_SECONDS) == len(batch)


if __name__ == "__main__":
    main()
