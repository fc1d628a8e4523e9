"""The address of a PostgreSQL database for our own Label Studio, as the workspace names it.

It holds no password: that comes from where PostgreSQL's own tools take it, `PGPASSWORD` or
`~/.pgpass`. It never connects.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

VARIABLE = "PGPASSWORD"
DEFAULT_PORT = 5432
_ADDRESS = re.compile(
    r"postgres(?:ql)?://"
    r"(?P<user>[\w.-]+)@"
    r"(?P<host>[\w-]+(?:\.[\w-]+)*|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"/(?P<name>[\w-]+)"
)
_WITH_PASSWORD = re.compile(r"postgres(?:ql)?://[^@/]*:[^@]*@")


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """Where a PostgreSQL database is, and as whom to speak to it."""

    user: str
    host: str
    port: int
    name: str


def database_fault(url: str) -> str:
    """Why `url` cannot be the address of a database; empty where it can."""
    if _WITH_PASSWORD.match(url):
        return f"must hold no password: put it into {VARIABLE} or ~/.pgpass"
    match = _ADDRESS.fullmatch(url)
    if match is None or not 0 < int(match["port"] or DEFAULT_PORT) < 65536:
        return "must look like postgresql://user@host:5432/name"
    return ""


def read_database(url: str) -> DatabaseAddress:
    """The parts of `url`, in which `database_fault` finds no fault."""
    match = _ADDRESS.fullmatch(url)
    assert match is not None
    return DatabaseAddress(
        match["user"], match["host"].strip("[]"), int(match["port"] or DEFAULT_PORT), match["name"]
    )
