"""labelpilot's own network, and the user's: what they take and what they give."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import skimage.data
from onnx import TensorProto
from PIL import Image

from core.errors import ConfigurationError
from core.learning.builtin.model import key_of, load_model
from core.learning.builtin.network import network
from core.pictures import read_pixels
from tests.unit.learning.networks import mean_colours

PHOTOGRAPHS = Path(skimage.data.__file__).parent


@pytest.mark.parametrize(
    ("photograph", "classes"),
    # ImageNet's: espresso; five cats; moped and motor scooter.
    [("coffee", {967}), ("chelsea", set(range(281, 286))), ("motorcycle_left", {665, 670})],
)
def test_it_tells_what_photographs_show(photograph: str, classes: set[int]) -> None:
    session = onnxruntime.InferenceSession(network(classify=True))
    pixels = read_pixels(PHOTOGRAPHS / f"{photograph}.png", 224, 224)
    image = (pixels.astype(np.float32).transpose(2, 0, 1) / 255 - 0.5) / 0.5
    assert int(session.run(None, {"images": image[None]})[0].argmax()) in classes


def test_its_vectors_have_length_one_and_are_another_for_another_image() -> None:
    model = load_model(None)
    images = np.stack([read_pixels(PHOTOGRAPHS / f"{n}.png", 224, 224) for n in ("coins", "moon")])
    vectors = model.vectors(images)
    assert vectors.shape == (2, 1280)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] < 0.9


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        (("N", 3, 8, 8), TensorProto.FLOAT),
        (("N", 8, 8, 3), TensorProto.FLOAT),
        ((2, 3, 8, 8), TensorProto.FLOAT16),
        (("N", "H", "W", 3), TensorProto.UINT8),
    ],
)
def test_a_network_of_the_users_is_given_images_as_it_takes_them(
    tmp_path: Path, shape: tuple[object, ...], kind: int
) -> None:
    model = load_model(mean_colours(tmp_path / "mean.onnx", shape=shape, kind=kind))
    images = np.zeros((3, model.height, model.width, 3), np.uint8)
    images[:, :, :, 0], images[2, :, :, 1] = 30, 40
    assert np.allclose(model.vectors(images), [[1, 0, 0], [1, 0, 0], [0.6, 0.8, 0]], atol=2e-3)


def test_another_network_has_another_key(tmp_path: Path) -> None:
    first = key_of(mean_colours(tmp_path / "a.onnx"))
    assert key_of(mean_colours(tmp_path / "b.onnx")) == first
    (tmp_path / "b.onnx.data").write_bytes(b"weights beside it")
    assert key_of(tmp_path / "b.onnx") != first


def test_labelpilots_own_network_is_known_by_its_key_without_being_put_together() -> None:
    assert hashlib.sha256(network()).hexdigest() == key_of(None)


def test_what_is_no_network_for_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("a network")
    for file in (
        tmp_path / "text.onnx",
        tmp_path / "missing.onnx",
        mean_colours(tmp_path / "layers.onnx", shape=("N", 5, 8, 8)),
    ):
        with pytest.raises(ConfigurationError) as caught:
            load_model(file)
        assert file.name in caught.value.message


def _picture(tmp_path: Path, name: str) -> Path:
    """The left half black, the right half white, in one of the ways that files have."""
    pixels = np.zeros((40, 60), np.uint8)
    pixels[:, 30:] = 255
    grey = Image.fromarray(pixels)
    file = tmp_path / name
    kinds = {
        "16.png": lambda: Image.fromarray(pixels.astype(np.uint16) * 257),
        "32.tif": lambda: Image.fromarray(pixels.astype(np.int32) * 1000),
        "float.tif": lambda: Image.fromarray(pixels.astype(np.float32) / 255),
    }
    mode = name.partition(".")[0]
    image = kinds[name]() if name in kinds else grey.convert("RGB").convert(mode)
    image.save(file)
    return file


@pytest.mark.parametrize(
    "name",
    "1.png L.png LA.png P.png P.gif RGB.jpg RGB.webp RGB.bmp RGBA.png CMYK.jpg CMYK.tif YCbCr.tif "
    "16.png 32.tif float.tif".split(),
)
def test_an_image_of_any_mode_shows_the_same(tmp_path: Path, name: str) -> None:
    pixels = read_pixels(_picture(tmp_path, name), 30, 20)
    assert pixels.shape == (20, 30, 3)
    assert pixels[:, :12].max() < 20
    assert pixels[:, 18:].min() > 235


@pytest.mark.parametrize("turn", range(1, 9))
def test_an_image_stands_as_it_was_taken(tmp_path: Path, turn: int) -> None:
    white_corner = {1: (0, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (0, 0), 6: (1, 0)}
    white_corner |= {7: (1, 1), 8: (0, 1)}
    pixels = np.zeros((32, 48, 3), np.uint8)
    y, x = white_corner[turn]
    pixels[y * 16 : y * 16 + 16, x * 24 : x * 24 + 24] = 255
    exif = Image.Exif()
    exif[0x0112] = turn
    Image.fromarray(pixels).save(tmp_path / "a.jpg", exif=exif, quality=95)
    upright = read_pixels(tmp_path / "a.jpg", 24, 24)
    assert upright[:9, :9].min() > 200
    assert upright[15:].max() < 60
    assert upright[:, 15:].max() < 60


def test_what_shows_through_is_white_and_an_animation_shows_its_first_picture(
    tmp_path: Path,
) -> None:
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert read_pixels(tmp_path / "clear.png", 8, 8).min() == 255
    red, blue = Image.new("RGB", (9, 9), "red"), Image.new("RGB", (9, 9), "blue")
    red.save(tmp_path / "moving.gif", save_all=True, append_images=[blue])
    assert read_pixels(tmp_path / "moving.gif", 8, 8)[0, 0].tolist() == [255, 0, 0]
