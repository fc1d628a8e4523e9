"""A Label Studio as people run it themselves, which labelpilot did not start."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.studio.first_start import RUN, give, own_environment
from tests.studio.ports import free_port

START_SECONDS = 240
EMAIL, PASSWORD = "anna@example.com", "correct horse"


@dataclass(frozen=True)
class Stock:
    """A running stock server. Files below `root` can be its storages."""

    url: str
    root: Path
    legacy_token: str
    personal_token: str
    pid: int


@contextlib.contextmanager
def stock_server(folder: Path, root: Path, database: Path | None = None) -> Iterator[Stock]:
    """`label-studio start`, untuned, with legacy tokens allowed; ended when the block ends.

    It begins with a copy of the migrated `database`, if one is given.
    """
    port = free_port()
    legacy = "0123456789abcdef0123456789abcdef01234567"
    environment = own_environment(folder) | {
        "LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED": "true",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT": str(root),
        "LABEL_STUDIO_USERNAME": EMAIL,
        "LABEL_STUDIO_PASSWORD": PASSWORD,
        "LABEL_STUDIO_USER_TOKEN": legacy,
    }
    command = [sys.executable, "-c", RUN, "start"]
    command += ["--internal-host", "127.0.0.1", "--port", str(port), "--no-browser"]
    command += ["--enable-legacy-api-token"]
    folder.mkdir(parents=True, exist_ok=True)
    if database is not None:
        give(database, folder)
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process, folder / "log")
        yield Stock(url, root, legacy, _personal_token(url), process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-2000:]
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/health", timeout=5).status_code == 200:
                return
        time.sleep(0.3)
    raise AssertionError(f"Label Studio did not come up:\n{log.read_text()[-2000:]}")


def _personal_token(url: str) -> str:
    with httpx.Client(base_url=url, timeout=30) as client:
        client.get("/user/login/").raise_for_status()
        form = {"email": EMAIL, "password": PASSWORD}
        form["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
        assert client.post("/user/login/", data=form).status_code == 302
        headers = {"X-CSRFToken": client.cookies["csrftoken"]}
        return str(client.post("/api/token/", headers=headers).raise_for_status().json()["token"])
