"""The workspace names a database, and never its password."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ConfigurationError
from core.studio.environment import server_environment
from core.workspace.databases import DatabaseAddress, database_fault, read_database
from core.workspace.settings import Workspace, parse_workspace


def workspace(url: str, more: str = "") -> Workspace:
    return parse_workspace(f'[studio]\ndatabase = "{url}"\n{more}', Path("/work/project"))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://anna@db.example.org:6432/studio", ("anna", "db.example.org", 6432)),
        ("postgres://anna@localhost/studio", ("anna", "localhost", 5432)),
        ("postgresql://anna@[::1]:5433/studio", ("anna", "::1", 5433)),
    ],
)
def test_an_address_is_read_into_its_parts(url: str, address: tuple[str, str, int]) -> None:
    assert database_fault(url) == ""
    assert read_database(url) == DatabaseAddress(*address, "studio")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://anna@localhost/studio",
        "postgresql://localhost/studio",
        "postgresql://anna@localhost",
        "postgresql://anna@localhost:0/studio",
        "postgresql://anna@localhost:99999/studio",
        "postgresql://anna@localhost/studio?sslmode=disable",
        "postgresql://anna@local host/studio",
        "studio.sqlite3",
    ],
)
def test_what_is_no_address_is_refused_with_its_line(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"line 2.*postgresql://user@host:5432/name"):
        workspace(url)


def test_a_password_in_the_file_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as refused:
        workspace("postgresql://anna:hunter22@localhost/studio")
    assert "PGPASSWORD" in str(refused.value)
    assert "hunter22" not in str(refused.value)


def test_a_database_is_not_for_anothers_server() -> None:
    with pytest.raises(ConfigurationError, match="without `url`"):
        workspace("postgresql://anna@localhost/studio", 'url = "http://127.0.0.1:8080"\n')


def test_our_server_is_told_of_its_database() -> None:
    ours = workspace("postgresql://anna@db.example.org/studio")
    variables = server_environment(ours, 8080, {"PGPASSWORD": "hunter22"})
    assert variables["DJANGO_DB"] == "default"
    assert {name: value for name, value in variables.items() if "POSTGRE" in name} == {
        "POSTGRE_HOST": "db.example.org",
        "POSTGRE_PORT": "5432",
        "POSTGRE_NAME": "studio",
        "POSTGRE_USER": "anna",
        "POSTGRE_PASSWORD": "hunter22",
    }


def test_without_a_database_there_is_nothing_of_postgresql() -> None:
    plain = server_environment(Workspace(Path("/work/project")), 8080, {"PGPASSWORD": "hunter22"})
    assert not [name for name, value in plain.items() if "POSTGRE" in name or value == "hunter22"]
