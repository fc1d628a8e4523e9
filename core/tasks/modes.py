"""Which way a project's images become tasks, and that the other way stays shut.

Tasks that Label Studio's own sync made are linked to its storage; imported ones are not, and its
sync makes each of them a second time. So the mode is read off the tasks that are there, from the
first one on, and the storage is set so that it cannot be mistaken.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from core.errors import ConfigurationError
from core.studio.models import Storage
from core.tasks.options import Mode
from core.tasks.proof import Proof
from core.tasks.session import Session, known_root
from core.words import count
from core.workspace.settings import Images, Workspace

Held = Literal["none", "bulk", "native", "mixed"]


def held_mode(session: Session, proof: Proof) -> Held:
    """How the tasks of the image folder came to be.

    Tasks of other places, uploaded ones for example, do not count: no sync of this folder doubles
    them.
    """
    if not proof.own_tasks:
        return "none"
    if not session.storage.synchronizable:
        # Imported, or made by its own sync and re-pointed since.
        return "bulk"
    linked = session.linked_tasks()
    if not linked:
        return "bulk"
    return "native" if linked >= proof.own_tasks else "mixed"


def choose_mode(workspace: Workspace, held: Held, wanted: Mode | None, proof: Proof) -> Mode:
    """The mode of this project, or the one `wanted` for where it has no task of the folder yet.

    Raises ConfigurationError where the project has the other mode, or images are missing and its
    tasks were made in both.
    """
    if held == "none":
        return wanted or ("bulk" if workspace.owns_server else "native")
    if held == "mixed":
        if proof.missing and wanted != "bulk":
            raise ConfigurationError(
                f"{count(len(proof.missing), 'image')} must become tasks yet, and the project's "
                "tasks were made in two ways.",
                cause="Some came from Label Studio's own sync; others were imported, and its sync "
                "would make those a second time.",
                next_step="Run `labelpilot sync --mode bulk`: it imports what is missing, and sets "
                "the storage to refuse Label Studio's own sync from now on.",
            )
        return "bulk"
    if wanted is not None and wanted != held:
        reason = {
            "bulk": "Its tasks were imported; Label Studio's own sync would make each of them "
            "a second time.",
            "native": "Its tasks came from Label Studio's own sync, which would make the ones "
            "imported now a second time.",
        }
        raise ConfigurationError(
            f"This project's images are synced in {held} mode, and stay so.",
            cause=reason[held],
            next_step=f"Run `labelpilot sync --mode {held}`, or make a new project.",
        )
    return held


def refuse_rivals(images: Images, storage: Storage, storages: Iterable[Storage]) -> None:
    """Raise ConfigurationError where another storage's sync would make the same tasks again."""
    for other in storages:
        if other.id != storage.id and other.synchronizable and _covers(other, images):
            raise ConfigurationError(
                f"Another source storage of this project covers the same folder: {other.title!r}, "
                f"number {other.id}.",
                cause=f"{other.path} is synced on its own, which makes every task a second time.",
                next_step="Remove one of the two in the project's Settings, Cloud Storage: tasks "
                "stay as they are.",
            )


def storage_fields(images: Images) -> dict[str, object]:
    """What a storage must say, in Label Studio's names, to take the manifest's very files."""
    return {
        "regex_filter": images.pattern,
        "recursive_scan": images.recursive,
        "use_blob_urls": True,
    }


def fit_storage(session: Session, mode: Mode) -> None:
    """Set the storage to refuse Label Studio's own sync, or to take the manifest's very files."""
    storage = session.storage
    wanted: dict[str, object] = {"synchronizable": mode == "native"}
    if mode == "native":
        wanted |= storage_fields(session.workspace.images)
    has = {
        "synchronizable": storage.synchronizable,
        "regex_filter": storage.pattern,
        "recursive_scan": storage.recursive,
        "use_blob_urls": storage.source_files,
    }
    if not wanted.items() <= has.items():
        session.client.update_storage(storage, wanted)


def served_root(session: Session) -> Path:
    """The folder to which the server's file URLs are relative.

    Ours is known. Another server tells it when it refuses a path: a storage may not be that folder
    itself or lie outside. Raises ConfigurationError where it does not tell.
    """
    known = known_root(session.workspace)
    if known is not None:
        return known
    root = session.client.document_root(session.project_id)
    if root is None or not session.folder.is_relative_to(root):
        raise ConfigurationError(
            "It cannot be found out below which folder this Label Studio serves files.",
            next_step="Use its own sync: `labelpilot sync --mode native`.",
        )
    return Path(root)


def _covers(other: Storage, images: Images) -> bool:
    """Whether a storage of local files takes files of the image folder."""
    if other.type != "localfiles" or not other.path:
        return False
    here = Path(other.path)
    return (
        here == images.path
        or (other.recursive and images.path.is_relative_to(here))
        or (images.recursive and here.is_relative_to(images.path))
    )
