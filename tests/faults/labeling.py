"""Labels made in the terminal while everything around them dies: what was lost, doubled or wrong.

A hand that knows the answers labels the example's digits; its app and the server are killed again
and again, and somebody else labels over the API at the same time.

uv run python -m tests.faults.labeling [--labels 500] [--kills 5] [--bare] [--postgresql]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx
import psutil

from core.errors import LabelpilotError
from core.labeling.item import LabelItem
from core.labeling.questions import read_questions
from core.labeling.session import LabelSession
from core.labeling_config import parse_labeling_config
from core.progress import finish
from core.setup.checklist import set_up
from core.setup.demo import make_demo
from core.setup.known_classes import CLASSES_FILE
from core.studio.process import read_record
from core.studio.project import OpenProject, open_project
from core.studio.server import database, stop_server
from core.studio.starting import start_server
from core.workspace.databases import VARIABLE as PASSWORD_VARIABLE
from core.workspace.settings import Workspace, load_workspace, save_workspace
from tests.app.test_pty import Terminal
from tests.conftest import MIGRATED
from tests.faults.postgresql import PASSWORD, Cluster, a_cluster
from tests.studio.first_start import prepare
from tests.studio.labelers import Labeler, Project
from tui.screens.label.hotkeys import allot
from tui.screens.label.sight import QUESTION

PATIENCE = 600.0
# What the app shows: an image that is drawn, with its tag and size; another one, or none; an answer
# that is given; and what it says of a key that was pressed before the image was there.
NAMED = r"(digit_\d{4})\s+\S+\s+64x64"
OTHER = r"(?!{})digit_\d{{4}}\s+\S+\s+64x64|Looking for the next|Nothing is left"
TICKED = "\u2611"
TOO_EARLY = "did not count"


@dataclass
class Outcome:
    """What came of it. `labels` are those that the hand was told are kept."""

    labels: int = 0
    by_others: int = 0
    app_kills: int = 0
    server_kills: int = 0
    lost: int = 0
    doubled: int = 0
    wrong: int = 0
    touched: int = 0
    seconds: float = 0.0


def truth(workspace: Workspace, item: LabelItem) -> str:
    """What an image shows: the digit; of other pictures, what their task's number says."""
    known = workspace.root / CLASSES_FILE
    if known.exists():
        (digit,) = json.loads(known.read_text())[item.tag]
        return str(digit)
    return "ab"[item.task_id % 2]


def label_all(folder: Path, log: Path) -> None:
    """Label whatever comes, and write down each label once it is kept."""
    workspace = load_workspace(folder)
    while True:
        try:
            with open_project(workspace) as opened:
                session = LabelSession(opened)
            break
        except LabelpilotError:
            time.sleep(0.2)
    name = session.questionnaire.questions[0].name
    with session, log.open("a") as written:
        while True:
            for item in session.ahead(1):
                session.submit(item, {name: (truth(workspace, item),)}, 0.5)
                written.write(f"{item.task_id}\n")
                written.flush()
            time.sleep(0.01)


@dataclass
class Hand:
    """Somebody who labels in `folder` and knows every answer."""

    folder: Path
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None)

    def begin(self) -> None:
        arguments = [sys.executable, "-m", "tests.faults.labeling", "--hand", str(self.folder)]
        self.process = subprocess.Popen([*arguments, "--log", str(self.log)])

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(30)

    def said(self) -> list[int]:
        """The tasks that were labeled, as far as the hand was told."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [int(line) for line in lines]


class Typist:
    """As `Hand`, at the keys of the app in a terminal: it reads what is shown, and presses what
    stands beside the right answer. What was labeled is what made another image come."""

    def __init__(self, opened: OpenProject) -> None:
        self._workspace, remote = opened.workspace, opened.remote
        questionnaire = read_questions(parse_labeling_config(remote.label_config))
        self._keys = {str(press.answer): key for key, press in allot(questionnaire).items()}
        tasks = opened.client.tasks(opened.id, remote.image_key)
        self._tasks = {_tag(task.image): task.id for task in tasks}
        self._said: list[int] = []
        # What was shown when nothing came any more, and when a key was pressed last.
        self._stuck, self._moved = "", 0.0
        self._terminal: Terminal | None = None
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        folder = str(self._workspace.root)
        self._terminal = Terminal(self._workspace.root, "tui", "--workspace", folder, "label")
        self._thread = threading.Thread(target=self._type, args=(self._terminal,))
        self._thread.start()

    def kill(self) -> None:
        assert self._terminal is not None
        assert self._thread is not None
        self._terminal.process.kill()
        self._thread.join(60)
        self._terminal.close()

    def said(self) -> list[int]:
        assert not self._stuck, f"no key helps; the terminal shows:\n{self._stuck}"
        return list(self._said)

    def _type(self, terminal: Terminal) -> None:
        """Label what is shown until the app is gone."""
        self._moved = time.monotonic()
        with contextlib.suppress(OSError):
            tag = self._other(terminal, "")
            while terminal.process.poll() is None:
                digit = truth(self._workspace, LabelItem(0, tag, None, ""))
                ticked, other = re.compile(f"{TICKED} {digit}"), re.compile(OTHER.format(tag))
                while not self._presses(terminal, self._keys[digit], ticked):
                    pass
                while not self._presses(terminal, " ", other):
                    pass
                self._said.append(self._tasks[tag])
                tag = self._other(terminal, tag)

    def _presses(self, terminal: Terminal, key: str, wanted: re.Pattern[str]) -> bool:
        """Whether a key brought what is `wanted`; False where it came too early to count."""
        terminal.output, self._moved = b"", time.monotonic()
        terminal.send(key.encode())
        while not wanted.search(terminal.text):
            if TOO_EARLY in terminal.text:
                return False
            self._read(terminal)
        return True

    def _other(self, terminal: Terminal, tag: str) -> str:
        """The tag of the image that is drawn, once it is another one."""
        while not (found := re.findall(NAMED, terminal.text)) or found[-1] == tag:
            self._read(terminal)
        return str(found[-1])

    def _read(self, terminal: Terminal) -> None:
        """Take what is painted, and answer as a terminal does that is asked for its cursor."""
        if terminal.process.poll() is not None:
            raise OSError("the app is gone")
        if time.monotonic() > self._moved + PATIENCE / 5:
            self._stuck = terminal.text[-2000:]
            raise OSError("nothing comes")
        asked = terminal.output.count(QUESTION.encode())
        terminal._read(0.05)
        for _ in range(terminal.output.count(QUESTION.encode()) - asked):
            terminal.send(b"\x1b[24;80R")


def label_in_a_browser(
    person: Labeler, project: Project, ended: threading.Event, done: list[int], most: int
) -> None:
    """Label what the page gives, slowly, through whatever happens to the server, and not all."""
    while not ended.wait(0.5) and len(done) < most:
        with contextlib.suppress(httpx.HTTPError):
            if (got := person.ask(project)) is not None:
                person.label(got[0])
                done.append(got[0])


def chaos(
    workspace: Workspace,
    opened: OpenProject,
    hand: Hand | Typist,
    *,
    labels: int,
    kills: int,
    kill_server: Callable[[], None],
    start: Callable[[], object],
) -> Outcome:
    """Have the hand give so many labels, its app and the server killed so many times meanwhile."""
    began, client, outcome = time.monotonic(), opened.client, Outcome()
    tasks = tuple(task.id for task in client.tasks(opened.id, opened.remote.image_key))
    ben, ended, by_ben = Labeler(client, "ben"), threading.Event(), list[int]()
    # However long the rest takes, the hand finds enough to label.
    most = len(tasks) - 2 * labels
    arguments = (ben, Project(client, opened.id, tasks), ended, by_ben, most)
    colleague = threading.Thread(target=label_in_a_browser, args=arguments)
    colleague.start()
    hand.begin()
    try:
        for number in range(1, 2 * kills + 1):
            _until(lambda at=number: len(hand.said()) >= labels * at // (2 * kills + 1))
            if number % 2:
                hand.kill()
                outcome.app_kills += 1
                hand.begin()
            else:
                kill_server()
                outcome.server_kills += 1
                start()
        _until(lambda: len(hand.said()) >= labels)
    finally:
        ended.set()
        colleague.join(60)
        hand.kill()
    # The server is another process by now than the one that `opened` knows.
    with open_project(workspace) as now:
        _arrive(now)
        _judge(now, outcome, hand.said(), by_ben)
    outcome.seconds = round(time.monotonic() - began, 1)
    return outcome


def kill_server(workspace: Workspace, cluster: Cluster | None = None) -> None:
    """End labelpilot's own server without a word, and let so much time pass that nothing is held
    any more."""
    record = read_record(workspace)
    assert record is not None
    process = psutil.Process(record.pid)
    process.kill()
    # One that still stands there would be taken for one that runs.
    process.wait(PATIENCE)
    passed = "UPDATE tasks_tasklock SET expire_at = '2020-01-01 00:00:00+00:00'"
    if cluster is not None:
        with cluster.connect() as connection:
            connection.execute(passed)
        return
    opened = sqlite3.connect(database(workspace), timeout=60)
    with contextlib.closing(opened), opened:
        opened.execute(passed)


def _until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def _arrive(opened: OpenProject) -> None:
    """Send what the hand left behind, as the next session does."""
    with LabelSession(opened, ()) as session:
        _until(lambda: session.on_their_way == 0)
        assert not session.failed, session.failed


def _judge(
    opened: OpenProject,
    outcome: Outcome,
    said: list[int],
    by_ben: list[int],
) -> None:
    client, me = opened.client, opened.client.whoami().id
    mine: Counter[int] = Counter()
    others: Counter[int] = Counter()
    for task in client.annotated_tasks(opened.id):
        for one in task["annotations"]:
            by = one["completed_by"]
            if (by["id"] if isinstance(by, dict) else by) != me:
                others[task["id"]] += 1
                continue
            mine[task["id"]] += 1
            url = task["data"][opened.remote.image_key]
            value = one["result"][0]["value"]["choices"] if one["result"] else None
            outcome.wrong += value != [
                truth(opened.workspace, LabelItem(task["id"], _tag(url), None, url))
            ]
    outcome.labels = len(said)
    outcome.by_others = others.total()
    outcome.lost = len(set(said) - mine.keys())
    outcome.doubled = sum(count - 1 for count in mine.values()) + len(mine.keys() & others.keys())
    outcome.touched = len(set(by_ben) - others.keys()) + sum(n - 1 for n in others.values())


def _tag(url: str) -> str:
    return url.rpartition("/")[2].partition(".")[0]


@contextlib.contextmanager
def example(cluster: Cluster | None) -> Iterator[tuple[Workspace, OpenProject]]:
    """The example with all its tasks and no label, on a server of its own, its database on the
    `cluster` if there is one."""
    with tempfile.TemporaryDirectory(prefix="labelpilot-labeling-") as folder:
        os.environ["LABELPILOT_TRUST"] = os.path.realpath(folder)
        workspace = finish(make_demo(Path(folder) / "demo"))
        if cluster is not None:
            os.environ[PASSWORD_VARIABLE] = PASSWORD
            workspace = save_workspace(workspace.root, {"studio": {"database": cluster.url}})
        elif MIGRATED in os.environ:
            prepare(workspace, Path(os.environ[MIGRATED]))
        try:
            finish(set_up(workspace))
            with open_project(workspace) as opened:
                yield workspace, opened
        finally:
            stop_server(workspace)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--labels", type=int, default=500, help="How many the hand gives.")
    parser.add_argument("--kills", type=int, default=5, help="Of the app, and of the server.")
    parser.add_argument("--bare", action="store_true", help="Label without the app's screen.")
    parser.add_argument("--postgresql", action="store_true", help="The database is PostgreSQL.")
    parser.add_argument("--hand", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--log", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.hand:
        label_all(options.hand, options.log)
        return
    with contextlib.ExitStack() as stack:
        cluster = stack.enter_context(a_cluster()) if options.postgresql else None
        workspace, opened = stack.enter_context(example(cluster))
        outcome = chaos(
            workspace,
            opened,
            Hand(workspace.root, workspace.root / "said") if options.bare else Typist(opened),
            labels=options.labels,
            kills=options.kills,
            kill_server=lambda: kill_server(workspace, cluster),
            start=lambda: finish(start_server(workspace)),
        )
    print(json.dumps(asdict(outcome), indent=1))
    bad = outcome.lost + outcome.doubled + outcome.wrong + outcome.touched
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
