"""What an earlier run of the hooks gave, and whether it still holds.

It holds if the same Python would run the same file, and nothing has changed that the hooks read:
their modules, every file that they opened or folder that they listed, the packages of their Python.
Code outside Python can open files unseen, such as a library that loads weights. So no file in the
workspace may have changed since either, but for images and annotations. Where the hooks used the
network or another program, nothing can be known, and they run again. Of files outside the workspace
that were opened unseen nothing is known: that is why a second look says what it rests on.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from core.files import write_at_once
from core.own_files import read_own
from core.workspace.settings import Workspace
from core.workspace.toml_lines import FILE_NAME

RESULT = "result.json"
# With more files than this in the workspace it is as quick to run the hooks.
MOST_FILES = 50_000


def keep_result(folder: Path, run: list[str], result: dict[str, Any], own: Iterable[Path]) -> None:
    """Keep what `run` gave, with the states of the files that are `own` part of it."""
    states = {str(file): _state(file) for file in own if file.is_file()}
    kept = result | {"run": run, "read": result["read"] | states}
    write_at_once(folder / RESULT, json.dumps(kept).encode())


def earlier_result(
    workspace: Workspace, folder: Path, run: list[str]
) -> tuple[dict[str, Any], float] | None:
    """What `run` gave before, and when (seconds since 1970), if it still holds; else None."""
    file = folder / RESULT
    try:
        result: dict[str, Any] = json.loads(read_own(file))
        if result.get("run") != run or result["unseen"]:
            return None
        if any(_state(path) != state for path, state in result["read"].items()):
            return None
        ended = file.stat()
        apart = {workspace.images.path, workspace.annotations.path, folder}
        apart.add(workspace.root / FILE_NAME)
        roots = {workspace.root}
        if not workspace.learning.hooks.is_relative_to(workspace.root):
            roots.add(workspace.learning.hooks.parent)
        if any(_changed(root, ended.st_ctime_ns, {*map(str, apart)}) for root in roots):
            return None
    except (OSError, ValueError, KeyError):
        return None
    return result, ended.st_mtime


def kept_result(folder: Path, vectors: Iterable[str]) -> dict[str, Any] | None:
    """What was kept in `folder`, whatever the hooks read has changed since; None where it is not
    whole, or the files of what it names in `vectors` are other ones by now."""
    try:
        result: dict[str, Any] = json.loads(read_own(folder / RESULT))
        for name in vectors:
            if name in result:
                file = result[name].get("path") or str(folder / f"{name}.npy")
                if result["read"][file] != _state(file):
                    return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return result


def _state(path: str | Path) -> list[int]:
    status = os.stat(path)
    return [status.st_size, status.st_mtime_ns]


def _changed(root: Path, moment: int, apart: Collection[str]) -> bool:
    """Whether a file below `root` has changed since `moment` (ns), or there are too many to tell.

    Hidden files, virtual environments, compiled modules and what is `apart` do not count. The time
    of a file's last change of any kind is looked at: a copy may keep the time of its content.
    """
    folders, seen = [str(root)], 0
    while folders:
        folder = folders.pop()
        if os.path.exists(os.path.join(folder, "pyvenv.cfg")):
            continue
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name[0] == "." or entry.name == "__pycache__" or entry.path in apart:
                    continue
                seen += 1
                status = entry.stat(follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode):
                    folders.append(entry.path)
                elif seen > MOST_FILES or status.st_ctime_ns >= moment:
                    return True
                elif entry.is_symlink() and os.path.exists(entry.path):
                    target = entry.stat()
                    if not stat.S_ISDIR(target.st_mode) and target.st_ctime_ns >= moment:
                        return True
    return False
