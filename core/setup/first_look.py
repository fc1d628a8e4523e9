"""A first look, before there is a workspace: where the images are, how many, and in which folders.

It goes by names alone, opens nothing, and ends after so many entries: a folder of a million files
must not hold up the first question.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from core.images import tag_of
from core.progress import Progress, Work
from core.workspace.settings import IMAGE_PATTERN

MOST_ENTRIES = 100_000
# Entries between two progress events, at which a look can be cancelled.
STRIDE = 1000
# A folder with this share of all images is gone into, in search of the one that holds them.
MOST_OF_THEM = 0.9
# More folders than this are no classes.
MOST_LABELS = 200
_PASSED_OVER = ("node_modules", "venv", "env", "site-packages", "__pycache__")
_is_image = re.compile(IMAGE_PATTERN).match


@dataclass(slots=True)
class FirstLook:
    """What was found below `folder`: for each of its folders ("" is itself) the images by ending,
    and the other files by theirs. `whole` says that all of it was looked at."""

    folder: Path
    images: dict[str, Counter[str]] = field(default_factory=dict)
    others: Counter[str] = field(default_factory=Counter)
    whole: bool = True
    _tags: set[str] = field(default_factory=set)
    _same: dict[str, bool] = field(default_factory=dict)

    def endings(self, recursive: bool = True) -> Counter[str]:
        """The images by ending, in the folder alone or with those below it."""
        taken = self.images.values() if recursive else [self.images.get("", Counter[str]())]
        return sum(taken, Counter[str]())

    def count(self, recursive: bool = True) -> int:
        """How many images there are, in the folder alone or with those below it."""
        return self.endings(recursive).total()

    def same_name(self, recursive: bool) -> str:
        """The name of an image that another has too; empty where none has."""
        return next((name for name, here in self._same.items() if here or recursive), "")

    @property
    def classes(self) -> dict[str, int]:
        """Folder name -> images, where the folders may stand for classes; else empty."""
        found = Counter[str]()
        for path, endings in self.images.items():
            found[os.path.basename(path)] += endings.total() if path else 0
        del found[""]
        sorted_in = found.total() > MOST_OF_THEM * self.count()
        return dict(sorted(found.items())) if sorted_in and 1 < len(found) <= MOST_LABELS else {}

    def add(self, below: str, name: str) -> None:
        """Take in a file of the folder's subfolder `below`."""
        ending = os.path.splitext(name)[1].lstrip(".").lower()
        if not _is_image(name):
            self.others[ending] += 1
            return
        self.images.setdefault(below, Counter())[ending] += 1
        tag = tag_of(name, "stem")
        if tag in self._tags:
            self._same.setdefault(name, not below and f"/{tag}" in self._tags)
        # Those of the folder itself are told apart by a sign that no name has.
        self._tags |= {tag} if below else {tag, f"/{tag}"}


def look_into(folder: Path, *, own: bool = False) -> Work[FirstLook]:
    """Look at what lies in `folder`, as far as `MOST_ENTRIES` entries go.

    Links to folders are not followed. `own` passes over what is no image folder of anybody's:
    hidden folders, and those of environments.
    """
    look, waiting, entries = FirstLook(folder), [""], 0
    while waiting:
        below = waiting.pop()
        for entry in _listed(folder / below):
            entries += 1
            if entries % STRIDE == 0:
                yield Progress("look", entries)
            if entries > MOST_ENTRIES:
                look.whole = False
                return look
            if _is_folder(entry):
                if not own or not (entry.name.startswith(".") or entry.name in _PASSED_OVER):
                    waiting.append(os.path.join(below, entry.name))
            elif _is_file(entry):
                look.add(below, entry.name)
    return look


def image_folder(root: Path) -> Work[Path | None]:
    """The folder at or below `root` that holds the images: the parent of all folders with most of
    them. `root` itself only where most lie in it and in no subfolder; None where there are none."""
    look = yield from look_into(root, own=True)
    below = Counter[str]()
    for path, endings in look.images.items():
        for folder in (path, *map(str, PurePath(path).parents)):
            below["" if folder == "." else folder] += endings.total()
    here, total = "", below[""]
    while children := {f: n for f, n in below.items() if f and os.path.dirname(f) == here}:
        largest = max(children, key=children.__getitem__)
        # The workspace's own folder is none for images, if there is another.
        least = MOST_OF_THEM * total if here else look.images.get("", Counter[str]()).total()
        if children[largest] <= least:
            break
        here = largest
    return root / here if total else None


def _listed(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (OSError, ValueError):
        return


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False
