"""The faces over core: the app and the command line."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec
from pathlib import Path


def _settle_core() -> None:
    """Have `core` mean the package beside this one, also where PYTHONPATH names a folder of the
    user's with another, which Python would find first."""
    ours = PathFinder.find_spec("core", [str(Path(__file__).parents[1])])
    found = PathFinder.find_spec("core")
    if ours is None or ours.loader is None or (found and found.origin == ours.origin):
        return
    sys.modules["core"] = module_from_spec(ours)
    ours.loader.exec_module(sys.modules["core"])


_settle_core()
