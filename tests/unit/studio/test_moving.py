"""What is not moved onto another database, and what becomes of the file that is there.

`tests/benchmarks/moving.py` moves one, onto a real PostgreSQL and back.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import ConfigurationError
from core.progress import finish
from core.studio.moving import SQLITE, _take_place, move_database
from core.workspace.settings import parse_workspace

URL = "postgresql://ann@localhost/studio"


@pytest.mark.parametrize(
    ("toml", "url", "message"),
    [
        ('[studio]\nurl = "http://127.0.0.1:8080"', URL, "is not labelpilot's to move"),
        ("", "mysql://ann@localhost/studio", "must look like postgresql://"),
        ("", "postgresql://ann:secret@localhost/studio", "must hold no password"),
        ("", SQLITE, "is on that database already"),
        (f'[studio]\ndatabase = "{URL}"', URL, "is on that database already"),
        ("", URL, "has no database yet"),
    ],
)
def test_what_cannot_be_moved_is_said_before_anything_is_done(
    toml: str, url: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        finish(move_database(parse_workspace(toml, tmp_path), url))
    assert message in caught.value.message
    assert "secret" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_the_former_file_is_kept_under_another_name(tmp_path: Path) -> None:
    file, new = tmp_path / "studio.sqlite3", tmp_path / "studio.sqlite3.new"
    file.write_text("former")
    (tmp_path / "studio.sqlite3-wal").write_text("its last changes")
    new.write_text("new")
    _take_place(new, file)
    assert file.read_text() == "new"
    (former,) = tmp_path.glob("studio.sqlite3.2*Z")
    assert former.read_text() == "former"
    assert former.with_name(f"{former.name}-wal").read_text() == "its last changes"
