"""A network in an ONNX file that turns images into vectors: labelpilot's own, or the user's.

What it takes is read from the file: how large its images are, whether colours come first or last,
numbers or bytes. A network that takes numbers is given pixels of 0 to 1, less `mean`, by `std`: as
the file's own properties of these names say (three numbers each, with commas between), else those
of ImageNet, with which most are trained. What it gives is its first output of one vector an image;
where there is none, the mean over the places of its first output.
"""

from __future__ import annotations

import glob
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.errors import ConfigurationError, LabelpilotError
from core.files import sha256_of
from core.learning.builtin import network
from core.learning.inputs.sources import NETWORK

# Where a network takes images of any size.
SIDE = 224
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
KINDS: dict[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
}


@dataclass(frozen=True, slots=True)
class ImageModel:
    """A network that is loaded. `rows` is how many images it takes at once (None: any number); a
    pixel is given to it times `_factors`, plus `_offsets`, of its colour."""

    name: str
    width: int
    height: int
    rows: int | None
    _session: Any
    _input: Any
    _output: Any
    _colours_last: bool
    _factors: NDArray[np.float32]
    _offsets: NDArray[np.float32]

    def vectors(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The vectors (n, d) of `images` (n, height, width, 3), of length 1 but for what is none.

        Safe in several threads at once.
        """
        count, rows = len(images), self.rows or len(images)
        missing = -count % rows
        if missing:
            images = np.concatenate([images, np.repeat(images[-1:], missing, axis=0)])
        found = []
        for start in range(0, len(images), rows):
            given = {self._input.name: self._given(images[start : start + rows])}
            try:
                output = self._session.run([self._output.name], given)[0]
            except Exception as error:  # a class of its own for each way to fail
                raise LabelpilotError(
                    f"The network {self.name} failed on images.", cause=_short(error)
                ) from None
            found.append(self._pooled(output))
        vectors = np.concatenate(found)[:count]
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        scaled: NDArray[np.float32] = vectors / np.where(norms > 0, norms, 1)
        return scaled

    def _given(self, images: NDArray[np.uint8]) -> NDArray[Any]:
        """The images as the network takes them."""
        kind = KINDS[self._input.type]
        planes = np.moveaxis(images, -1, 1)
        if kind is np.uint8:
            return np.ascontiguousarray(images if self._colours_last else planes)
        given = np.empty(images.shape if self._colours_last else planes.shape, np.float32)
        # Colour by colour, which takes a quarter of the time of all at once.
        for colour, (factor, offset) in enumerate(zip(self._factors, self._offsets, strict=True)):
            plane = given[..., colour] if self._colours_last else given[:, colour]
            np.multiply(planes[:, colour], factor, out=plane, dtype=np.float32)
            plane += offset
        return given.astype(kind, copy=False)

    def _pooled(self, output: NDArray[Any]) -> NDArray[np.float32]:
        values = output.astype(np.float32)
        if values.ndim == 4:
            return np.asarray(values.mean(axis=(1, 2) if self._colours_last else (2, 3)))
        return np.asarray(values.mean(axis=1)) if values.ndim == 3 else values


def load_model(file: Path | None) -> ImageModel:
    """The network in `file`; None: labelpilot's own.

    Raises ConfigurationError where it or what runs it is missing, or it takes no images.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        raise network.not_installed()
    name = name_of(file)
    return _checked(name, _session(name, network.network() if file is None else str(file)))


def name_of(file: Path | None) -> str:
    """What the network in `file` is called; None: labelpilot's own."""
    return NETWORK if file is None else file.name


def key_of(file: Path | None) -> str:
    """What tells the network in `file` from another, without loading it: the file, and those beside
    it that hold its weights. Raises ConfigurationError where it cannot be read."""
    if file is None:
        return network.KEY
    try:
        beside = sorted(file.parent.glob(f"{glob.escape(file.name)}[._]*"))
        return hashlib.sha256("".join(map(sha256_of, [file, *beside])).encode()).hexdigest()
    except OSError as error:
        raise ConfigurationError(
            f"The network {file} cannot be read.",
            cause=error.strerror or str(error),
            next_step="Name an ONNX file, with `--model` or as `model` under [learning]; without "
            f"one, {NETWORK} is taken.",
        ) from None


def _session(name: str, content: str | bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread a run: images side by side keep all processors busy, with nothing to wait for.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(
            content, options, providers=onnxruntime.get_available_providers()
        )
    except Exception as error:  # a class of its own for each way a file can be wrong
        raise ConfigurationError(
            f"The network {name} cannot be loaded.", cause=_short(error)
        ) from None


def _checked(name: str, session: Any) -> ImageModel:
    first, *others = session.get_inputs()
    shape = [size if isinstance(size, int) and size > 0 else None for size in first.shape]
    colours = [place for place in (1, 3) if len(shape) == 4 and shape[place] == 3]
    if others or first.type not in KINDS or not colours:
        what = ", ".join(f"{one.name}: {one.type} {one.shape}" for one in (first, *others))
        raise ConfigurationError(
            f"The network {name} takes something else than images.",
            cause=f"It takes {what}.",
            next_step="It must take one input of (N, 3, height, width) or (N, height, width, 3), "
            "as float, float16 or uint8.",
        )
    last = colours[0] == 3
    height, width = (shape[1], shape[2]) if last else (shape[2], shape[3])
    outputs = session.get_outputs()
    output = next((one for one in outputs if len(one.shape or ()) == 2), outputs[0])
    said = session.get_modelmeta().custom_metadata_map
    scale = {what: _numbers(said.get(what, ""), IMAGENET[what]) for what in IMAGENET}
    factors = np.float32(1 / 255) / scale["std"]
    return ImageModel(
        name,
        width or SIDE,
        height or SIDE,
        shape[0],
        session,
        first,
        output,
        last,
        factors,
        -scale["mean"] / scale["std"],
    )


def _numbers(text: str, otherwise: tuple[float, ...]) -> NDArray[np.float32]:
    """The three numbers in `text`, or those that stand in for them."""
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    return np.array(numbers if len(numbers) == 3 else otherwise, np.float32)


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
