"""What tests need of the machine beside Python's packages: a real keyring, browser, terminal and
database, each Debian's.

    python tests/needs.py    prints those that are missing, as `apt-get install` takes them
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

# Program -> the package that brings it.
PACKAGES = {
    "chromedriver": "chromium-driver",
    "chromium": "chromium",
    "dbus-run-session": "dbus",
    "gnome-keyring-daemon": "gnome-keyring",
    "initdb": "postgresql",
    "tmux": "tmux",
}
REASON = "needs Debian's "


def find(program: str) -> Path | None:
    """Where a program is; None if it is not installed."""
    # PostgreSQL's programs are on nobody's path.
    found = [shutil.which(program), *Path("/usr/lib/postgresql").glob(f"*/bin/{program}")]
    return next((Path(path) for path in found if path), None)


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skips the tests so marked where one of these programs is not installed."""
    import pytest

    missing = [PACKAGES[program] for program in programs if find(program) is None]
    return pytest.mark.skipif(bool(missing), reason=REASON + " ".join(missing))


if __name__ == "__main__":
    print(*sorted(package for program, package in PACKAGES.items() if find(program) is None))
