"""Small networks of the tests' own, as ONNX files: quick to run, and plain to check."""

from __future__ import annotations

from pathlib import Path

from onnx import TensorProto, helper, save_model


def mean_colours(
    file: Path, *, shape: tuple[object, ...] = ("N", 3, 8, 8), kind: int = TensorProto.FLOAT
) -> Path:
    """A network whose vector of an image is its mean red, green and blue."""
    places = [2, 3] if shape[1] == 3 else [1, 2]
    nodes = [
        helper.make_node("Cast", ["images"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["numbers"], ["means"], axes=places, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "mean colours",
        [helper.make_tensor_value_info("images", kind, shape)],
        [helper.make_tensor_value_info("means", TensorProto.FLOAT, [shape[0], 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    helper.set_model_props(model, {"mean": "0,0,0", "std": "1,1,1"})
    save_model(model, file)
    return file
