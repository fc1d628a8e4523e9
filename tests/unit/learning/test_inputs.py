"""Whose embeddings and losses a round is planned from: the user's own, function by function, or
what stands in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from core.errors import ConfigurationError, LabelpilotError
from core.extras import install_extra
from core.learning.builtin.losses import BY_A_HEAD
from core.learning.inputs.gathering import Inputs, gather
from core.learning.inputs.result_files import ROWS_AT_ONCE, read_embeddings, read_losses
from core.progress import finish
from core.workspace.settings import load_workspace
from tests.unit.learning.networks import mean_colours

HOOKS = "labeling/active_learning.py"
EMBEDDINGS = "def get_embeddings():\n    return {'red': [1, 0]}\n"
LOSSES = "def get_loss_trainset():\n    return {'red': 0.5}\n"


def inputs(root: Path, settings: str = "", hooks: str | None = None) -> Inputs:
    """What a round is planned from in a workspace of one red image."""
    (root / "data" / "images").mkdir(parents=True)
    Image.new("RGB", (9, 9), "red").save(root / "data" / "images" / "red.png")
    mean_colours(root / "mean.onnx")
    (root / "labelpilot.toml").write_text(f"[learning]\n{settings}")
    if hooks is not None:
        (root / "labeling").mkdir()
        (root / HOOKS).write_text(hooks)
    return finish(gather(load_workspace(root), root / ".labelpilot" / "rounds" / "one"))


@pytest.mark.parametrize(
    ("settings", "hooks", "embeddings_of", "losses_of"),
    [
        ("", EMBEDDINGS + LOSSES, HOOKS, HOOKS),
        ('embeddings = "e.csv"\nlosses = "l.csv"', EMBEDDINGS + LOSSES, HOOKS, HOOKS),
        ('embeddings = "e.csv"\nlosses = "l.csv"', EMBEDDINGS, HOOKS, "l.csv"),
        ('embeddings = "e.csv"\nlosses = "l.csv"', LOSSES, "e.csv", HOOKS),
        ('embeddings = "e.csv"\nmodel = "mean.onnx"', None, "e.csv", BY_A_HEAD),
        ('model = "mean.onnx"', None, "mean.onnx", BY_A_HEAD),
        ('model = "mean.onnx"', LOSSES, "mean.onnx", HOOKS),
        ("", None, "EfficientNet-Lite0", BY_A_HEAD),
    ],
)
def test_the_users_own_comes_first_function_by_function(
    tmp_path: Path, settings: str, hooks: str | None, embeddings_of: str, losses_of: str
) -> None:
    (tmp_path / "e.csv").write_text("tag,a,b\nred,0,1\n")
    (tmp_path / "l.csv").write_text("tag,loss\nred,0.25\n")
    found = inputs(tmp_path, settings, hooks)
    assert (found.embeddings_of, found.losses_of) == (embeddings_of, losses_of)
    length = {HOOKS: 2, "e.csv": 2, "mean.onnx": 3}.get(embeddings_of, 1280)
    assert found.embeddings.vectors.shape == (1, length)
    losses = {HOOKS: {"red": 0.5}, "l.csv": {"red": 0.25}, BY_A_HEAD: None}
    assert found.hooks.losses == losses[losses_of]


@pytest.mark.parametrize(("hooks", "cause"), [(None, "no labeling"), (LOSSES, "get_embeddings()")])
def test_where_nothing_makes_embeddings_it_says_why_and_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hooks: str | None, cause: str
) -> None:
    monkeypatch.setattr("core.learning.inputs.sources.PACKAGES", ("no_such_package",))
    with pytest.raises(ConfigurationError) as caught:
        inputs(tmp_path, hooks=hooks)
    assert cause in caught.value.cause
    assert install_extra("embed") in caught.value.next_step


# Files that a training run wrote

TAGS = ["a", "b"]
ROWS = [[1.0, 2.0], [3.0, 4.0]]
LOSS = {"a": 0.5, "b": 2.0}


def _written(file: Path, of: str) -> Path:
    """Embeddings or losses in a file of one of the kinds."""
    values: Any = ROWS if of == "embeddings" else list(LOSS.values())
    if file.suffix == ".npz":
        np.savez(file, tags=TAGS, values=values)
    elif file.suffix == ".npy":
        np.save(file, values)
        file.with_suffix(".json").write_text(json.dumps(TAGS))
    elif file.suffix == ".json":
        file.write_text(json.dumps(LOSS))
    elif file.suffix == ".csv" and of == "losses":
        file.write_text("epoch,loss,tag\n1,0.5,a\n1,2,b\n")
    elif file.suffix == ".csv":
        file.write_text("a,1,2\n\nb,3,4\n")
    else:
        column = "embedding" if of == "embeddings" else "loss"
        parquet.write_table(pyarrow.table({"tag": TAGS, "epoch": [1, 1], column: values}), file)
    return file


@pytest.mark.parametrize("ending", ["npz", "npy", "csv", "parquet"])
def test_embeddings_are_read_from_files_of_a_training_run(tmp_path: Path, ending: str) -> None:
    file = _written(tmp_path / f"e.{ending}", "embeddings")
    found = read_embeddings(file, tmp_path / "unpacked.npy")
    assert list(found.tags) == TAGS
    np.testing.assert_array_equal(found.vectors, ROWS)


@pytest.mark.parametrize("ending", ["npz", "npy", "csv", "parquet", "json"])
def test_losses_are_read_from_files_of_a_training_run(tmp_path: Path, ending: str) -> None:
    assert read_losses(_written(tmp_path / f"l.{ending}", "losses")) == LOSS


def test_empty_lines_are_no_rows_however_many_there_are(tmp_path: Path) -> None:
    file = tmp_path / "l.csv"
    file.write_text("tag,loss\na,0.5\nb,2\n" + "\n" * 2 * ROWS_AT_ONCE)
    assert read_losses(file) == LOSS


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.csv", "tag,loss\na\n"),
        ("l.csv", "tag,loss\na,high\n"),
        ("l.csv", "tag;loss\na;1\n"),
        ("l.json", "[1, 2]"),
        ("l.npz", "no archive"),
        ("l.parquet", "no table"),
        ("l.pkl", ""),
        ("missing.csv", None),
        ("missing.npz", None),
    ],
)
def test_a_file_that_cannot_be_used_is_named_in_one_sentence(
    tmp_path: Path, name: str, content: str | None
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(LabelpilotError) as caught:
        read_losses(tmp_path / name)
    assert name in caught.value.message
    assert ("training write it" in caught.value.next_step) == (content is None)
    with pytest.raises(LabelpilotError) as caught:
        read_embeddings(tmp_path / name, tmp_path / "unpacked.npy")
    assert name in caught.value.message
    assert ("training write it" in caught.value.next_step) == (content is None)
    assert not (tmp_path / "unpacked.npy").exists()
