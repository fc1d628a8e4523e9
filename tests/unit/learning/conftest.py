"""What the tests of several files need."""

from __future__ import annotations

import venv

import pytest


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python with nothing but its standard library: no numpy, no labelpilot."""
    folder = tmp_path_factory.mktemp("user") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    return str(folder / "bin/python")
