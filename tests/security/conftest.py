"""A Label Studio of labelpilot's own, started under the worst of circumstances.

The environment is poisoned with Label Studio's settings, the first labelpilot is killed while the
server starts, and two others want it started at once. Each connection that the server opens is
written down.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from core.studio.process import LAUNCHER, read_record
from core.studio.server import server_status, stop_server
from core.workspace.settings import Workspace, load_workspace
from tests.studio.first_start import prepare

SECONDS = 400
CODESPACE = "fluffy-disco-123"
# As much of one as is looked at.
IMAGE = b"\x89PNG\r\n\x1a\nand so on"
CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image"><Choice value="a"/></Choices></View>"""
# Label Studio reads each of its settings from the bare name too.
POISON = {
    "HOST": "https://evil.example",
    "LABEL_STUDIO_HOST": "https://evil.example",
    "USERNAME": "mallory@evil.example",
    "PASSWORD": "mallorys-password",
    "USER_TOKEN": "badbadbadbadbadbadbadbadbadbadbadbadbad0",
    "SECRET_KEY": "badbadbad",
    "DEBUG": "true",
    "ALLOWED_HOSTS": "*",
    "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "false",
    "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": "/",
    "DJANGO_DB": "no-such-database",
}
# Python, with every address that is called, every name that is looked up and every file of
# labelpilot's that is read written down.
WATCHED = """#!{python}
import runpy, sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname"):
        with open({record!r}, "a") as file:
            print(event, arguments[1] if event == "socket.connect" else arguments[0], file=file)
    if event == "open" and str(arguments[0]).startswith({ours!r}):
        with open({read!r}, "a") as file:
            print(arguments[0], file=file)
sys.addaudithook(watch)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
OURS = (f"{LAUNCHER.parents[1]}{os.sep}", f"{LAUNCHER.parents[2] / 'tui'}{os.sep}")
LABELPILOT = "import sys; sys.executable = sys.argv.pop(1); from tui.cli import main; main()"


@dataclass
class Served:
    """A workspace whose server runs.

    `first` is what the starter that was killed had started, `started` what the two others say, and
    `running` the processes that ran on the workspace's data once all had ended.
    """

    root: Path
    python: Path
    calls: Path
    read: Path
    variables: dict[str, str]
    first: int = 0
    started: list[dict[str, Any]] = field(default_factory=list)
    running: list[int] = field(default_factory=list)

    @property
    def workspace(self) -> Workspace:
        return load_workspace(self.root)

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(server_status(self.workspace).pid)

    @property
    def url(self) -> str:
        url = server_status(self.workspace).url
        assert url is not None
        return url

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    @property
    def outside_calls(self) -> list[str]:
        """The addresses it called, and the names it looked up, that are not this machine's."""
        local = re.compile(r"socket\.\w+ (\(')?(localhost|127\.0\.0\.1)(', \d+\))?")
        return [call for call in self.calls.read_text().splitlines() if not local.fullmatch(call)]

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command of labelpilot's; its server runs in the Python that is watched."""
        return subprocess.Popen(
            [sys.executable, "-c", LABELPILOT, str(self.python), *arguments],
            cwd=self.root,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> Any:
        """The JSON that a command of labelpilot's prints."""
        process = self.begin(*arguments, "--json")
        out, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, err
        return json.loads(out)

    def client(self, **headers: str) -> httpx.Client:
        """A browser without cookies, on a page of the server's own."""
        headers = {"origin": self.url} | headers
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False, headers=headers)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("served")
    python, calls, read = root / "python", root / "calls", root / "read"
    calls.touch()
    watched = WATCHED.format(python=sys.executable, record=str(calls), ours=OURS, read=str(read))
    python.write_text(watched)
    python.chmod(0o755)
    (root / "data" / "images").mkdir(parents=True)
    for number in range(3):
        (root / "data" / "images" / f"{number}.png").write_bytes(IMAGE)
    (root / "config.xml").write_text(CONFIG)
    (root / "labelpilot.toml").write_text('[project]\nlabel_config = "config.xml"\n')
    clean = {name: value for name, value in os.environ.items() if "LABEL_STUDIO" not in name}
    server = Served(root, python, calls, read, clean | POISON | {"CODESPACE_NAME": CODESPACE})
    prepare(server.workspace, migrated)
    try:
        _start(server)
        yield server
        assert server.outside_calls == [], "whatever a test asked of it, it calls nobody"
    finally:
        stop_server(server.workspace)


def _start(server: Served) -> None:
    killed = server.begin("server", "start")
    assert killed.stderr is not None
    # The first line of the server's log: it runs, and is far from being up.
    assert killed.stderr.readline().startswith("server: ")
    killed.kill()
    killed.communicate()
    record = read_record(server.workspace)
    assert record is not None
    server.first = record.pid
    both = [server.begin("server", "start", "--json") for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=SECONDS)
        assert process.returncode == 0, err
        server.started.append(json.loads(out))
    folder = str(server.workspace.state.server)
    server.running = [one.pid for one in psutil.process_iter() if _is_run_on(one, folder)]


def _is_run_on(process: psutil.Process, folder: str) -> bool:
    with contextlib.suppress(psutil.Error):
        return folder in process.cmdline()
    return False
