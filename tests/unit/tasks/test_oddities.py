"""What of the images makes trouble later is said while they become tasks, with its fix."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from core.errors import ConfigurationError
from core.labeling_config import parse_labeling_config, refuse_more_data
from core.progress import finish
from core.tasks import oddities
from core.tasks.oddities import odd_files, odd_names
from core.tasks.scan import scan_images
from core.workspace.settings import Images


def picture(kind: str) -> bytes:
    """A picture of some size, so that half of it is no whole one."""
    content = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(content, kind)
    return content.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(b"x")
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("a/one.png", "b/one.png"), ["1 tag stands", "a/one.png", "b/one.png", 'tag = "path"']),
        (("one.png", "one.jpg"), ["1 tag stands", "one.jpg"]),
        (("IMG.png", "img.png"), ["1 name is", "IMG.png", "upper or lower"]),
        (("a/x.png", "A/X.png"), ["1 name is", "A/X.png"]),
        (("._x.png", "x.png"), ["1 image is a hidden", "._x.png", ": remove it,", "[^.]"]),
        ((".thumbs/t.png", "x.png"), ["1 image is a hidden", ".thumbs/t.png"]),
    ],
)
def test_odd_names_are_said_with_their_fix(
    folder: Callable[..., Path], names: tuple[str, ...], words: list[str]
) -> None:
    manifest = finish(scan_images(Images(path=folder(*names), recursive=True)))
    (sentence,) = odd_names(manifest, "stem")
    assert all(word in sentence for word in words), sentence


def test_usual_names_and_equal_ones_that_have_a_path_for_a_tag_are_not_odd(
    folder: Callable[..., Path],
) -> None:
    manifest = finish(scan_images(Images(path=folder("a/1.png", "b/1.png"), recursive=True)))
    assert odd_names(manifest, "path") == []


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_a_whole_picture_is_not_odd_and_a_cut_or_empty_one_is(tmp_path: Path, kind: str) -> None:
    whole = picture(kind)
    (tmp_path / "whole.png").write_bytes(whole)
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.png").touch()
    found = finish(odd_files(tmp_path, ["whole.png", "cut.png", "empty.png"]))
    said = " ".join(found)
    assert "1 image is an empty file (empty.png)" in said
    # A bitmap's end is like its middle.
    assert ("1 image looks cut off (cut.png)" in said) == (kind != "BMP")
    assert "whole.png" not in said


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<!DOCTYPE html><html>404</html>", "no picture"),
        (b'{"error": "no"}', "no picture"),
        (b"version https://git-lfs.github.com/spec/v1\n", "no picture"),
        (picture("TIFF"), "TIFF"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(50), "TIFF or HEIC"),
        (b'<?xml version="1.0"?><svg/>', ""),
        (b"\x00\x00\x00\x18ftypavif" + bytes(50), ""),
    ],
)
def test_what_is_no_picture_for_a_browser_is_said_whatever_it_is_called(
    tmp_path: Path, content: bytes, words: str
) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    found = finish(odd_files(tmp_path, ["a.jpg", "gone.jpg"]))
    assert len(found) == bool(words) and all(words in sentence for sentence in found)


def test_of_very_many_files_some_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oddities, "MOST_LOOKED_AT", 10)
    for number in range(100):
        (tmp_path / f"{number}.png").touch()
    (sentence,) = finish(odd_files(tmp_path, [f"{number}.png" for number in range(100)]))
    assert sentence.startswith("10 images of the 10 that were looked at are empty")


def test_a_config_that_wants_more_of_a_task_than_its_image_is_refused_in_words() -> None:
    config = """<View><Image name="image" value="$image"/>{}
    <Choices name="kind" toName="image"><Choice value="$5 bill"/></Choices></View>"""
    refuse_more_data(parse_labeling_config(config.format('<Header value="$shown"/>')))
    with pytest.raises(ConfigurationError, match=r"\$caption") as raised:
        refuse_more_data(parse_labeling_config(config.format('<Text name="t" value="$caption"/>')))
    assert "Take the tags" in raised.value.next_step
