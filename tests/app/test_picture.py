"""Pictures in the terminal: what is an image is shown, what is none is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.workspace.settings import save_workspace
from tests.app.conftest import Walker
from tests.app.doubles import IMAGES, FakeBackend
from tui.widgets import pixel_picture
from tui.widgets.picture import UPPER_HALF, half_blocks

Image = pytest.importorskip("PIL.Image")


def picture(path: Path, width: int, height: int) -> Path:
    """An image whose upper half is red and whose lower half is blue."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width, height // 2))
    image.save(path)
    return path


@pytest.mark.parametrize("size", [(8, 8), (4000, 1000), (1, 300)])
def test_a_picture_keeps_its_shape_and_fits(tmp_path: Path, size: tuple[int, int]) -> None:
    strips = half_blocks(picture(tmp_path / "x.png", *size), 20, 10)
    assert strips is not None
    assert 1 <= len(strips) <= 10
    assert all(1 <= strip.cell_length <= 20 for strip in strips)
    first = next(iter(strips[0]))
    assert first.text == UPPER_HALF
    assert first.style is not None
    assert first.style.color is not None
    assert first.style.color.triplet == (255, 0, 0)


def test_what_is_no_image_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    assert half_blocks(tmp_path / "x.png", 20, 10) is None
    assert half_blocks(tmp_path / "gone.png", 20, 10) is None


async def test_a_wide_screen_shows_the_image_under_the_cursor(
    ready: FakeBackend, walk: Walker
) -> None:
    images = ready.workspace.images.path
    picture(images / IMAGES[0], 16, 16)
    async with walk(ready, size=(130, 40)) as app:
        await app.press("4", "enter")
        await app.settled()
        assert UPPER_HALF in app.text
        # The next one is a broken file: its name stands there instead.
        await app.press("j")
        assert UPPER_HALF not in app.text
        assert "is like" in app.text


async def test_a_narrow_screen_shows_it_when_asked(ready: FakeBackend, walk: Walker) -> None:
    picture(ready.workspace.images.path / IMAGES[0], 16, 16)
    async with walk(ready) as app:
        await app.press("4", "enter")
        assert UPPER_HALF not in app.text
        await app.press("enter")
        assert UPPER_HALF in app.text
        assert "copy" in app.text.splitlines()[-4]


async def test_with_textual_image_a_terminal_that_can_gets_the_pixels(
    ready: FakeBackend, walk: Walker, monkeypatch: pytest.MonkeyPatch
) -> None:
    widgets = pytest.importorskip("textual_image.widget")
    monkeypatch.setattr(pixel_picture, "pixel_widget", widgets.SixelImage)
    picture(ready.workspace.images.path / IMAGES[0], 300, 100)
    async with walk(ready, size=(130, 40)) as app:
        await app.press("4", "enter")
        await app.settled()
        shown = app.app.screen.query_one("#picked #pixels", widgets.SixelImage)
        assert shown.image.size == (300, 100)
        assert 0 < shown.size.width <= 34
        assert UPPER_HALF not in app.text


async def test_an_image_in_a_bucket_is_named_by_its_url_and_said_to_have_no_picture_here(
    ready: FakeBackend, walk: Walker
) -> None:
    save_workspace(ready.workspace.root, {"images": {"path": None, "url": "s3://bucket/a"}})
    async with walk(ready) as app:
        await app.press("4", "enter")
        await app.settled()
        await app.press("enter")
        assert f"s3://bucket/{IMAGES[0]}" in app.text
        assert "only Label Studio shows its picture" in app.text
