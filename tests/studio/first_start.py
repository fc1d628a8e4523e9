"""What a server finds at its first start: a port of its own, and a database that is migrated.

Migrating an empty database takes longer than all else that a start does. Where the first start is
not what is tested, a server is given a database whose tables are made as they are after all
migrations (`test_first_start` holds that): it has nothing to migrate, finds nobody in it, and makes
the account as ever.

    python -m tests.studio.first_start FILE    makes FILE a migrated one, unless it is there
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

from core.studio.process import ServerRecord, write_record
from core.workspace.settings import Workspace
from tests.studio.ports import free_port

MAKING_SECONDS = 540
NAME = "label_studio.sqlite3"
# Label Studio as it is, in two thirds of the time: fewer looks for garbage.
RUN = "import gc; gc.set_threshold(50_000, 20, 50); from label_studio.server import main; main()"
# As migrations leave them, a fifth of the time: what Label Studio's models are, and the note that
# all migrations were done.
MAKE_TABLES = """
from label_studio import server
server._setup_env()
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.urls import get_resolver
get_resolver().url_patterns  # loads models that nothing else loads
known = sorted(MigrationLoader(None).disk_migrations)
settings.MIGRATION_MODULES = {app.label: None for app in apps.get_app_configs()}
call_command("migrate", run_syncdb=True, verbosity=0)
recorder = MigrationRecorder(connection)
recorder.ensure_schema()
for migration in known:
    recorder.record_applied(*migration)
"""


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


def migrated_database(made: Path) -> Path:
    """The file of a database as after all migrations, empty: `made`, made by whoever asks for it
    first."""
    with FileLock(f"{made}.lock"):
        if not made.exists():
            with tempfile.TemporaryDirectory(dir=made.parent) as folder:
                make_tables(Path(folder), {})
                (Path(folder) / NAME).rename(made)
    return made


def make_tables(folder: Path, database: dict[str, str]) -> None:
    """Make Label Studio's tables in the database that these variables describe, or in one in
    `folder`, which is for what it writes beside them too."""
    subprocess.run(
        [sys.executable, "-c", MAKE_TABLES],
        cwd=folder,
        env=own_environment(folder) | database,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=MAKING_SECONDS,
        check=True,
    )


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
