"""Our own Label Studio: start it, find it again, watch it, stop it.

The server is a process of its own in a session of its own: it goes on when the app closes, and the
next start of labelpilot finds it through `labelpilot-server.json` in its data folder. A process is
taken for ours only if its id and its start time are the ones written there.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import importlib.util
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import orjson
import psutil

from core.credentials import find_secret, store_secret
from core.errors import ConfigurationError, LabelpilotError, StudioUnreachable
from core.files import write_at_once
from core.locks import only_one
from core.progress import Progress, Work
from core.studio.environment import document_root, server_environment
from core.workspace import Workspace

# A first start migrates an empty database: 17 to 43 s were seen on two cores, minutes on a loaded
# machine.
START_SECONDS = 300.0
STOP_SECONDS = 15.0
# How long a server that went away may take to come back.
RETURN_SECONDS = 60.0
FIRST_PORT = 8080
EMAIL = "labelpilot@localhost"


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known of the workspace's Label Studio.

    `pid`, `data_dir` and `log` are None for a server that is not ours. `settings_current` is False
    where our running server was started with other settings than the workspace asks for now.
    """

    running: bool
    url: str | None
    pid: int | None = None
    version: str | None = None
    data_dir: str | None = None
    log: str | None = None
    settings_current: bool = True

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot server status --json` prints."""
        shown = asdict(self)
        del shown["settings_current"]
        return shown


@dataclass(frozen=True, slots=True)
class _Record:
    """What `labelpilot-server.json` says of the last server that was started here."""

    pid: int
    started: float
    port: int
    settings: str


def log_file(workspace: Workspace) -> Path:
    """The file to which our server writes."""
    return workspace.logs / "label-studio.log"


def installed_version() -> str | None:
    """The version of Label Studio in labelpilot's own environment, or None.

    Read from the package's metadata: `label-studio --version` would start a server.
    """
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version("label-studio")
    return None


def server_status(workspace: Workspace) -> ServerStatus:
    """Look whether the workspace's Label Studio answers. Raises nothing for one that does not."""
    if not workspace.owns_server:
        version = _answering_version(workspace.studio.url or "")
        return ServerStatus(version is not None, workspace.studio.url, version=version)
    record = _read_record(workspace)
    process = _process(record)
    data_dir, log = str(workspace.server_folder), str(log_file(workspace))
    if record is None or process is None:
        return ServerStatus(False, None, None, installed_version(), data_dir, log)
    url = f"http://127.0.0.1:{record.port}"
    current = True
    with contextlib.suppress(ConfigurationError):
        current = record.settings == _fingerprint(workspace, record.port)
    return ServerStatus(
        is_healthy(url), url, process.pid, installed_version(), data_dir, log, current
    )


def server_url(workspace: Workspace) -> str:
    """The URL of the workspace's Label Studio, without asking whether it answers.

    Raises StudioUnreachable where our own server does not run.
    """
    if workspace.studio.url is not None:
        return workspace.studio.url
    record = _read_record(workspace)
    if record is None or _process(record) is None:
        raise StudioUnreachable(
            "Label Studio is not running.",
            next_step="Start it: `labelpilot server start`, or the Server step of the checklist.",
        )
    return f"http://127.0.0.1:{record.port}"


def start_server(workspace: Workspace) -> Work[ServerStatus]:
    """Start our own Label Studio, or find the one that runs, and wait until it answers.

    A server whose settings are no longer the workspace's is restarted. Progress counts seconds and
    carries the last line of the server's log. Raises ConfigurationError where Label Studio is not
    installed or its document root would be too wide, StudioUnreachable where it does not come up;
    a server that did not come up is ended.
    """
    if not workspace.owns_server:
        raise ConfigurationError(
            f"The server at {workspace.studio.url} is not labelpilot's to start.",
            next_step="Start it where it lives, or remove `url` under [studio] in labelpilot.toml.",
        )
    if importlib.util.find_spec("label_studio") is None:
        raise ConfigurationError(
            "Label Studio is not installed beside labelpilot.",
            next_step="Install it with `pip install 'labelpilot[studio]'`, or name your server's "
            "`url` under [studio] in labelpilot.toml.",
        )
    document_root(workspace)
    with only_one(workspace, "server", wait=START_SECONDS):
        status = server_status(workspace)
        if status.running and status.settings_current:
            return status
        if status.pid is not None:
            stop_server(workspace)
        status = yield from _start(workspace)
        return status


def _start(workspace: Workspace) -> Work[ServerStatus]:
    former = _read_record(workspace)
    port = _free_port([former.port] if former is not None else [])
    folder, log = workspace.server_folder, log_file(workspace)
    for path in (folder, log.parent):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.chmod(0o700)
    environment = server_environment(workspace, port, os.environ, _first_account(workspace))
    launcher = Path(__file__).with_name("launcher.py")
    command = [sys.executable, str(launcher), "start", "--internal-host", "127.0.0.1"]
    command += ["--port", str(port), "--no-browser"]
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as output:
        offset = output.tell()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    up = False
    try:
        record = _Record(
            process.pid,
            psutil.Process(process.pid).create_time(),
            port,
            _fingerprint(workspace, port),
        )
        write_at_once(_record_file(workspace), orjson.dumps(asdict(record)), mode=0o600)
        yield from _wait_until_up(process, f"http://127.0.0.1:{port}", log, offset)
        up = True
    finally:
        if not up:
            _end(process.pid)
            process.wait(STOP_SECONDS)
    return server_status(workspace)


def _wait_until_up(
    process: subprocess.Popen[bytes], url: str, log: Path, offset: int
) -> Work[None]:
    began, shown = time.monotonic(), ""
    while not (is_healthy(url) and _listens(process.pid, url)):
        elapsed = time.monotonic() - began
        tail = log_tail(log, offset)
        if process.poll() is not None:
            raise StudioUnreachable(
                f"Label Studio ended while it started (exit code {process.returncode}).",
                cause="\n".join(tail[-5:]),
                next_step=f"Its whole story is in {log}.",
            )
        if elapsed > START_SECONDS:
            raise StudioUnreachable(
                f"Label Studio did not answer within {START_SECONDS:.0f} seconds.",
                cause="\n".join(tail[-5:]),
                next_step=f"Its whole story is in {log}; try again.",
            )
        line = tail[-1] if tail else ""
        yield Progress("server", int(elapsed), None, "" if line == shown else line)
        shown = line
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.25)


def stop_server(workspace: Workspace) -> bool:
    """Stop our own Label Studio; False if it did not run.

    Raises ConfigurationError for a server that is not ours, LabelpilotError if it does not end.
    """
    if not workspace.owns_server:
        raise ConfigurationError(
            f"The server at {workspace.studio.url} is not labelpilot's to stop.",
            next_step="Stop it where it lives.",
        )
    process = _process(_read_record(workspace))
    if process is None:
        return False
    _end(process.pid)
    if not _gone(process, STOP_SECONDS):
        raise LabelpilotError(
            f"Label Studio (process {process.pid}) does not end.",
            next_step=f"End it with `kill -9 {process.pid}`.",
        )
    return True


def log_tail(log: Path, offset: int = 0, size: int = 8192) -> list[str]:
    """The last lines of `log`, at most `size` bytes, none before `offset`; [] if it is absent."""
    try:
        with open(log, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(offset, end - size))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def is_healthy(url: str, timeout: float = 5.0) -> bool:
    """Whether a Label Studio answers at `url`."""
    import httpx

    try:
        response = httpx.get(f"{url}/health", timeout=timeout, trust_env=not is_loopback(url))
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return bool(response.status_code == 200)


def wait_for_server(url: str, progress: Progress) -> Work[None]:
    """Wait until the server at `url` answers again, showing `progress` meanwhile.

    Raises StudioUnreachable if it stays away.
    """
    began = time.monotonic()
    while not is_healthy(url):
        if time.monotonic() - began > RETURN_SECONDS:
            raise StudioUnreachable(
                f"Label Studio at {url} went away and did not come back within "
                f"{RETURN_SECONDS:.0f} seconds.",
                cause="What is done stays.",
                next_step="Start it, and run this again: it goes on from there.",
            )
        yield replace(progress, note="waiting for Label Studio to come back")
        time.sleep(0.5)


def is_loopback(url: str) -> bool:
    """Whether `url` is on this machine, so that no proxy of the environment stands between."""
    import httpx

    try:
        host = httpx.URL(url).host
    except httpx.InvalidURL:
        return False
    return bool(host in ("localhost", "::1") or host.startswith("127."))


def _answering_version(url: str) -> str | None:
    import httpx

    try:
        response = httpx.get(f"{url}/api/version", timeout=5.0, trust_env=not is_loopback(url))
        return str(response.json()["release"]) if response.status_code == 200 else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError):
        return "unknown" if is_healthy(url) else None


def _first_account(workspace: Workspace) -> tuple[str, str] | None:
    """The account that the server is to make, stored before it does; None once a token exists."""
    if find_secret(workspace, "password") and (workspace.server_folder / "account-made").exists():
        return None
    if not find_secret(workspace, "password"):
        store_secret(workspace, "password", secrets.token_urlsafe(18))
    password = find_secret(workspace, "password")
    assert password is not None
    return EMAIL, password.value


def _fingerprint(workspace: Workspace, port: int) -> str:
    """A hash of the settings that our server is started with, to see when they change."""
    settings = server_environment(workspace, port, {**_codespace()})
    return hashlib.sha256(orjson.dumps(settings, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _codespace() -> dict[str, str]:
    names = ("CODESPACE_NAME", "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN")
    return {name: os.environ[name] for name in names if name in os.environ}


def _record_file(workspace: Workspace) -> Path:
    return workspace.server_folder / "labelpilot-server.json"


def _read_record(workspace: Workspace) -> _Record | None:
    try:
        return _Record(**orjson.loads(_record_file(workspace).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _process(record: _Record | None) -> psutil.Process | None:
    """The living process of `record`: same id and same start time."""
    if record is None:
        return None
    try:
        process = psutil.Process(record.pid)
        same = abs(process.create_time() - record.started) < 1.0
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None


def _listens(pid: int, url: str) -> bool:
    """Whether the process listens on the URL's port itself: another server may have taken it."""
    port = int(url.rsplit(":", 1)[1])
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections)


def _free_port(preferred: list[int]) -> int:
    for port in [*preferred, *range(FIRST_PORT, FIRST_PORT + 200)]:
        # On every address: Label Studio takes a port for busy if anything answers on localhost.
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
            return int(port)
    raise LabelpilotError(
        f"No port between {FIRST_PORT} and {FIRST_PORT + 199} is free for Label Studio.",
        next_step="End a server that you do not need.",
    )


def _end(pid: int) -> None:
    """End a server and what it started: ask first, then insist."""
    try:
        process = psutil.Process(pid)
        os.killpg(pid, signal.SIGTERM)
        if not _gone(process, STOP_SECONDS / 2):
            os.killpg(pid, signal.SIGKILL)
    except (psutil.Error, ProcessLookupError):
        return


def _gone(process: psutil.Process, seconds: float) -> bool:
    with contextlib.suppress(psutil.TimeoutExpired):
        process.wait(seconds)
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
