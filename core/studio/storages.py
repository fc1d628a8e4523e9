"""The storages of a project, told apart: the workspace's own, its own whose folder has moved, and
those of others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.studio.client.storages import storage_at, storage_of
from core.studio.environment import document_root
from core.studio.identity import known_project
from core.studio.models import Storage
from core.studio.project import SOURCE_TITLE, TARGET_TITLE, OpenProject
from core.workspace.settings import Workspace


@dataclass(frozen=True, slots=True)
class Storages:
    """A project's source storages, or its target storages.

    `here` is the one for the workspace's folder, or bucket; `moved` were the workspace's, and their
    folder is gone; `others` are all other storages of local files.
    """

    here: Storage | None
    moved: tuple[Storage, ...]
    others: tuple[Storage, ...]


def source_storages(opened: OpenProject) -> Storages:
    """The project's source storages, with the one for the workspace's images."""
    found = opened.client.source_storages(opened.id)
    return _told_apart(opened, found, storage_of(found, opened.workspace.images), SOURCE_TITLE)


def target_storages(opened: OpenProject) -> Storages:
    """The project's target storages, with the one for the workspace's annotations."""
    found = opened.client.target_storages(opened.id)
    return _told_apart(
        opened, found, storage_at(found, opened.workspace.annotations.path), TARGET_TITLE
    )


def _told_apart(
    opened: OpenProject, found: Sequence[Storage], here: Storage | None, title: str
) -> Storages:
    rest = [one for one in found if one.type == "localfiles" and one is not here]
    moved = [one for one in rest if _was_ours(opened, one, title) and _is_away(opened, one)]
    others = [one for one in rest if one not in moved]
    return Storages(here, tuple(moved), tuple(others))


def _was_ours(opened: OpenProject, storage: Storage, title: str) -> bool:
    """Whether labelpilot made a storage for this workspace.

    By its number, for others may use labelpilot on the same server; but our own server is used by
    this workspace alone.
    """
    if opened.workspace.owns_server and storage.title == title:
        return True
    known = known_project(opened.workspace)
    if known is None or not known.is_of(opened.remote):
        return False
    return storage.id == (known.target_storage if storage.target else known.source_storage)


def _is_away(opened: OpenProject, storage: Storage) -> bool:
    """Whether a storage's folder is gone, or is another workspace's: ours was copied."""
    return not os.path.isdir(storage.path) or not _may_serve(opened.workspace, storage.path)


def _may_serve(workspace: Workspace, path: str) -> bool:
    return not workspace.owns_server or Path(path).is_relative_to(document_root(workspace))
