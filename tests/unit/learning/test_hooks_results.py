"""What hooks may return: vectors in every form that is promised, losses and tags."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests.unit.learning.hooks_file import LOSSES, hooks_of, refusal


def test_the_three_functions_come_back_as_tags_vectors_losses_and_labeled(tmp_path: Path) -> None:
    hooks = hooks_of(
        tmp_path,
        """
        import numpy as np
        def get_embeddings(): return {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])}
        def get_loss_trainset(): return {"a": np.array(0.25)}
        def get_tags_labeled(): return ["a"]
        """,
    )
    assert list(hooks.embeddings.tags) == ["a", "b"]
    np.testing.assert_array_equal(hooks.embeddings.vectors, [[1, 2], [3, 4]])
    assert hooks.embeddings.vectors.dtype == np.float32
    assert hooks.losses == {"a": 0.25}
    assert hooks.labeled == {"a"}
    assert hooks.probabilities is None


def test_without_get_tags_labeled_nothing_is_said_about_labels(tmp_path: Path) -> None:
    assert hooks_of(tmp_path, "def get_embeddings(): return {'a': [1]}" + LOSSES).labeled is None


@pytest.mark.parametrize(
    "embeddings",
    [
        "{'a': [1, 2], 'b': [3, 4]}",
        "{'a': (1.0, 2.0), 'b': (3.0, 4.0)}",
        "{'a': Tensor([1, 2]), 'b': Tensor([3, 4])}",
        "{'a': Tensor([[1, 2]]), 'b': Tensor([[3, 4]])}",
        "(['a', 'b'], [[1, 2], [3, 4]])",
        "(('a', 'b'), Tensor([[1, 2], [3, 4]]))",
    ],
)
def test_a_python_without_numpy_may_return_lists_and_tensors(
    tmp_path: Path, bare_python: str, embeddings: str
) -> None:
    hooks = hooks_of(
        tmp_path,
        f"""
        class Tensor:
            def __init__(self, values): self.values = values
            def __len__(self): return len(self.values)
            def detach(self): return self
            def cpu(self): return self
            def float(self): return self
            def tolist(self): return self.values
            def item(self): return self.values
        def get_embeddings(): return {embeddings}
        def get_loss_trainset(): return {{"a": Tensor(0.5)}}
        """,
        bare_python,
    )
    assert list(hooks.embeddings.tags) == ["a", "b"]
    np.testing.assert_array_equal(hooks.embeddings.vectors, [[1, 2], [3, 4]])
    assert hooks.losses == {"a": 0.5}


@pytest.mark.parametrize(
    "embeddings",
    [
        "(['a', 'b'], np.array([[1, 2], [3, 4]], dtype='float64'))",
        "(np.array(['a', 'b']), np.array([[1, 2], [3, 4]], dtype='float16'))",
        "(['a', 'b'], np.asfortranarray([[1, 2], [3, 4]]))",
        "{'a': np.array([[1, 2]]), 'b': np.array([[3, 4]])}",
    ],
)
def test_arrays_of_any_number_type_and_layout_are_taken(tmp_path: Path, embeddings: str) -> None:
    hooks = hooks_of(
        tmp_path, f"import numpy as np\ndef get_embeddings(): return {embeddings}" + LOSSES
    )
    assert list(hooks.embeddings.tags) == ["a", "b"]
    np.testing.assert_array_equal(hooks.embeddings.vectors, [[1, 2], [3, 4]])


def test_an_array_of_many_blocks_arrives_whole_and_in_order(tmp_path: Path) -> None:
    hooks = hooks_of(
        tmp_path,
        "import numpy as np\ndef get_embeddings():\n"
        "    return [str(i) for i in range(9001)], np.arange(9001)[:, None] + [0.0, 0.5]" + LOSSES,
    )
    np.testing.assert_array_equal(hooks.embeddings.vectors[:, 1], np.arange(9001) + 0.5)
    assert hooks.embeddings.tags[9000] == "9000"


def test_a_path_to_an_npz_holds_tags_and_embeddings(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", tags=np.array(["a", "ü"]), embeddings=np.eye(2))
    hooks = hooks_of(tmp_path, "def get_embeddings(): return 'e.npz'" + LOSSES)
    assert list(hooks.embeddings.tags) == ["a", "ü"]
    np.testing.assert_array_equal(hooks.embeddings.vectors, np.eye(2))
    assert isinstance(hooks.embeddings.vectors, np.memmap)


def test_an_npz_may_hold_one_vector_a_tag(tmp_path: Path) -> None:
    np.savez(tmp_path / "e.npz", **{"img 1": np.array([1, 2]), "b": np.array([3, 4])})
    hooks = hooks_of(tmp_path, "def get_embeddings(): return 'e.npz'" + LOSSES)
    assert list(hooks.embeddings.tags) == ["img 1", "b"]
    np.testing.assert_array_equal(hooks.embeddings.vectors, [[1, 2], [3, 4]])


def test_a_path_to_an_npy_has_its_tags_beside_it(tmp_path: Path) -> None:
    np.save(tmp_path / "e.npy", np.eye(2, dtype=np.float16))
    (tmp_path / "e.json").write_text(json.dumps(["a", "b"]))
    hooks = hooks_of(
        tmp_path,
        "from pathlib import Path\ndef get_embeddings(): return Path('e.npy')" + LOSSES,
    )
    assert list(hooks.embeddings.tags) == ["a", "b"]
    assert isinstance(hooks.embeddings.vectors, np.memmap)


def test_files_of_vectors_are_never_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.save(tmp_path / "e.npy", np.array([[Trap()]], dtype=object), allow_pickle=True)
    (tmp_path / "e.json").write_text('["a"]')
    refusal(tmp_path, "def get_embeddings(): return 'e.npy'" + LOSSES)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"embeddings": np.eye(2)}, "tags"),
        ({"tags": np.array(["a"]), "b": np.eye(1), "c": np.eye(1)}, "2 arrays"),
        ({"a": np.ones(2), "b": np.ones(3)}, "shape (3,)"),
        ({}, "no vectors"),
        ({"tags": np.array(["a"]), "embeddings": np.eye(2)}, "1 tags and 2 vectors"),
        ({"tags": np.array(["a", "b"]), "embeddings": np.ones(2)}, "shape (2,)"),
        ({"tags": np.array([["a", "b"]]), "embeddings": np.eye(2)}, "shape (1, 2)"),
    ],
)
def test_an_npz_of_another_form_is_refused_with_what_it_needs(
    tmp_path: Path, content: dict[str, np.ndarray], said: str
) -> None:
    np.savez(tmp_path / "e.npz", **content)  # type: ignore[arg-type]
    error = refusal(tmp_path, "def get_embeddings(): return 'e.npz'" + LOSSES)
    assert said in str(error)


@pytest.mark.parametrize("name", ["gone.npz", "gone.npy", "broken.npz", "broken.npy", "e.csv"])
def test_a_missing_or_broken_file_of_vectors_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 cut off")
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY")
    (tmp_path / "broken.json").write_text('["a"]')
    error = refusal(tmp_path, f"def get_embeddings(): return {name!r}" + LOSSES)
    assert name in error.message
    assert error.cause


def test_probabilities_are_read_where_the_file_has_them(tmp_path: Path) -> None:
    hooks = hooks_of(
        tmp_path,
        "def get_embeddings(): return {'a': [1], 'b': [2]}\n"
        "def get_probabilities(): return {'b': [0.25, 0.75]}" + LOSSES,
    )
    assert hooks.probabilities is not None
    assert list(hooks.probabilities.tags) == ["b"]
    np.testing.assert_array_equal(hooks.probabilities.vectors, [[0.25, 0.75]])
