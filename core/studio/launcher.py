"""Starts Label Studio with its SQLite database tuned; run as a script, never imported.

Stock Label Studio opens SQLite so that a second writer gets `database is locked` at once: one
annotation submitted during a sync ends it. The options that mend this exist in Django since 5.1,
but Label Studio has no setting for them. So they are set as defaults on the one method that reads
them, and then Label Studio's own `main` runs. Where Django does not look as expected, nothing is
set and Label Studio starts as it is.

It must not import labelpilot: Label Studio has a top-level package named `core` too.
"""

from __future__ import annotations

import os
import sys

if __name__ == "__main__":
    # Run by path, so this script's own folder comes first, and its neighbours (`http`) would shadow
    # the standard library's. What is imported above this, Python has loaded before it looks there.
    _FOLDER = os.path.dirname(os.path.realpath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) != _FOLDER]

import socketserver

# journal_mode=WAL: readers and a writer side by side. synchronous=FULL: an acknowledged write is
# on the disk. IMMEDIATE: a transaction that will write waits its turn at its start, up to
# `timeout` seconds, in place of failing in the middle.
SQLITE_OPTIONS = {
    "timeout": 60,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}


def tune_sqlite() -> bool:
    """Make `SQLITE_OPTIONS` the defaults of Django's SQLite connections; False if it cannot be."""
    try:
        import django
        from django.db.backends.sqlite3.base import DatabaseWrapper

        if django.VERSION < (5, 1) or not hasattr(DatabaseWrapper, "transaction_modes"):
            return False
        original = DatabaseWrapper.get_connection_params
    except (ImportError, AttributeError):
        return False

    def get_connection_params(self):  # type: ignore[no-untyped-def]
        self.settings_dict["OPTIONS"] = SQLITE_OPTIONS | self.settings_dict["OPTIONS"]
        return original(self)

    DatabaseWrapper.get_connection_params = get_connection_params
    return True


def answer_at_once() -> None:
    """Send each part of an answer as soon as it is written.

    The server writes an answer's head and body apart, and on a connection that is used again the
    kernel holds the second part back until the first is acknowledged: 40 ms for every request.
    """
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def main() -> None:
    """Run `label-studio` with this process's arguments."""
    os.umask(0o077)
    answer_at_once()
    tuned = tune_sqlite()
    print(f"labelpilot: SQLite {'tuned' if tuned else 'as Label Studio opens it'}", flush=True)
    from label_studio.server import main as label_studio

    label_studio()


if __name__ == "__main__":
    main()
