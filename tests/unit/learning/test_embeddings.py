"""Embeddings are normalised once, and what cannot be compared is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from core.errors import LabelpilotError
from core.learning.hooks.vector_files import TaggedVectors, open_vectors
from core.learning.inputs.embeddings import (
    KEPT,
    check_tags,
    kept_unit_vectors,
    named_tags,
    unit_vectors,
)
from core.progress import finish
from tui.commands.exit_codes import ExitCode, exit_code

TAGS = ("a", "b", "c")


@given(
    arrays(
        st.sampled_from([np.float16, np.float32, np.float64]),
        st.tuples(st.integers(1, 6), st.integers(1, 5)),
        elements=st.floats(0.0625, 1000, width=16),
    )
)
def test_every_vector_gets_length_one_and_keeps_its_direction(vectors: np.ndarray) -> None:
    tags = [str(row) for row in range(len(vectors))]
    unit = finish(unit_vectors(TaggedVectors(tags, vectors)))
    expected = vectors / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit, expected, rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_very_small_and_very_large_vectors_keep_their_direction(scale: float) -> None:
    unit = finish(unit_vectors(TaggedVectors(["a"], np.array([[3.0, 4.0]]) * scale)))
    np.testing.assert_allclose(unit, [[0.6, 0.8]], rtol=1e-6)


def test_unit_vectors_in_a_file_come_back_memory_mapped(tmp_path: Path) -> None:
    path = tmp_path / "round" / "unit.npy"
    unit = finish(unit_vectors(TaggedVectors(["a", "b"], np.diag([2.0, 3.0])), path))
    assert isinstance(unit, np.memmap)
    np.testing.assert_array_equal(np.load(path), np.eye(2))


def test_unit_vectors_are_made_once_of_each_file_and_anew_where_it_has_changed(
    tmp_path: Path,
) -> None:
    cache = tmp_path / "cache"

    def kept(file: int, scale: float | None = None) -> tuple[list[list[float]], int]:
        path = tmp_path / f"{file}.npy"
        if scale is not None:
            np.save(tmp_path / "new.npy", np.array([[scale, 0.0], [3.0, 4.0]]))
            (tmp_path / "new.npy").replace(path)
        unit = finish(kept_unit_vectors(TaggedVectors(["a", "b"], open_vectors(path)), cache))
        return unit.tolist(), max(one.stat().st_ino for one in cache.iterdir())

    made = kept(0, 2.0)
    assert made[0][0] == [1.0, 0.0]
    assert kept(0) == made
    assert kept(0, -2.0)[0][0] == [-1.0, 0.0]
    (damaged,) = [one for one in cache.iterdir() if np.load(one)[0, 0] < 0]
    damaged.write_bytes(b"no array")
    assert kept(0)[0][0] == [-1.0, 0.0]
    for file in range(1, KEPT + 2):
        kept(file, 1.0)
    assert len(list(cache.iterdir())) == KEPT


@pytest.mark.parametrize(
    ("vector", "kind"),
    [
        ([np.nan, 1.0], "NaN"),
        ([np.inf, 1.0], "Infinite"),
        ([1e300, 1.0], "Infinite"),
        ([0.0, 0.0], "All zeros"),
    ],
)
def test_a_vector_without_a_direction_is_named_and_nothing_is_left(
    tmp_path: Path, vector: list[float], kind: str
) -> None:
    vectors = np.array([[1.0, 2.0], vector, [3.0, 4.0]])
    with pytest.raises(LabelpilotError) as caught:
        finish(unit_vectors(TaggedVectors(TAGS, vectors), tmp_path / "unit.npy"))
    assert exit_code(caught.value) == ExitCode.FAILED
    assert caught.value.cause == f"{kind}: 'b'."
    assert list(tmp_path.iterdir()) == []


def test_bad_vectors_of_many_blocks_are_counted_and_the_first_named() -> None:
    vectors = np.ones((10_000, 2))
    vectors[4_000:4_200] = 0
    tags = [f"img_{row}" for row in range(10_000)]
    with pytest.raises(LabelpilotError) as caught:
        finish(unit_vectors(TaggedVectors(tags, vectors)))
    assert "'img_4000'" in caught.value.cause
    assert "and 195 more" in caught.value.cause


def test_cancelling_leaves_no_file(tmp_path: Path) -> None:
    work = unit_vectors(TaggedVectors(TAGS, np.eye(3)), tmp_path / "unit.npy")
    next(work)
    work.close()
    assert list(tmp_path.iterdir()) == []


def test_hooks_that_fit_the_images_pass() -> None:
    check_tags(TAGS, {*TAGS, "without an embedding"}, {"a": 1.0}, {"b"})


@pytest.mark.parametrize(
    ("tags", "losses", "labeled", "message", "named"),
    [
        (["a", "b", "a"], {}, (), "have two embeddings", "'a'."),
        (["a", "x"], {}, (), "an embedding", "'x'."),
        (["a"], {"a": 1.0, "y": 2.0}, (), "a loss", "'y'."),
        (["a"], {}, {"z"}, "a label", "'z'."),
        (["a"], {"b": 1.0}, (), "without an embedding", "'b'."),
        (["a", "b"], {"a": float("nan"), "b": float("inf")}, (), "not finite", "'a', 'b'."),
    ],
)
def test_tags_that_do_not_fit_are_refused_by_name(
    tags: list[str], losses: dict[str, float], labeled: set[str], message: str, named: str
) -> None:
    with pytest.raises(LabelpilotError) as caught:
        check_tags(tags, TAGS, losses, labeled)
    assert exit_code(caught.value) == ExitCode.FAILED
    assert message in caught.value.message
    assert caught.value.cause == named


@pytest.mark.parametrize("tag", ["img_1.png", "data/images/img_1.png"])
def test_a_file_name_in_place_of_a_tag_gets_the_tag_as_a_hint(tag: str) -> None:
    with pytest.raises(LabelpilotError) as caught:
        check_tags([tag], ["img_1", "img_2"], {})
    assert "'img_1'" in caught.value.next_step


def test_a_long_list_of_tags_is_cut_and_counted() -> None:
    assert named_tags("abc") == "'a', 'b', 'c'"
    assert named_tags("abcdefgh") == "'a', 'b', 'c', 'd', 'e' and 3 more"
