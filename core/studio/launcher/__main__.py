"""Starts Label Studio, patched: `python FOLDER start --data-dir DIR ...`."""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # Run by path, so this folder comes first, and its files would shadow others' modules. What is
    # imported above this, Python has loaded before it looks there.
    _here = os.path.dirname(os.path.realpath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) != _here]

import importlib
import importlib.util

_FOLDER = os.path.dirname(os.path.realpath(__file__))
_PACKAGE = "labelpilot_launcher"
# The subjects of the patches, each a file.
_SUBJECTS = (
    "loading",
    "database",
    "large",
    "stream",
    "queue",
    "annotations",
    "results",
    "moves",
    "tasks",
    "people",
    "serving",
    "requests",
)


def _load(name):
    """A module of this folder, which is a package by a name that nothing else has."""
    if _PACKAGE not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            _PACKAGE, os.path.join(_FOLDER, "__init__.py"), submodule_search_locations=[_FOLDER]
        )
        assert spec is not None and spec.loader is not None
        package = importlib.util.module_from_spec(spec)
        sys.modules[_PACKAGE] = package
        spec.loader.exec_module(package)
    return importlib.import_module(f"{_PACKAGE}.{name}")


def main() -> None:
    """Run `label-studio` with this process's arguments."""
    os.umask(0o077)
    patches = _load("patches")
    for subject in _SUBJECTS:
        _load(subject)
    patches.apply_early()
    from label_studio import server

    copying = _load("copying")
    if sys.argv[1:2] and sys.argv[1] in copying.COMMANDS:
        copying.main(server, sys.argv[1])
        return
    patches.apply_once_loaded(server)
    server.main()


if __name__ == "__main__":
    main()
