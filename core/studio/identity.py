"""Which project is the workspace's, and what proves it.

A title proves nothing, for anybody can give it, and a number alone neither, for a server can be
replaced by another. So `.labelpilot/project.json` keeps, for each server, the number of the project
and the moment at which the server made it, which nobody can change; further the numbers of the
storages that labelpilot made, which are ours wherever their folders move. It is a belief that is
checked each time: without the file, a project that holds the workspace's folders is found too.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from core.errors import LabelpilotError
from core.files import read_at_most, write_at_once
from core.labeling_config import fingerprint
from core.studio.models import RemoteProject, Storage
from core.workspace.settings import Workspace
from core.workspace.state import State

_MAX_BYTES = 100_000


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the workspace's project on its server.

    `created` is when the server made it; `title` is what labelpilot.toml called it then; `config`
    is the fingerprint of the labeling config that the workspace and the project last agreed on;
    `root` is where the workspace lay.
    """

    id: int
    created: str
    title: str
    config: str = ""
    source_storage: int = 0
    target_storage: int = 0
    root: str = ""

    def is_of(self, project: RemoteProject) -> bool:
        """Whether it speaks of this very project."""
        return (self.id, self.created) == (project.id, project.created)


def known_project(workspace: Workspace) -> Known | None:
    """What is known of the workspace's project on its server, or None.

    Nothing is where this is a copy of a workspace that still lies where it lay: the project is that
    one's.
    """
    try:
        known = Known(**_read(workspace)[_server(workspace)])
    except (KeyError, TypeError):
        return None
    numbers = (known.id, known.source_storage, known.target_storage)
    words = (known.created, known.title, known.config, known.root)
    if not all(type(one) is int for one in numbers) or not all(type(one) is str for one in words):
        # The file may be somebody else's work.
        return None
    lay = Path(known.root or workspace.root)
    is_copy = lay != workspace.root and os.path.exists(_file(lay))
    return None if is_copy else known


def remember(
    workspace: Workspace,
    project: RemoteProject,
    *,
    config: str = "",
    source: Storage | None = None,
    target: Storage | None = None,
) -> None:
    """Keep that `project` is the workspace's, and what else is given of it.

    Raises nothing: what cannot be kept is found by the project's storages again.
    """
    former = known = known_project(workspace)
    if known is None or not known.is_of(project):
        known = Known(project.id, project.created, workspace.project.title)
    changes: dict[str, Any] = {"title": workspace.project.title, "root": str(workspace.root)}
    changes |= {"config": fingerprint(config)} if config else {}
    changes |= {"source_storage": source.id} if source is not None else {}
    changes |= {"target_storage": target.id} if target is not None else {}
    known = replace(known, **changes)
    if known == former:
        return
    kept = {**_read(workspace), _server(workspace): asdict(known)}
    with contextlib.suppress(LabelpilotError):
        workspace.state.make()
        write_at_once(_file(workspace.root), orjson.dumps(kept, option=orjson.OPT_INDENT_2))


def _server(workspace: Workspace) -> str:
    """The server's name in the file: its address, or the database of our own."""
    return workspace.studio.url or workspace.studio.database or "own"


def _file(root: Path) -> Path:
    return State(root).folder / "project.json"


def _read(workspace: Workspace) -> Mapping[str, Any]:
    try:
        file = _file(workspace.root)
        content = orjson.loads(read_at_most(file, _MAX_BYTES, "What is known of the project"))
    except (LabelpilotError, orjson.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}
