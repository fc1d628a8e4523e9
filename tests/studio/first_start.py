"""What a server finds at its first start: a port of its own, and a database that is migrated.

Migrating an empty database takes longer than all else that a start does. Where the first start is
not what is tested, a server is given a copy of one that was migrated before: it has nothing to
migrate, finds nobody in it, and makes the account as ever.

    python -m tests.studio.first_start FOLDER    migrates one in FOLDER, which must not exist
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from core.studio.process import ServerRecord, write_record
from core.workspace.settings import Workspace
from tests.studio.ports import free_port

MIGRATION_SECONDS = 540
NAME = "label_studio.sqlite3"
LABEL_STUDIO = str(Path(sys.executable).with_name("label-studio"))
# Label Studio as it is, in two thirds of the time: fewer looks for garbage.
MIGRATE = (
    "import gc; gc.set_threshold(50_000, 20, 50); from label_studio.server import main; main()"
)


def own_environment(folder: Path) -> dict[str, str]:
    """The variables for a Label Studio that keeps its data in `folder`, and calls nobody."""
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "LABEL_STUDIO_BASE_DATA_DIR": str(folder),
        "COLLECT_ANALYTICS": "false",
        "LATEST_VERSION_CHECK": "false",
        "SENTRY_DSN": "",
        "FRONTEND_SENTRY_DSN": "",
    }


def migrated_database(folder: Path) -> Path:
    """The file of an empty database, migrated; made in `folder`, which must not exist."""
    folder.mkdir(parents=True)
    # Asked for a user whom it does not know, it migrates, and makes none.
    subprocess.run(
        [sys.executable, "-c", MIGRATE, "user", "--username", "nobody"],
        cwd=folder,
        env=own_environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=MIGRATION_SECONDS,
        check=True,
    )
    return folder / NAME


def prepare(workspace: Workspace, database: Path | None = None) -> None:
    """Before our own server's first start: a port that no other server of this machine is given
    meanwhile, as of an earlier start, and a copy of the migrated `database`."""
    workspace.state.make_server()
    write_record(workspace, ServerRecord(0, free_port(), ""))
    if database is not None:
        give(database, workspace.state.server)


def give(database: Path, server_folder: Path) -> None:
    """Put a copy of `database` where a server that was never started will look for its own."""
    shutil.copyfile(database, server_folder / NAME)
    (server_folder / NAME).chmod(0o600)


if __name__ == "__main__":
    migrated_database(Path(sys.argv[1]))
