"""A real Label Studio of labelpilot's own to do harm to, and the truth about what is in it.

What was lost or doubled is read from the server's own database file, past everything that
labelpilot believes.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import unquote

import psutil

from core.progress import finish
from core.secrets.credentials import find_secret
from core.studio import environment
from core.studio.client import StudioClient
from core.studio.server import server_status, server_url, stop_server
from core.studio.starting import start_server
from core.studio.tokens import make_token
from core.tasks.options import Mode
from core.workspace.databases import VARIABLE as PASSWORD_VARIABLE
from core.workspace.settings import Workspace, load_workspace
from tests.faults.postgresql import PASSWORD, Cluster
from tests.studio.first_start import prepare

# What the bucket's server takes: anything.
SECRETS = {"AWS_ACCESS_KEY_ID": "a key", "AWS_SECRET_ACCESS_KEY": "a secret"}
CONFIG = """<View>
  <Image name="image" value="$image"/>
  <Choices name="label" toName="image" choice="multiple">
    <Choice value="cat"/><Choice value="dog"/>
  </Choices>
</View>
"""
CAT = [
    {
        "from_name": "label",
        "to_name": "image",
        "type": "choices",
        "value": {"choices": ["cat"]},
    }
]
DISK = "size=160m"


@dataclass
class FaultServer:
    """A workspace with its running server, on SQLite or on a PostgreSQL `cluster`.

    `own_disk` says whether a SQLite database has a small disk of its own. `s3` is the address of
    the buckets that the server knows.
    """

    root: Path
    own_disk: bool
    cluster: Cluster | None = None
    s3: str = ""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def workspace(self) -> Workspace:
        return load_workspace(self.root)

    @property
    def url(self) -> str:
        return server_url(self.workspace)

    @property
    def token(self) -> str:
        secret = find_secret(self.workspace, "token")
        assert secret is not None
        return secret.value

    @property
    def database(self) -> Path:
        return self.workspace.state.server / "label_studio.sqlite3"

    def client(self) -> StudioClient:
        return StudioClient(self.url, self.token)

    def select(self, query: str, number: int) -> list[tuple[Any, ...]]:
        """The rows of a query with one number in it, past Label Studio."""
        if self.cluster is not None:
            with self.cluster.connect() as connection:
                return connection.execute(query.replace("?", "%s"), (number,)).fetchall()
        read_only = f"file:{self.database}?mode=ro"
        with contextlib.closing(sqlite3.connect(read_only, uri=True, timeout=60)) as database:
            return database.execute(query, (number,)).fetchall()

    def toml(self, images: str = "data/first", project: str = "") -> None:
        """Write the workspace's own file."""
        studio = "" if self.cluster is None else f'[studio]\ndatabase = "{self.cluster.url}"\n'
        self.root.joinpath("labelpilot.toml").write_text(
            f'{studio}[images]\npath = "{images}"\npattern = ".*\\\\.png"\n{project}'
        )

    def start(self) -> None:
        variables = {PASSWORD_VARIABLE: PASSWORD} if self.cluster else {}
        # The address of a bucket on this machine can come by the environment only.
        variables |= {"S3_ENDPOINT": self.s3, **SECRETS} if self.s3 else {}
        passed_on = [*environment.PASSED_ON, "S3_ENDPOINT", *SECRETS]
        with (
            mock.patch.dict(os.environ, variables),
            mock.patch.object(environment, "PASSED_ON", passed_on),
        ):
            finish(start_server(self.workspace))

    def kill_server(self) -> None:
        """SIGKILL, to the server and all that it started."""
        pid = server_status(self.workspace).pid
        assert pid is not None
        os.killpg(pid, signal.SIGKILL)
        psutil.Process(pid).wait(30)

    def case(self, images: int, mode: Mode) -> Case:
        """A new project with a storage for a new folder of `images` empty files."""
        name = f"case{next(self.numbers):03}"
        folder = self.root / "data" / name
        folder.mkdir(parents=True)
        case = Case(self, name, folder, mode)
        case.add(images)
        with contextlib.closing(self.client()) as client:
            case.project_id = client.create_project(f"project {name}").id
            client.update_project(case.project_id, {"label_config": CONFIG})
            case.storage_id = client.create_source_storage(
                case.project_id,
                {
                    "title": "images",
                    "path": str(folder),
                    "regex_filter": r".*\.png",
                    "use_blob_urls": True,
                    "synchronizable": mode == "native",
                },
            ).id
        return case


@dataclass
class Case:
    """A project on the server, and its folder of images."""

    server: FaultServer
    name: str
    folder: Path
    mode: Mode
    project_id: int = 0
    storage_id: int = 0

    def add(self, count: int) -> None:
        """Add `count` images to the folder."""
        there = sum(1 for _ in self.folder.iterdir())
        for number in range(there, there + count):
            (self.folder / f"img {number:06}.png").touch()

    def write(self, url: str, name: str = "here") -> Path:
        """Make a workspace for this case's project on the server at `url`."""
        root = self.server.root / "workspaces" / f"{self.name}-{name}"
        root.mkdir(parents=True, exist_ok=True)
        root.joinpath("labelpilot.toml").write_text(
            f'[studio]\nurl = "{url}"\n'
            f'[images]\npath = "{self.folder}"\npattern = ".*\\\\.png"\n'
            f'[project]\ntitle = "project {self.name}"\nid = {self.project_id}\n'
        )
        return root

    def workspace(self, url: str, name: str = "here") -> Workspace:
        return load_workspace(self.write(url, name))

    def own_workspace(self) -> Workspace:
        """The workspace whose server this is, turned to this case."""
        project = f'[project]\ntitle = "project {self.name}"\nid = {self.project_id}\n'
        self.server.toml(f"data/{self.name}", project)
        return self.server.workspace

    def task_ids(self) -> list[int]:
        """The ids of the project's tasks, by the database, rising."""
        query = "select id from task where project_id = ? order by id"
        return [number for (number,) in self.server.select(query, self.project_id)]

    def task_count(self) -> int:
        return len(self.task_ids())

    def tally(self, annotations: list[int] | None = None) -> Tally:
        """What the database holds, against the files that are there and what was annotated."""
        there = {path.name for path in self.folder.iterdir()}
        data = self.server.select("select data from task where project_id = ?", self.project_id)
        kept = self.server.select(
            "select c.id from task_completion c join task t on c.task_id = t.id "
            "where t.project_id = ?",
            self.project_id,
        )
        counts = Counter(_name(item) for (item,) in data)
        return Tally(
            lost=len(there - counts.keys()),
            doubled=sum(count - 1 for count in counts.values()),
            annotations_lost=len(set(annotations or ()) - {number for (number,) in kept}),
        )


@dataclass
class Tally:
    """Counts that must all be zero."""

    lost: int = 0
    doubled: int = 0
    annotations_lost: int = 0

    def __iadd__(self, other: Tally) -> Tally:
        self.lost += other.lost
        self.doubled += other.doubled
        self.annotations_lost += other.annotations_lost
        return self


def _name(data: Any) -> str:
    """The file's name in a task's data."""
    values = json.loads(data) if isinstance(data, str) else data
    return unquote(next(iter(values.values()))).rpartition("/")[2]


@contextlib.contextmanager
def fault_server(
    root: Path,
    *,
    small_disk: bool = True,
    database: Path | None = None,
    cluster: Cluster | None = None,
    s3: str = "",
) -> Iterator[FaultServer]:
    """A server below `root`, its database on a small disk of its own if asked and allowed.

    It begins with a copy of the migrated `database`, if one is given.
    """
    root.joinpath("data").mkdir(parents=True)
    root.joinpath("data/first").mkdir()
    root.joinpath("labeling").mkdir()
    root.joinpath("labeling/project_config.xml").write_text(CONFIG)
    FaultServer(root, False, cluster).toml()
    workspace = load_workspace(root)
    workspace.state.make()
    workspace.state.server.mkdir(mode=0o700)
    own_disk = small_disk and cluster is None and _mount(workspace.state.server)
    prepare(workspace, database)
    server = FaultServer(root, own_disk, cluster, s3)
    try:
        server.start()
        make_token(workspace)
        yield server
    finally:
        stop_server(server.workspace)
        if own_disk:
            subprocess.run(["umount", "-l", str(workspace.state.server)], check=False)


def _mount(folder: Path) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", DISK, "tmpfs", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
