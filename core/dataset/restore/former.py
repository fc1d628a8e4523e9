"""Files of another server in the annotation folder: none is written over, and none counts twice.

A file whose label is not in the project is set aside by its name: the export reads it, and no
server has a number like it. One whose label is in the project again, in a file of its own, goes to
the hidden folder `.former`, which nothing reads and nothing empties.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from core.dataset.reading.folder import FORMER
from core.dataset.restore.found import Found
from core.dataset.restore.lacking import Lacking, find_lacking, not_labels
from core.errors import LabelpilotError
from core.files import sha256_of
from core.progress import Progress, Work
from core.studio.project import OpenProject
from core.words import count
from core.workspace.consents import may_write
from core.workspace.settings import Workspace

SUPERSEDED = ".former"


def keep_clear(opened: OpenProject) -> Work[None]:
    """Before a server gets the annotation folder that would write over what lies there: set aside
    all files that are not its own. labelpilot's own server does so by itself, file by file."""
    folder = opened.workspace.annotations.path
    if not folder.is_dir() or opened.client.takes_labels_back(opened.id):
        return
    may_write(opened.workspace, folder)
    lacking = yield from find_lacking(opened, closely=True)
    own = {found.path for found in lacking.comparison.live + lacking.deleted}
    ignored = not_labels(opened.workspace)
    others = [
        path
        for path in sorted(folder.iterdir())
        if path.name[0] != "." and path.name not in ignored and path not in own and path.is_file()
    ]
    if others:
        name = opened.workspace.relative(folder)
        note = f"{count(len(others), 'file')} of another server in {name}: set aside, so that none"
        yield Progress("target-storage", note=f"{note} is written over")
    for path in others:
        _set_aside(path)


def set_others_aside(workspace: Workspace, lacking: Lacking) -> dict[Path, Path]:
    """Before a server writes that would write over them: all files that are not its own.

    Returns where each lies now.
    """
    folder, one = workspace.annotations.path, lacking.comparison
    may_write(workspace, folder)
    others = [found for _, found in one.missing] + [found for found, _ in one.equal]
    paths = {found.path for found in others + one.conflicts + lacking.unplaced}
    return {path: _set_aside(path) for path in paths if path.parent == folder}


def settle(
    workspace: Workspace, lacking: Lacking, ids: Sequence[int], moved: Mapping[Path, Path]
) -> None:
    """Leave each label in the annotation folder once: in its own file, or in one set aside.

    `ids` are the numbers of what was missing; `moved` says where files lie since they were read.
    """
    one = lacking.comparison
    # Found -> its number in the project; 0 for what is not there.
    numbers = [(found, found.number or 0) for found in one.live] + one.equal
    numbers += [(found, ids[row]) for row, (_, found) in enumerate(one.missing)]
    numbers += [(found, 0) for found in one.conflicts + lacking.unplaced]
    by_path: dict[Path, list[tuple[Found, int]]] = {}
    for found, number in numbers:
        if found.path.parent == workspace.annotations.path:
            by_path.setdefault(found.path, []).append((found, number))
    for found in lacking.deleted:
        by_path.pop(found.path, None)
    for path, held in by_path.items():
        own = [_own_file(path.parent, found, number) for found, number in held]
        if all(file == path for file in own):
            continue
        if all(file is not None for file in own):
            _put_away(moved.get(path, path))
        else:
            _set_aside(moved.get(path, path))


def _own_file(folder: Path, found: Found, number: int) -> Path | None:
    """The file in which this server keeps what was found, in either shape; None without one."""
    names = (str(number), f"{found.task_number}.json") if number else ()
    return next((folder / name for name in names if (folder / name).exists()), None)


def _set_aside(path: Path) -> Path:
    """Rename the file, so that no server's file is called like it; returns where it is."""
    return path if path.name.startswith(FORMER) else _move(path, path.parent)


def _put_away(path: Path) -> None:
    """Move the file, whose label is in the project, out of what is read."""
    _move(path, path.parent / SUPERSEDED)


def _move(path: Path, folder: Path) -> Path:
    """Move the file by what it holds: two files have one name there only if they are the same."""
    try:
        name = path.name
        if not name.startswith(FORMER):
            name = f"{FORMER}{name}-{sha256_of(path)[:8]}"
        folder.mkdir(exist_ok=True)
        os.replace(path, folder / name)
    except FileNotFoundError:
        # The server has set it aside meanwhile.
        return path
    except OSError as error:
        raise LabelpilotError(
            f"{path} could not be set aside; it is as it was.",
            cause=error.strerror or str(error),
            next_step="Fix the folder's rights, and do it again.",
        ) from None
    return folder / name
