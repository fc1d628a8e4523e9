"""A PostgreSQL of the tests' own, on a free port of this machine, with a password."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.needs import find
from tests.studio.ports import free_port

USER, NAME, PASSWORD = "labelpilot", "studio", "a secret of the tests"
SYSTEM_USER = "postgres"


@dataclass(frozen=True)
class Cluster:
    """A running PostgreSQL."""

    port: int

    @property
    def url(self) -> str:
        """Its database, as a workspace names it."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{NAME}"

    @property
    def variables(self) -> dict[str, str]:
        """Its database, as Label Studio's environment names it."""
        return {
            "DJANGO_DB": "default",
            "POSTGRE_HOST": "127.0.0.1",
            "POSTGRE_PORT": str(self.port),
            "POSTGRE_NAME": NAME,
            "POSTGRE_USER": USER,
            "POSTGRE_PASSWORD": PASSWORD,
        }

    def connect(self, name: str = NAME) -> psycopg.Connection[Any]:
        address = {"host": "127.0.0.1", "port": self.port, "user": USER, "password": PASSWORD}
        return psycopg.connect(dbname=name, autocommit=True, **address)  # type: ignore[arg-type]


@contextlib.contextmanager
def a_cluster() -> Iterator[Cluster]:
    """A new cluster with an empty database; ended and removed with the block."""
    folder = Path(tempfile.mkdtemp(prefix="labelpilot-pg-"))
    # It refuses to run as root.
    as_user = ["runuser", "-u", SYSTEM_USER, "--"] if os.geteuid() == 0 else []
    secret = folder / "password"
    secret.write_text(PASSWORD)
    if as_user:
        shutil.chown(folder, SYSTEM_USER)
        shutil.chown(secret, SYSTEM_USER)
    data, cluster = folder / "data", Cluster(free_port())

    def run(program: str, *arguments: str) -> None:
        command = [*as_user, str(find(program)), "-D", str(data), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, timeout=120)

    try:
        run("initdb", "-U", USER, "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8")
        options = f"-p {cluster.port} -h 127.0.0.1 -k {folder}"
        run("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", options)
        try:
            with cluster.connect("postgres") as connection:
                connection.execute(f"create database {NAME}")
            yield cluster
        finally:
            run("pg_ctl", "stop", "-m", "immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
