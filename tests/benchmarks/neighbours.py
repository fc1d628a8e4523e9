"""How fast, and in how little memory, nearest neighbours are found.

    uv run python tests/benchmarks/neighbours.py --json

For each size, clustered vectors go to a file, and processes of their own search it: exact search
against the bare blocked matrix product (in turns, so that a busy moment of the machine meets both),
against scikit-learn asked one query at a time as the manual's script does (a sample, scaled up),
against faiss's flat index, and against Annoy with its build. Memory is what the process holds
beyond the mapped file. `--quick` takes the smaller size only.

    uv run python tests/benchmarks/neighbours.py --pieces 10000000 --json

searches more than one machine should hold, shard by shard as the workers of a cluster do, with only
one shard on the disk at a time, beside what the cost model expects of one core.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from cases import Case, show

from core.learning.hooks.vector_files import Shard

SIZES = [(200_000, 256), (1_000_000, 512)]
QUERIES = [100, 1_000, 10_000]
K = 10
CHECKED = 50
ASKED_ONE_AT_A_TIME = 8
# Of the run in pieces.
PIECE_ROWS, PIECE_LENGTH, PIECE_QUERIES = 1_000_000, 256, 200
# Times a comparison is repeated, fewer where it takes long.
MOST_FLOPS = 6e12

OVER_BARE, MEGABYTES, OVER_LOOP = 1.6, 200.0, 80.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="the smaller size only")
    parser.add_argument("--pieces", type=int, default=0, help="so many candidates, in shards")
    parser.add_argument("--work", nargs=3, metavar=("WAY", "FILE", "M"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        way, file, count = options.work
        print(json.dumps(WAYS[way](np.load(file, mmap_mode="r"), int(count))))
        return
    if options.pieces:
        show(in_pieces(options.pieces), options.json)
        return
    rows: list[Case] = []
    with tempfile.TemporaryDirectory() as folder:
        for candidates, length in SIZES[: 1 if options.quick else None]:
            file = Path(folder) / f"{candidates}.npy"
            write_vectors(file, candidates, length)
            for count in QUERIES:
                for row in measured(file, f"{candidates:,} x {length}, m = {count:,}", count):
                    rows.append(row)
                    print(row, file=sys.stderr, flush=True)
            file.unlink()
    if options.json:
        show(rows, True)


def write_vectors(file: Path, rows: int, length: int, seed: int = 0) -> None:
    """Clustered vectors of length 1, in a file."""
    random = np.random.default_rng(seed)
    centres = random.standard_normal((500, length), np.float32)
    out = np.lib.format.open_memmap(file, "w+", np.float32, (rows, length))
    for start in range(0, rows, 50_000):
        block = out[start : start + 50_000]
        block[:] = random.standard_normal(block.shape, np.float32)
        block += 0.8 * centres[random.integers(0, len(centres), len(block))]
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    out.flush()


def in_pieces(candidates: int) -> list[Case]:
    """Each query has one candidate that is near it: it must be found, whichever shard it is in.

    Processor time counts, as a busy machine makes a search longer and not dearer.
    """
    from core.learning.search.cluster import search_shard
    from core.learning.search.exact import best_first
    from core.learning.search.neighbours import exact_seconds

    random = np.random.default_rng(0)
    queries = unit(random.standard_normal((PIECE_QUERIES, PIECE_LENGTH), np.float32))
    wanted = np.sort(random.choice(candidates, PIECE_QUERIES, replace=False))
    rows = np.full((PIECE_QUERIES, 0), -1, np.int64)
    near = np.full((PIECE_QUERIES, 0), -np.inf, np.float32)
    seconds, before, most = 0.0, anonymous(), 0.0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shard.npy"
        for first in range(0, candidates, PIECE_ROWS):
            stop = min(PIECE_ROWS, candidates - first)
            write_vectors(file, stop, PIECE_LENGTH, seed=first)
            vectors = np.load(file, mmap_mode="r+")
            here = (wanted >= first) & (wanted < first + stop)
            vectors[wanted[here] - first] = unit(queries[here] + 0.01)
            vectors.flush()
            began = time.process_time()
            found, nearest = search_shard(queries, Shard(str(file), 0, stop, first), K, None)
            seconds += time.process_time() - began
            rows, near = np.concatenate([rows, found], 1), np.concatenate([near, nearest], 1)
            best = best_first(rows, near)[:, :K]
            rows, near = np.take_along_axis(rows, best, 1), np.take_along_axis(near, best, 1)
            most = max(most, anonymous() - before)
    expected = exact_seconds(PIECE_QUERIES, candidates, PIECE_LENGTH, 1)
    name = f"{candidates:,} x {PIECE_LENGTH} in pieces, m = {PIECE_QUERIES:,}"
    right = float((rows[:, 0] == wanted).mean())
    return [
        Case(f"{name}: found", seconds, right, "of the nearest ones", "1", right == 1.0),
        Case(name, seconds, seconds / expected, f"the cost model's {expected:.0f} s on a core"),
        Case(f"{name}: memory", seconds, most, "MB between shards"),
    ]


def unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / lengths, np.float32)


def measured(file: Path, size: str, count: int) -> list[Case]:
    exact = work("exact", file, count)
    memory = work("memory", file, count)
    rows = [
        Case(
            f"exact, {size}",
            exact["seconds"],
            exact["seconds"] / exact["bare"],
            "times the bare product",
            f"<= {OVER_BARE}" if count >= 1000 else "",
            exact["seconds"] / exact["bare"] <= OVER_BARE if count >= 1000 else None,
        ),
        Case(
            f"recall of exact, {size}",
            exact["seconds"],
            exact["recall"],
            "of the true ones",
            "1",
            exact["recall"] == 1.0,
        ),
        Case(
            f"memory of exact, {size}",
            memory["seconds"],
            memory["megabytes"],
            "MB beyond the data",
            f"< {MEGABYTES:g}",
            memory["megabytes"] < MEGABYTES,
        ),
    ]
    loop = work("loop", file, count)
    times = loop["seconds"] / exact["seconds"]
    rows.append(
        Case(
            f"scikit-learn one at a time, {size}",
            loop["seconds"],
            times,
            "times exact",
            f">= {OVER_LOOP:g}" if count >= 1000 else "",
            times >= OVER_LOOP if count >= 1000 else None,
        )
    )
    for way, what in (("faiss", "faiss flat"), ("annoy", "Annoy, built and asked")):
        if way == "annoy" and count < QUERIES[-1]:
            continue  # Its build takes minutes, whatever is asked; it pays with many queries only.
        found = work(way, file, count)
        if found is None:
            print(f"{what}: not installed, left out", file=sys.stderr)
            continue
        rows.append(
            Case(
                f"{what}, {size}",
                found["seconds"],
                found["seconds"] / exact["seconds"],
                "times exact",
                "",
                None,
            )
        )
        rows.append(
            Case(
                f"recall of {what}, {size}",
                found["seconds"],
                found["recall"],
                "of the true ones",
                "",
                None,
            )
        )
    return rows


def work(way: str, file: Path, count: int) -> dict[str, float] | None:
    """Run one way in a process of its own."""
    command = [sys.executable, __file__, "--work", way, str(file), str(count)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    found: dict[str, float] | None = json.loads(done.stdout)
    return found


# -- in the process of its own ---------------------------------------------------------------------


def queries_of(candidates: np.ndarray, count: int) -> np.ndarray:
    """Queries near the candidates, none of them equal to one."""
    random = np.random.default_rng(1)
    rows = np.sort(random.choice(len(candidates), count, replace=False))
    near = candidates[rows] + 0.03 * random.standard_normal((count, candidates.shape[1]))
    return (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)


def search(queries: np.ndarray, candidates: np.ndarray, engine: str) -> np.ndarray:
    from core.learning.search.neighbours import find_neighbours
    from core.progress import finish

    return finish(find_neighbours(queries, candidates, K, engine)).indices  # type: ignore[arg-type]


def timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def recall_of(found: np.ndarray, queries: np.ndarray, candidates: np.ndarray) -> float:
    """The share of the true neighbours of the first queries, by double precision, in `found`."""
    best = np.full((min(CHECKED, len(queries)), 0), 0.0)
    rows = np.full(best.shape, 0)
    asked = queries[: len(best)].astype(np.float64)
    for start in range(0, len(candidates), 20_000):
        cosines = asked @ candidates[start : start + 20_000].T.astype(np.float64)
        best = np.concatenate([best, cosines], axis=1)
        rows = np.concatenate(
            [rows, np.broadcast_to(np.arange(start, start + cosines.shape[1]), cosines.shape)], 1
        )
        keep = np.argsort(-best, axis=1, kind="stable")[:, :K]
        best, rows = np.take_along_axis(best, keep, 1), np.take_along_axis(rows, keep, 1)
    hits = [np.isin(true, some).mean() for true, some in zip(rows, found, strict=False)]
    return float(np.mean(hits))


def bare_product(queries: np.ndarray, candidates: np.ndarray, *, own_threads: bool) -> None:
    """All similarities, computed and thrown away: by BLAS's threads, or by a block a thread."""
    from threadpoolctl import threadpool_limits

    cores = len(os.sched_getaffinity(0))
    threads = cores if own_threads else 1
    edges = [len(candidates) * part // threads for part in range(threads + 1)]

    def part(number: int) -> None:
        out = np.empty((500, 4096), np.float32)
        for row in range(edges[number], edges[number + 1], 4096):
            block = candidates[row : min(row + 4096, edges[number + 1])]
            for query in range(0, len(queries), 500):
                some = queries[query : query + 500]
                np.matmul(some, block.T, out=out[: len(some), : len(block)])

    with (
        threadpool_limits(1 if own_threads else cores, "blas"),
        ThreadPoolExecutor(threads) as pool,
    ):
        list(pool.map(part, range(threads)))


def exact(candidates: np.ndarray, count: int) -> dict[str, float]:
    queries = queries_of(candidates, count)
    repeats = int(min(max(MOST_FLOPS / (2.0 * count * candidates.size), 1), 5))
    ours, bare = [], []
    found = search(queries[:10], candidates, "exact")  # The file is in memory from here on.
    for _ in range(repeats):
        start = time.perf_counter()
        found = search(queries, candidates, "exact")
        ours.append(time.perf_counter() - start)
        bare.append(
            min(
                timed(lambda: bare_product(queries, candidates, own_threads=True)),
                timed(lambda: bare_product(queries, candidates, own_threads=False)),
            )
        )
    return {
        "seconds": statistics.median(ours),
        "bare": statistics.median(bare),
        "recall": recall_of(found, queries, candidates),
    }


def memory(candidates: np.ndarray, count: int) -> dict[str, float]:
    queries = queries_of(candidates, count)
    search(queries[:10], candidates[:10_000], "exact")  # What is loaded once is not counted.
    before, peak, over = anonymous(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not over.wait(0.002):
            peak = max(peak, anonymous())

    watcher = threading.Thread(target=watch)
    watcher.start()
    seconds = timed(lambda: search(queries, candidates, "exact"))
    over.set()
    watcher.join()
    return {"seconds": seconds, "megabytes": peak - before}


def anonymous() -> float:
    """The megabytes that this process holds and that no file backs."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("this system does not tell a process's memory")


def loop(candidates: np.ndarray, count: int) -> dict[str, float]:
    from sklearn.neighbors import NearestNeighbors

    queries = queries_of(candidates, count)[:ASKED_ONE_AT_A_TIME]
    index = NearestNeighbors(n_neighbors=K, algorithm="brute", metric="cosine")
    build = timed(lambda: index.fit(np.asarray(candidates)))
    each = [timed(lambda q=query: index.kneighbors(q[None])) for query in queries]
    return {"seconds": build + count * statistics.median(each)}


def faiss_flat(candidates: np.ndarray, count: int) -> dict[str, float] | None:
    try:
        import faiss
    except ImportError:
        return None
    queries = queries_of(candidates, count)
    start = time.perf_counter()
    index = faiss.IndexFlatIP(candidates.shape[1])
    index.add(np.asarray(candidates))
    _, found = index.search(queries, K)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "recall": recall_of(found, queries, candidates)}


def annoy(candidates: np.ndarray, count: int) -> dict[str, float]:
    queries = queries_of(candidates, count)
    start = time.perf_counter()
    found = search(queries, candidates, "annoy")
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "recall": recall_of(found, queries, candidates)}


WAYS: dict[str, Callable[[np.ndarray, int], dict[str, float] | None]] = {
    "exact": exact,
    "memory": memory,
    "loop": loop,
    "faiss": faiss_flat,
    "annoy": annoy,
}


if __name__ == "__main__":
    main()
