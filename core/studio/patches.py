"""What our own Label Studio lacks: the launcher's patches that did not fit it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import orjson

from core.extras import install_extra
from core.own_files import read_own
from core.studio.process import living, read_record
from core.workspace.settings import Workspace


@dataclass(frozen=True, slots=True)
class ClosedPatch:
    """A patch that does not hold. `without` is a sentence for people: what no longer holds."""

    name: str
    without: str


# Of a server that wrote down nothing, as on a full disk.
UNKNOWN = ClosedPatch("unknown", "What labelpilot changes in Label Studio may not hold there.")


def how_to_fit() -> str:
    """What to do about it: the package names the version that the patches were tried with."""
    return f"{install_extra('studio')}, and restart the server"


def closed_patches(workspace: Workspace) -> tuple[ClosedPatch, ...]:
    """The patches that do not hold in the server that runs; none where ours does not run."""
    record = read_record(workspace)
    if not workspace.owns_server or record is None or living(workspace, record) is None:
        return ()
    try:
        content = orjson.loads(read_own(_file(workspace)))
        if content["pid"] != record.pid:
            return (UNKNOWN,)
        return tuple(
            ClosedPatch(str(one["name"]), str(one["without"])) for one in content["closed"]
        )
    except (OSError, ValueError, TypeError, KeyError):
        return (UNKNOWN,)


def _file(workspace: Workspace) -> Path:
    return workspace.state.server / "labelpilot-patches.json"
