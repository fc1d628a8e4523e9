"""The workspace's Label Studio: where it is and how it does; our own, found again and stopped.

Ours is a process of its own in a session of its own: it goes on when the app closes, and the next
start of labelpilot finds it again.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from core.errors import ConfigurationError, LabelpilotError, StudioUnreachable
from core.masking import printable, redact
from core.own_files import open_own
from core.processes import end
from core.read_only import refuse
from core.studio.environment import server_environment
from core.studio.http import answering_version, is_healthy
from core.studio.process import LAUNCHER, living, ports_of, read_record
from core.workspace.settings import Workspace

# Until it has ended by itself, or by force.
STOP_SECONDS = 15.0
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


def log_file(workspace: Workspace) -> Path:
    """The file to which our server writes."""
    return workspace.state.logs / "label-studio.log"


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
        version = answering_version(workspace.studio.url or "")
        return ServerStatus(version is not None, workspace.studio.url, version=version)
    record = read_record(workspace)
    process = living(workspace, record)
    data_dir, log = str(workspace.state.server), str(log_file(workspace))
    if record is None or process is None:
        return ServerStatus(False, None, None, installed_version(), data_dir, log)
    current = True
    with contextlib.suppress(ConfigurationError):
        current = record.settings == settings_fingerprint(workspace, record.port)
    return ServerStatus(
        record.port in ports_of(process) and is_healthy(record.url),
        record.url,
        process.pid,
        installed_version(),
        data_dir,
        log,
        current,
    )


def server_url(workspace: Workspace) -> str:
    """The URL of the workspace's Label Studio, without asking whether it answers.

    Raises StudioUnreachable where our own server does not run.
    """
    if workspace.studio.url is not None:
        return workspace.studio.url
    record = read_record(workspace)
    if record is None or living(workspace, record) is None:
        raise StudioUnreachable(
            "Label Studio is not running.",
            next_step="Start it: `labelpilot server start`, or the Server step of the checklist.",
        )
    return record.url


def stop_server(workspace: Workspace) -> bool:
    """Stop our own Label Studio and all that it started; False if it did not run.

    Raises ConfigurationError for a server that is not ours, LabelpilotError if it does not end.
    """
    if not workspace.owns_server:
        raise ConfigurationError(
            f"The server at {workspace.studio.url} is not labelpilot's to stop.",
            next_step="Stop it where it lives.",
        )
    process = living(workspace, read_record(workspace))
    if process is None:
        return False
    refuse("labelpilot's own Label Studio")
    if not end(process, STOP_SECONDS / 2):
        raise LabelpilotError(
            f"Label Studio (process {process.pid}) does not end.",
            next_step=f"End it with `kill -9 {process.pid}`.",
        )
    return True


def log_tail(log: Path, offset: int = 0, size: int = 8192) -> list[str]:
    """The last lines of `log`, at most `size` bytes, none before `offset`; [] if it is absent.

    Secrets in them are masked, and nothing in them steers a terminal.
    """
    try:
        with open_own(log) as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(offset, end - size))
            text = file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return []
    return [line.rstrip() for line in printable(redact(text)).split("\n") if line.strip()]


def account_marker(workspace: Workspace) -> Path:
    """A file that is there once our server has made its first account."""
    return workspace.state.server / "account-made"


def database(workspace: Workspace) -> Path:
    """Our server's database."""
    return workspace.state.server / "label_studio.sqlite3"


def settings_fingerprint(workspace: Workspace, port: int) -> str:
    """A hash of what our server is started with, to see when that changes: settings, patches."""
    names = ("CODESPACE_NAME", "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN")
    codespace = {name: os.environ[name] for name in names if name in os.environ}
    settings = server_environment(workspace, port, codespace)
    begun_with = hashlib.sha256(orjson.dumps(settings, option=orjson.OPT_SORT_KEYS))
    for file in sorted(LAUNCHER.glob("*.py")):
        begun_with.update(file.read_bytes())
    return begun_with.hexdigest()
