"""The theme that was chosen is there again at the next start, and never in the way of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.conftest import Walker
from tests.app.doubles import FakeBackend


async def test_a_chosen_theme_is_there_at_the_next_start(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        assert app.app.theme == "labelpilot-dark"
        app.app.theme = "labelpilot-light"
        await app.settled()
    async with walk(ready) as app:
        assert app.app.theme == "labelpilot-light"


@pytest.mark.parametrize("kept", [b"no such theme", b"\xff\xfe", b""])
async def test_what_cannot_be_used_gives_the_usual_theme(
    ready: FakeBackend, walk: Walker, tmp_path: Path, kept: bytes
) -> None:
    file = tmp_path / "config" / "labelpilot" / "theme"
    file.parent.mkdir(parents=True)
    file.write_bytes(kept)
    async with walk(ready) as app:
        assert app.app.theme == "labelpilot-dark"


async def test_a_folder_that_cannot_be_written_is_no_mishap(
    ready: FakeBackend, walk: Walker, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("a file, not a folder")
    async with walk(ready) as app:
        app.app.theme = "labelpilot-light"
        await app.settled()
        assert app.app.theme == "labelpilot-light"
