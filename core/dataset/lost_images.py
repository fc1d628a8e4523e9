"""Labeled images that have no file any more.

A folder's names cost less to list than to ask for one by one, unless few of them are labeled.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from core.images import is_inside

# So many are asked for one by one: a folder may hold a million more.
_FEW = 1_000


def lost_images(folder: Path, paths: Iterable[str]) -> frozenset[str]:
    """Those of `paths`, relative to the image folder `folder`, that have no file any more.

    None where there is no such folder, as for images in a bucket.
    """
    if not folder.is_dir():
        return frozenset()
    by_folder: dict[str, set[str]] = {}
    for path in paths:
        if is_inside(path):
            above, _, name = path.rpartition("/")
            by_folder.setdefault(above, set()).add(name)
    lost: set[str] = set()
    for above, names in by_folder.items():
        here = os.path.join(folder, above)
        if len(names) > _FEW:
            _take_out_listed(here, names)
        lost.update(
            f"{above}/{name}" if above else name
            for name in names
            if not os.path.exists(os.path.join(here, name))
        )
    return frozenset(lost)


def _take_out_listed(folder: str, names: set[str]) -> None:
    """Take out of `names` what `folder` has, but for links, which may lead nowhere."""
    try:
        with os.scandir(folder) as entries:
            names.difference_update(entry.name for entry in entries if not entry.is_symlink())
    except OSError:
        return
