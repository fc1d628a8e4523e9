"""A hooks file in a workspace of the tests' own, and what running it gives."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from core.errors import LabelpilotError
from core.learning.hooks.run import Hooks, run_hooks
from core.progress import finish
from core.workspace.settings import Learning, Workspace

LOSSES = """
def get_loss_trainset():
    return {"a": 0.5}
"""


def workspace(root: Path, hooks: str, python: str = sys.executable) -> Workspace:
    file = root / "labeling" / "active_learning.py"
    file.parent.mkdir(exist_ok=True)
    file.write_text(textwrap.dedent(hooks))
    return Workspace(root=root, learning=Learning(hooks=file, python=python))


def hooks_of(root: Path, text: str, python: str = sys.executable) -> Hooks:
    return finish(run_hooks(workspace(root, text, python), root / "round"))


def refusal(root: Path, text: str) -> LabelpilotError:
    with pytest.raises(LabelpilotError) as caught:
        hooks_of(root, text)
    assert "Traceback" not in str(caught.value)
    return caught.value
