"""How Label Studio opens SQLite and for how long, and how fast its answers leave.

Stock Label Studio opens SQLite so that a second writer gets `database is locked` at once. The
options that mend this exist in Django since 5.1, but Label Studio has no setting for them. So they
are set as defaults on the one method that reads them.
"""

from __future__ import annotations

import socketserver

from .patches import Closed, patch

# journal_mode=WAL: readers and a writer side by side. synchronous=FULL: an acknowledged write is
# on the disk. IMMEDIATE: a transaction that will write waits its turn at its start, up to
# `timeout` seconds, in place of failing in the middle.
SQLITE_OPTIONS = {
    "timeout": 60,
    "transaction_mode": "IMMEDIATE",
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}


@patch(
    "sqlite",
    "A label that is submitted during a sync can end the sync, or be refused.",
    early=True,
    any_version=True,
)
def tune_sqlite() -> None:
    """Make `SQLITE_OPTIONS` the defaults of Django's SQLite connections."""
    import django
    from django.db.backends.sqlite3.base import DatabaseWrapper

    if django.VERSION < (5, 1) or not hasattr(DatabaseWrapper, "transaction_modes"):
        raise Closed("Django's SQLite connections have other options")
    original = DatabaseWrapper.get_connection_params

    def get_connection_params(self):
        self.settings_dict["OPTIONS"] = SQLITE_OPTIONS | self.settings_dict["OPTIONS"]
        return original(self)

    DatabaseWrapper.get_connection_params = get_connection_params


@patch(
    "answers-at-once", "Every answer of Label Studio's comes later.", early=True, any_version=True
)
def answer_at_once() -> None:
    """Send each part of an answer as soon as it is written.

    The server writes an answer's head and body apart, and on a connection that is used again the
    kernel holds the second part back until the first is acknowledged: 40 ms for every request.
    """
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


@patch("connections-kept", "Every answer of Label Studio's comes later.", any_version=True)
def keep_connections() -> None:
    """Keep SQLite open for as long as whoever asks stays connected.

    Label Studio opens it anew for each request, which is a good part of what a small one takes. The
    server answers each connection in a thread of its own; it closes here what that thread opened.
    """
    from django.core.servers.basehttp import WSGIServer
    from django.db import connections

    if "close_request" in vars(WSGIServer) or not hasattr(connections, "close_all"):
        raise Closed("Django's server ends a connection in another way")
    if connections["default"].vendor != "sqlite":
        return
    close = WSGIServer.close_request

    def close_request(self, request):
        try:
            connections.close_all()
        finally:
            close(self, request)

    WSGIServer.close_request = close_request
    connections.settings["default"]["CONN_MAX_AGE"] = None
