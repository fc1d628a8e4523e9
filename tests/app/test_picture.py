"""Pictures in the terminal: what is an image is shown, what is none is named."""

from __future__ import annotations

import base64
import io
import os
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import EpsImagePlugin, Image, ImageChops, ImageStat

from core.workspace.settings import save_workspace
from tests.app.conftest import Walker
from tests.app.doubles import FakeBackend
from tests.app.toys import IMAGES
from tui.widgets.drawing import UPPER_HALF, Canvas, draw
from tui.widgets.pixels import TerminalPixels, sixels, understood


def picture(path: Path, width: int, height: int) -> Path:
    """An image whose upper half is red and whose lower half is blue."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width, height // 2))
    image.save(path)
    return path


@pytest.mark.parametrize("size", [(8, 8), (4000, 1000), (1, 300)])
def test_a_picture_keeps_its_shape_and_fits(tmp_path: Path, size: tuple[int, int]) -> None:
    rows = draw(picture(tmp_path / "x.png", *size), Canvas(20, 10)).rows
    blocks = [row for row in rows if UPPER_HALF in row.text]
    assert 1 <= len(blocks) <= len(rows) == 10
    assert all(row.cell_length == 20 for row in rows)
    first = next(iter(blocks[0]))
    assert first.style is not None
    assert first.style.color is not None
    assert first.style.color.triplet == (255, 0, 0)


def test_what_is_no_image_is_none_and_why(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\nhalf")
    assert (
        draw(tmp_path / "x.png", Canvas(20, 10)).problem == "Its file cannot be read as an image."
    )
    assert draw(tmp_path / "gone.png", Canvas(20, 10)).problem == "Its file is gone."


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_an_image_that_would_take_gigabytes_is_not_opened(tmp_path: Path) -> None:
    Image.new("1", (20_000, 6_000)).save(tmp_path / "x.png")
    assert "too large to be shown here" in draw(tmp_path / "x.png", Canvas(20, 10)).problem


def test_nothing_is_opened_that_waits_or_starts_another_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert draw(tmp_path / "pipe.png", Canvas(20, 10)).problem
    started: list[object] = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *given, **_: started.append(given))
    Image.new("RGB", (8, 8)).save(tmp_path / "x.eps")
    (tmp_path / "x.eps").rename(tmp_path / "x.png")
    assert draw(tmp_path / "x.png", Canvas(20, 10)).problem
    assert started == []


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I", "I;16", "F"])
def test_a_picture_of_any_kind_of_pixels_is_drawn(tmp_path: Path, mode: str) -> None:
    file = tmp_path / ("x.tif" if mode in ("F", "I", "CMYK") else "x.png")
    Image.new(mode, (6, 4)).save(file)
    drawing = draw(file, Canvas(20, 10))
    assert (drawing.problem, drawing.size) == ("", (6, 4))


def test_a_photo_that_was_taken_upright_is_shown_so(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 20))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "x.jpg", exif=exif)
    drawing = draw(tmp_path / "x.jpg", Canvas(80, 20))
    assert drawing.size == (20, 40)
    assert drawing.rows[0].text.count(UPPER_HALF) == 20


async def test_a_wide_screen_shows_the_image_under_the_cursor(
    ready: FakeBackend, walk: Walker
) -> None:
    images = ready.workspace.images.path
    picture(images / IMAGES[0], 16, 16)
    async with walk(ready, size=(130, 40)) as app:
        await app.press("5", "enter")
        await app.settled()
        assert UPPER_HALF in app.text
        # The next one is a broken file: its name stands there instead.
        await app.press("j")
        assert UPPER_HALF not in app.text
        assert "is like" in app.text


async def test_a_narrow_screen_shows_it_when_asked(ready: FakeBackend, walk: Walker) -> None:
    picture(ready.workspace.images.path / IMAGES[0], 16, 16)
    async with walk(ready) as app:
        await app.press("5", "enter")
        assert UPPER_HALF not in app.text
        await app.press("enter")
        assert UPPER_HALF in app.text
        assert "copy" in app.text.splitlines()[-4]


@pytest.mark.parametrize(
    ("answer", "name", "protocol"),
    [
        ("\x1b_Gi=1;OK\x1b\\\x1b[6;18;9t\x1b[?62;c", "xterm-kitty", "kitty"),
        ("\x1b[6;18;9t\x1b[?62;4;22c", "foot", "sixel"),
        ("\x1b[6;18;9t\x1b[?62;4;9;22c", "xterm-256color vscode", "iterm"),
        ("\x1b[6;18;9t\x1b[?1;2c", "xterm-256color vscode", ""),
        ("", "xterm-256color iterm.app", ""),
    ],
)
def test_what_a_terminal_shows_is_read_from_its_answer(
    answer: str, name: str, protocol: str
) -> None:
    found = understood(answer, name)
    assert found.protocol == protocol
    assert found.cell == ((9, 18) if answer else (10, 20))


def test_a_picture_in_sixels_is_the_picture() -> None:
    image = Image.linear_gradient("L").convert("RGB").resize((50, 31))
    image.paste("red", (10, 5, 30, 20))
    shown = read_sixels(sixels(image))
    assert shown.size == image.size
    assert max(ImageStat.Stat(ImageChops.difference(image, shown)).mean) < 4


def read_sixels(codes: str) -> Any:
    """The image in a sixel text, as a terminal reads it."""
    head, _, body = codes.removesuffix("\x1b\\").removeprefix('\x1bP0;1q"').partition("#")
    _, _, width, height = map(int, head.split(";"))
    image, colours, colour, x, top = Image.new("RGB", (width, height)), {}, "", 0, 0
    for token in re.findall(r"#[\d;]+|!\d+.|.", "#" + body):
        if token[0] == "#":
            colour, *values = token[1:].split(";")
            if values:
                colours[colour] = tuple(round(int(value) * 2.55) for value in values[1:])
        elif token in "$-":
            x, top = 0, top + (6 if token == "-" else 0)
        else:
            count, bits = int(token[1:-1] or 1) if token[0] == "!" else 1, ord(token[-1]) - 63
            for column in range(x, x + count):
                for row in range(6):
                    if bits >> row & 1:
                        image.putpixel((column, top + row), colours[colour])
            x += count
    return image


def test_a_picture_in_iterms_code_is_the_picture_and_its_cells(tmp_path: Path) -> None:
    file = picture(tmp_path / "x.png", 90, 36)
    drawing = draw(file, Canvas(20, 6, TerminalPixels("iterm", (9, 18)), centred=True))
    code = re.fullmatch(r"\x1b]1337;File=inline=1;size=(\d+);([^:]*):([^\x07]*)\x07", drawing.over)
    assert code is not None
    data = base64.b64decode(code[3])
    assert len(data) == int(code[1])
    assert code[2] == "width=20;height=4;preserveAspectRatio=1;doNotMoveCursor=1"
    shown, drawn = Image.open(io.BytesIO(data)), Image.open(file).resize((180, 72))
    assert shown.size == drawn.size and drawing.offset == (0, 1)
    assert max(ImageStat.Stat(ImageChops.difference(shown, drawn)).mean) < 4


def test_a_picture_in_kittys_codes_is_the_picture_and_its_places(tmp_path: Path) -> None:
    file = picture(tmp_path / "x.png", 90, 36)
    canvas = Canvas(20, 4, TerminalPixels("kitty", (9, 18)), centred=True)
    drawing = draw(file, canvas)
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", drawing.ahead)
    assert "U=1" in parts[0][0] and "c=20" in parts[0][0] and "r=4" in parts[0][0]
    sent = Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in parts))))
    assert sent.size == (180, 72)
    assert [row.text.count("\U0010eeee") for row in drawing.rows] == [20] * 4
    number = next(part for part in parts[0][0].split(",") if part.startswith("i="))
    style = next(iter(drawing.rows[0])).style
    assert style is not None and style.color is not None and style.color.triplet is not None
    red, green, blue = style.color.triplet
    assert number == f"i={red << 16 | green << 8 | blue}"
    assert number in drawing.behind


async def test_an_image_in_a_bucket_is_named_by_its_url_and_said_to_have_no_picture_here(
    ready: FakeBackend, walk: Walker
) -> None:
    save_workspace(ready.workspace.root, {"images": {"path": None, "url": "s3://bucket/a"}})
    async with walk(ready) as app:
        await app.press("5", "enter")
        await app.settled()
        await app.press("enter")
        assert f"s3://bucket/{IMAGES[0]}" in app.text
        assert "only Label Studio shows its picture" in app.text
