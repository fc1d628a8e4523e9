"""The table in `labelpilot help security`: each row names tests, and each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "tui/help/security.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TABLE.splitlines()
    if line.startswith("|")
][2:]
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.M)
}


def test_it_speaks_of_all_who_could_do_harm() -> None:
    whom = [row[0] for row in ROWS if row[0]]
    assert whom == [
        "A workspace that somebody else wrote",
        "Another user of this machine",
        "A data set",
        "A web page",
        "A server",
        "A scheduler",
    ]


def test_each_row_names_tests_that_are_there() -> None:
    for _, can, cannot, shown in ROWS:
        assert can or cannot
        named = re.findall(r"`(\w+)`", shown)
        assert named
        assert not set(named) - TESTS
