"""What a workspace wants that its user has to agree to first, each told in one place.

Work inside the workspace, on this machine, with a server of labelpilot's own is never asked about.
Each `may_...` raises NotTrusted where something is wanted that is not agreed to.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from core.workspace.addresses import crosses_in_clear, is_loopback, same_server
from core.workspace.databases import read_database
from core.workspace.settings import Workspace
from core.workspace.trust import Consent, Kind, consent_to, is_agreed, require

# The server that the user's variable for a token is for; see `core.secrets.credentials`.
SERVER_VARIABLE = "LABEL_STUDIO_URL"


def may_send_token(workspace: Workspace) -> None:
    """To send a token to a server that is not on this machine."""
    _require(_token(workspace))


def may_run_hooks(workspace: Workspace) -> None:
    """To run the hooks file in the Python that is to run it."""
    require(_hooks(workspace))


def may_load_network(workspace: Workspace) -> None:
    """To load the network that the workspace names into labelpilot itself."""
    _require(_network(workspace))


def may_reach_scheduler(workspace: Workspace) -> None:
    """To take answers from a dask scheduler; of a network that others can listen to, without
    encryption, also for a workspace that was made here."""
    _require(_scheduler(workspace))


def may_write(workspace: Workspace, path: Path) -> None:
    """To write to a path that the workspace names, and that is really outside of its folder."""
    _require(_writing(workspace, path))


def may_write_as_named(workspace: Workspace, path: Path) -> None:
    """To write to a path that the user named, or beside it, where a link in the workspace leads out
    of it."""
    if Path(os.path.abspath(path)).is_relative_to(workspace.root):
        may_write(workspace, path)


def may_start_server(workspace: Workspace) -> None:
    """To start our own Label Studio on a database of another machine, on data that labelpilot did
    not make here, or with credentials for a bucket.

    For such data a workspace that was made here is asked too: the data may have been there before.
    """
    _require(_database(workspace))
    _require(_bucket(workspace))
    _require(_server(workspace))


def wanted(workspace: Workspace) -> list[Consent]:
    """What the workspace wants, as it is now, that nobody has agreed to."""
    return [one for one in _wishes(workspace) if one is not None and not is_agreed(one)]


def _wishes(workspace: Workspace) -> Iterator[Consent | None]:
    yield _token(workspace)
    yield _database(workspace)
    yield _bucket(workspace)
    yield _server(workspace)
    yield _writing(workspace, workspace.annotations.path)
    yield _writing(workspace, workspace.annotations.dataset)
    if workspace.learning.hooks.is_file():
        yield _hooks(workspace)
    yield _network(workspace)
    yield _scheduler(workspace)
    if workspace.learning.shared is not None:
        yield _writing(workspace, workspace.learning.shared)


def _require(consent: Consent | None) -> None:
    if consent is not None:
        require(consent)


def _token(workspace: Workspace) -> Consent | None:
    url = workspace.studio.url
    if url is None or is_loopback(url) or same_server(url, os.environ.get(SERVER_VARIABLE, "")):
        return None
    return consent_to(workspace.root, "token", url)


def _database(workspace: Workspace) -> Consent | None:
    url = workspace.studio.database
    if url is None or is_loopback(f"//{read_database(url).host}"):
        return None
    return consent_to(workspace.root, "database", url)


def _bucket(workspace: Workspace) -> Consent | None:
    url = workspace.images.url
    return consent_to(workspace.root, "bucket", url) if url and workspace.owns_server else None


def _hooks(workspace: Workspace) -> Consent:
    """By where the files really are, so that a link that leads elsewhere is asked about again."""
    hooks = os.path.realpath(workspace.learning.hooks)
    python = workspace.hooks_python
    found = os.path.abspath(shutil.which(python) or python)
    return consent_to(workspace.root, "run", f"{hooks} with {found}")


def _network(workspace: Workspace) -> Consent | None:
    file = workspace.learning.model
    return consent_to(workspace.root, "network", os.path.realpath(file)) if file else None


def _scheduler(workspace: Workspace) -> Consent | None:
    address = workspace.learning.scheduler
    if not address:
        return None
    kind: Kind = "scheduler in clear" if crosses_in_clear(address) else "scheduler"
    return consent_to(workspace.root, kind, address)


def _writing(workspace: Workspace, path: Path) -> Consent | None:
    real = os.path.realpath(path)
    if Path(real).is_relative_to(os.path.realpath(workspace.root)):
        return None
    return consent_to(workspace.root, "write", real)


def _server(workspace: Workspace) -> Consent | None:
    if not workspace.owns_server or workspace.state.server_is_ours():
        return None
    return consent_to(workspace.root, "server", str(workspace.state.server))
