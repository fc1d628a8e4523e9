"""Vectors larger than the memory are searched all the same."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from core.learning.vector_files import VectorFile, open_vectors

ROOT = Path(__file__).parents[3]


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Path, np.ndarray]:
    vectors = np.random.default_rng(0).standard_normal((50, 3))
    np.save(tmp_path / "v.npy", vectors)
    return tmp_path / "v.npy", vectors


def test_a_file_read_piece_by_piece_gives_what_a_mapped_one_gives(
    stored: tuple[Path, np.ndarray],
) -> None:
    path, vectors = stored
    pieces = VectorFile(path)
    assert (pieces.shape, pieces.dtype, len(pieces)) == ((50, 3), np.float64, 50)
    some = np.array([[3, -1], [49, 0]])
    for rows in (slice(10, 20), slice(45, 90), slice(7, 3), slice(0, 50, 7), [4, 2], some, 5):
        np.testing.assert_array_equal(pieces[rows], vectors[rows])
    chosen = vectors[:, 0] > 0
    np.testing.assert_array_equal(pieces[chosen], vectors[chosen])


def test_a_file_that_is_cut_off_is_refused(stored: tuple[Path, np.ndarray]) -> None:
    path, _ = stored
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="cut off"):
        VectorFile(path)


def test_where_there_is_room_the_file_is_mapped(stored: tuple[Path, np.ndarray]) -> None:
    assert isinstance(open_vectors(stored[0]), np.memmap)


WITHIN_A_LIMIT = """
    import resource, sys
    from pathlib import Path
    import numpy as np
    from core.learning.embeddings import unit_vectors
    from core.learning.hooks import Hooks
    from core.learning.ranking import Options, make_pool, rank
    from core.learning.vector_files import TaggedVectors, VectorFile, open_vectors
    from core.progress import finish

    folder, rows = Path(sys.argv[1]), int(sys.argv[2])
    tags = [str(row) for row in range(rows)]
    losses = {tag: 1.0 + row for row, tag in enumerate(tags[:40])}
    np.ones((8, 8)) @ np.ones((8, 8))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    size = (folder / "embeddings.npy").stat().st_size
    resource.setrlimit(resource.RLIMIT_AS, (used + size - (1 << 20),) * 2)
    vectors = open_vectors(folder / "embeddings.npy")
    assert isinstance(vectors, VectorFile), "there was room to map it"
    hooks = Hooks(TaggedVectors(tags, vectors), losses, None, None, 0.0)
    pool = finish(make_pool(hooks, tags, path=folder / "unit.npy"))
    assert isinstance(pool.vectors, VectorFile)
    order = finish(rank("nearest-loss", pool, Options(k=5))).order
    np.savez(folder / "order.npz", indices=order.indices, scores=order.scores)
"""


def test_embeddings_larger_than_the_memory_limit_are_ranked_right(tmp_path: Path) -> None:
    from core.learning.hooks import Hooks
    from core.learning.ranking import Options, make_pool, rank
    from core.learning.vector_files import TaggedVectors
    from core.progress import finish

    rows, length = 80_000, 1_000
    random = np.random.default_rng(0)
    vectors = np.lib.format.open_memmap(
        tmp_path / "embeddings.npy", "w+", np.float32, (rows, length)
    )
    for start in range(0, rows, 8_000):
        vectors[start : start + 8_000] = random.standard_normal((8_000, length), np.float32)
    vectors.flush()
    script = tmp_path / "limited.py"
    script.write_text(textwrap.dedent(WITHIN_A_LIMIT))
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), str(rows)],
        env={"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tags = [str(row) for row in range(rows)]
    losses = {tag: 1.0 + row for row, tag in enumerate(tags[:40])}
    hooks = Hooks(TaggedVectors(tags, vectors), losses, None, None, 0.0)
    pool = finish(make_pool(hooks, tags, path=tmp_path / "again.npy"))
    expected = finish(rank("nearest-loss", pool, Options(k=5))).order
    found = np.load(tmp_path / "order.npz")
    np.testing.assert_array_equal(found["indices"], expected.indices)
    np.testing.assert_array_equal(found["scores"], expected.scores)
