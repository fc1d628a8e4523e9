"""Paths complete as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.conftest import Walker
from tests.app.doubles import FakeBackend
from tui.widgets.path_suggester import PathSuggester


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("data/images", "data/[/b] weird", ".git/hooks"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "data/dataset.json").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "folder", "file"),
    [
        ("d", "data/", "data/"),
        ("data/i", "data/images/", "data/images/"),
        ("data/[", "data/[/", "data/[/"),
        ("data/da", None, "data/dataset.json"),
        ("nowhere/x", None, None),
        ("", None, None),
        (".g", ".git/", ".git/"),
    ],
)
async def test_what_exists_is_suggested(
    root: Path, typed: str, folder: str | None, file: str | None
) -> None:
    assert await PathSuggester(root, files=False).get_suggestion(typed) == folder
    assert await PathSuggester(root, files=True).get_suggestion(typed) == file


async def test_absolute_paths_complete_too(root: Path) -> None:
    suggested = await PathSuggester(Path("/nowhere"), files=False).get_suggestion(f"{root}/dat")
    assert suggested == f"{root}/data/"


async def test_the_right_arrow_takes_the_suggestion(ready: FakeBackend, walk: Walker) -> None:
    async with walk(ready) as app:
        await app.press("e", "home", "ctrl+k")
        await app.write("dat")
        await app.until(lambda: "data/" in app.text)
        await app.press("right")
        assert app.app.focused is not None
        assert app.app.focused.value == "data/"  # type: ignore[attr-defined]
