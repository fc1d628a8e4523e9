"""Vectors larger than the memory are searched all the same."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.errors import LabelpilotError
from core.learning.hooks.vector_files import VectorFile, load_vectors, open_vectors
from tests.unit.learning.shard_folder import write_shards

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
    from core.learning.inputs.embeddings import unit_vectors
    from core.learning.hooks.run import Hooks
    from core.learning.rounds.options import RoundOptions
    from core.learning.inputs.pool import make_pool
    from core.learning.orders.ranking import rank
    from core.learning.hooks.vector_files import TaggedVectors, VectorFile, open_vectors
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
    pool = finish(make_pool(hooks, set(tags), path=folder / "unit.npy"))
    assert isinstance(pool.vectors, VectorFile)
    order = finish(rank(pool, RoundOptions("v1"))).order
    np.savez(folder / "order.npz", indices=order.indices, scores=order.scores)
"""


def test_embeddings_larger_than_the_memory_limit_are_ranked_right(tmp_path: Path) -> None:
    from core.learning.hooks.run import Hooks
    from core.learning.hooks.vector_files import TaggedVectors
    from core.learning.inputs.pool import make_pool
    from core.learning.orders.ranking import rank
    from core.learning.rounds.options import RoundOptions
    from core.progress import finish

    rows, length = 120_000, 250
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
        # Each thread's arena would take of the limit what it never uses.
        env={"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "2", "MALLOC_ARENA_MAX": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    tags = [str(row) for row in range(rows)]
    losses = {tag: 1.0 + row for row, tag in enumerate(tags[:40])}
    hooks = Hooks(TaggedVectors(tags, vectors), losses, None, None, 0.0)
    pool = finish(make_pool(hooks, set(tags), path=tmp_path / "again.npy"))
    expected = finish(rank(pool, RoundOptions("v1"))).order
    found = np.load(tmp_path / "order.npz")
    np.testing.assert_array_equal(found["indices"], expected.indices)
    np.testing.assert_array_equal(found["scores"], expected.scores)


SHARDED = np.random.default_rng(0).standard_normal((900, 3))
SHARDED_TAGS = [f"img_{row}" for row in range(900)]


def test_a_folder_of_shards_gives_all_tags_and_vectors_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    write_shards(folder, SHARDED, SHARDED_TAGS)
    found = load_vectors(folder, tmp_path / "whole.npy", "get_embeddings()")
    assert list(found.tags) == SHARDED_TAGS
    assert isinstance(found.vectors, np.memmap)
    np.testing.assert_array_equal(found.vectors, SHARDED.astype("f4"))


def cut(folder: Path) -> None:
    file = folder / "00001.npy"
    file.write_bytes(file.read_bytes()[:-8])


def changed(folder: Path) -> None:
    np.save(folder / "00001.npy", SHARDED[:250])


def without_checksum(folder: Path) -> None:
    content = json.loads((folder / "manifest.json").read_text())
    content["shards"][1] |= {"sha256": "", "rows": 249}
    (folder / "manifest.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    "harm",
    [
        cut,
        changed,
        without_checksum,
        lambda folder: (folder / "00001.npy").unlink(),
        lambda folder: (folder / "00001.json").unlink(),
        lambda folder: (folder / "00001.json").write_text('["img_1"]'),
        lambda folder: np.save(folder / "00001.npy", np.array([["a"] * 3] * 250)),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: (folder / "manifest.json").write_text("[]"),
        lambda folder: (folder / "manifest.json").write_text(
            '{"length": 3, "shards": [{"file": "../../x.npy", "rows": 1}]}'
        ),
        lambda folder: (folder / "manifest.json").write_text('{"length": 3, "shards": []}'),
    ],
    ids=[
        "cut off",
        "changed",
        "fewer rows",
        "no shard",
        "no tags",
        "too few tags",
        "text",
        "no manifest",
        "a list",
        "outside",
        "empty",
    ],
)
def test_shards_that_do_not_fit_are_refused_and_leave_nothing(
    tmp_path: Path, harm: Callable[[Path], object]
) -> None:
    folder = tmp_path / "shards"
    folder.mkdir()
    write_shards(folder, SHARDED, SHARDED_TAGS)
    harm(folder)
    with pytest.raises(LabelpilotError, match="cannot be used") as caught:
        load_vectors(folder, tmp_path / "whole.npy", "get_embeddings()")
    assert caught.value.cause
    assert not (tmp_path / "whole.npy").exists()
