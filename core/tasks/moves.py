"""Images that moved: tasks whose file is gone, and the image that each of them is by now.

A task keeps its label where its image is found again beyond doubt: its file is gone, and of the
images that are no task yet one alone has its file's name, or ends in more of its path than any
other, and answers to no other such task as well. A task whose file is gone for good is told, and
never changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import ConfigurationError
from core.images import ImagePaths, is_local_file, served_path, url_maker
from core.labeling_config import UNDEFINED_KEY
from core.progress import Progress, Work
from core.studio.models import Task
from core.tasks.lease import Lease
from core.tasks.manifest import Manifest
from core.tasks.modes import fit_storage, served_root
from core.tasks.session import Session
from core.words import count

# Tasks that are changed by one request, where the server can.
BATCH = 1000
# Of more files with one name, none is told from the others.
MOST_NAMESAKES = 1000


@dataclass(frozen=True, slots=True)
class Moves:
    """What became of the tasks whose file is gone.

    `found` is task id -> its image by now, `doubtful` are the ids of tasks that may be one of
    several images, and `gone` of those that are none.
    """

    found: Mapping[int, str]
    doubtful: tuple[int, ...]
    gone: tuple[int, ...]


def find_moves(tasks: Iterable[Task], manifest: Manifest, root: Path | None) -> Moves:
    """Tell what became of each task whose file is gone. Changes nothing.

    `tasks` are all of the project. `root` is the folder to which the server's file
    URLs are relative; where it is None, only tasks of the image folder are judged.
    """
    free = dict.fromkeys(manifest.paths)
    found: dict[int, str] = {}
    lost: dict[int, str] = {}
    paths = ImagePaths(manifest.folder)
    for task in tasks:
        number, url = task.id, task.image
        inside = paths.inside(url)
        served = root / served_path(url) if root is not None and is_local_file(url) else None
        stale = served is not None and inside in free and served != manifest.folder / inside
        if inside is not None and inside in free and not (stale and _is_gone(served)):
            free.pop(inside)
        elif inside is not None and stale:
            # The server shows another folder's files: the path within the folder is the same.
            found[number] = inside
        elif file := served or (manifest.folder / inside if inside is not None else None):
            elsewhere = manifest.folder / inside if inside is not None else file
            if _is_gone(file) and _is_gone(elsewhere):
                lost[number] = inside if inside is not None else served_path(url)
    for inside in found.values():
        free.pop(inside, None)
    return _matched(found, lost, free)


def follow_moves(session: Session, manifest: Manifest, lease: Lease) -> Work[Moves]:
    """Re-point the tasks whose images are found again, and tell of the others.

    Label Studio's own sync would make tasks of those images once more, so that the storage refuses
    it from then on.
    """
    try:
        root = served_root(session)
    except ConfigurationError:
        # Where the server does not tell, what it would look for is not known.
        return Moves({}, (), ())
    yield Progress("look", 0, None, "looking for images that have moved")
    with (yield from session.tasks("look")) as known:
        moves = find_moves(known.tasks(), manifest, root)
    if not moves.found:
        return moves
    fit_storage(session, "bulk")
    tasks = session.client.task_data(session.project_id, list(moves.found))
    made, changed = url_maker(manifest.folder, root), {}
    for number, data in tasks.items():
        key = session.image_key if session.image_key in data else UNDEFINED_KEY
        # A server that knows its own address names it before the path.
        host = "/".join(data[key].split("/")[:3]) if "://" in data[key] else ""
        changed[number] = {**data, key: host + made(moves.found[number])}
    yield from _change(session, lease, changed)
    note = f"{count(len(changed), 'task')} taken along with images that have moved"
    yield Progress("moves", len(changed), len(changed), note)
    return moves


def _change(session: Session, lease: Lease, changed: Mapping[int, Mapping[str, Any]]) -> Work[None]:
    """Give tasks their new data, many at once where the server can."""
    client, numbers = session.client, list(changed)
    at_once, done = session.workspace.owns_server, 0
    while done < len(numbers):
        yield Progress("moves", done, len(numbers))
        lease.keep()
        batch = {number: changed[number] for number in numbers[done : done + BATCH]}
        at_once = at_once and client.update_many(session.project_id, batch)
        if not at_once:
            first = numbers[done]
            batch = {first: changed[first]}
            client.update_task(first, {"data": changed[first]})
        done += len(batch)


def _matched(found: dict[int, str], lost: Mapping[int, str], free: Iterable[str]) -> Moves:
    """Match lost tasks with the images that are no task."""
    names = {os.path.basename(path) for path in lost.values()}
    images: dict[str, list[str]] = {}
    for path in free:
        if (name := os.path.basename(path)) in names:
            images.setdefault(name, []).append(path)
    tasks: dict[str, list[int]] = {}
    for number, path in lost.items():
        tasks.setdefault(os.path.basename(path), []).append(number)
    doubtful: list[int] = []
    gone: list[int] = []
    for name, numbers in tasks.items():
        candidates = images.get(name, [])
        if not candidates:
            gone += numbers
            continue
        few = len(numbers) <= MOST_NAMESAKES and len(candidates) <= MOST_NAMESAKES
        paths = {number: lost[number] for number in numbers}
        sure = _pairs(paths, candidates) if few else {}
        found |= sure
        doubtful += [number for number in numbers if number not in sure]
    return Moves(found, tuple(doubtful), tuple(gone))


def _pairs(lost: Mapping[int, str], candidates: Iterable[str]) -> dict[int, str]:
    """The tasks and images of one name of which each is the other's best, and alone in that."""
    shared = {(n, c): _common_end(path, c) for n, path in lost.items() for c in candidates}
    best_image = _best((number, image, ends) for (number, image), ends in shared.items())
    best_task = _best((image, number, ends) for (number, image), ends in shared.items())
    return {
        number: image
        for number, image in best_image.items()
        if image is not None and best_task[image] == number
    }


def _best(scores: Iterable[tuple[Any, Any, int]]) -> dict[Any, Any]:
    """Of each first, the second with the highest score; None where several have it."""
    best: dict[Any, tuple[Any, int]] = {}
    for one, other, score in scores:
        former = best.get(one, (None, -1))
        if score >= former[1]:
            best[one] = (other if score > former[1] else None, score)
    return {one: other for one, (other, _) in best.items()}


def _common_end(one: str, other: str) -> int:
    """How many parts of two paths, from the last one on, are the same."""
    pairs = zip(reversed(one.split("/")), reversed(other.split("/")), strict=False)
    count = 0
    for left, right in pairs:
        if left != right:
            break
        count += 1
    return count


def _is_gone(file: Path | None) -> bool:
    """Whether a file is not there; one that cannot be looked at may be."""
    if file is None:
        return False
    try:
        file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        return False
    return False
