"""What holds for all tests: none of them touches the user's own keyring, and all have one migrated
database to begin with.

The tests of the keyring start one of their own, in a session of its own.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from filelock import FileLock

from tests.studio.database import migrated_database

os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database of Label Studio's without an account: made once, for all processes that
    run the tests."""
    mine = tmp_path_factory.getbasetemp()
    shared = mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine
    made = shared / "migrated.sqlite3"
    with FileLock(f"{made}.lock"):
        if not made.exists():
            migrated_database(shared / "migration").rename(made)
    return made
