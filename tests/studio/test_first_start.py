"""A first start that has everything to do, down to Label Studio's database."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

from core.studio.server import stop_server
from tests.studio.command import run
from tests.studio.first_start import NAME, prepare
from tests.studio.places import Place

COLUMNS = """
select tables.name, columns.name, columns.type, columns."notnull", columns.pk
from sqlite_master tables, pragma_table_info(tables.name) columns where tables.type = 'table'
union
select indexes.tbl_name, iif(indexes.sql is null, '', indexes.sql), columns.name, columns.seqno, 0
from sqlite_master indexes, pragma_index_info(indexes.name) columns where indexes.type = 'index'
"""


def tables(database: Path) -> set[tuple[object, ...]]:
    """The columns of all tables, and the indexes over them."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        return set(connection.execute(COLUMNS))


@pytest.mark.long  # what all servers of the tests begin with shows that a start works from there
def test_it_migrates_to_the_tables_that_other_servers_of_the_tests_begin_with(
    tmp_path: Path, migrated: Path
) -> None:
    workspace = Place(tmp_path / "own", "", "").make().workspace
    prepare(workspace)
    try:
        started = run("server", "start", "--workspace", str(workspace.root))
        assert started.code == 0, started.err
    finally:
        stop_server(workspace)
    assert tables(workspace.state.server / NAME) == tables(migrated)
