"""The most similar images of each query, by the cosine of the angle between their vectors.

`exact` runs `core.learning.search.exact` on all cores; memory stays bounded while the candidates
stay on disk. `annoy` builds a forest of random projection trees (Bernhardsson,
github.com/spotify/annoy): quicker past some ten thousand queries, but it misses neighbours, so its
recall is measured and told. `dask` is exact too, on the workers of a cluster
(`core.learning.search.cluster`). Vectors must have length 1 already
(`core.learning.inputs.embeddings.unit_vectors`).
"""

from __future__ import annotations

import math
import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.deadline import Call
from core.errors import ConfigurationError
from core.extras import install
from core.learning.rounds.options import Engine
from core.learning.search.exact import (
    ROWS_AT_ONCE,
    SPARE,
    Floats,
    Indices,
    best_first,
    best_rows,
    rerank,
)
from core.progress import Progress, Work

RECALL_SAMPLE = 50
TREES = 100

# The cost model, from measurements on two cores with AVX-512 (numpy's OpenBLAS).
FLOPS_PER_CORE = 5.5e10
BYTES_PER_SECOND = 1e10
ANNOY_ITEM = 12e-6
ANNOY_SPLIT = 4e-10
ANNOY_QUERY = 1.2e-5
# An approximate search must save this much to be worth the neighbours that it misses.
LONG = 600.0
SAVING = 4.0
# Below this, sending the work to a cluster is not worth the way.
WORTH_A_CLUSTER = 30.0


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The k nearest candidates of each of m queries, nearest first.

    `indices` (m, k) are rows of the candidates, `similarities` (m, k) the cosines. k is smaller
    than asked where there are fewer candidates. `engine` is the one used and `reason` why; `recall`
    is the share of true neighbours found, measured on a sample where the engine is approximate.
    """

    indices: Indices
    similarities: Floats
    engine: str
    reason: str
    recall: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Choice:
    """An engine, and the sentence that says why it was chosen."""

    engine: str
    reason: str


def exact_seconds(queries: int, candidates: int, length: int, cores: int) -> float:
    """How long an exact search is expected to take: to multiply, or else to read the candidates."""
    return max(
        2.0 * queries * candidates * length / (FLOPS_PER_CORE * cores),
        4.0 * candidates * length / BYTES_PER_SECOND,
    )


def choose_engine(queries: int, candidates: int, length: int, *, cluster: bool = False) -> Choice:
    """The engine for `queries` x `candidates` vectors with `length` numbers, by estimated time.

    `cluster` says whether there is one to search on.
    """
    cores = _cores()
    exact = exact_seconds(queries, candidates, length, cores)
    depth = math.log2(max(candidates / length, 2.0))
    annoy = (
        candidates * ANNOY_ITEM
        + TREES * candidates * length * depth * ANNOY_SPLIT / cores
        + queries * TREES * ANNOY_QUERY
    )
    size = f"{queries:,} x {candidates:,}"
    here, trees = _duration(exact), _duration(annoy)
    if cluster and exact > WORTH_A_CLUSTER:
        return Choice("dask", f"{size} would take {here} on this machine alone")
    if exact > LONG and exact > SAVING * annoy:
        reason = f"{size} takes {trees}, but misses some neighbours; exact would take {here}"
        return Choice("annoy", reason)
    if exact < 1:
        return Choice("exact", f"{size} takes {here}")
    reason = f"{size} takes {here}; Annoy would take {trees}, and miss some neighbours"
    return Choice("exact", reason)


def find_neighbours(
    queries: Floats,
    candidates: Floats,
    k: int,
    engine: Engine = "auto",
    *,
    allowed: NDArray[np.bool_] | None = None,
    scheduler: str | None = None,
    secret: Path | None = None,
) -> Work[Neighbours]:
    """The `k` candidates (N, d) most similar to each of the queries (m, d), all of length 1.

    Equal similarities are settled by the lower row, so that runs repeat. `allowed` (N,) says which
    candidates count; the others are passed over. `scheduler` is the address of a dask cluster, and
    `secret` the file by which its members know each other; with them, `auto` lets the cluster
    search what would take long here. Raises ConfigurationError where there is nothing to search, or
    what an engine needs is missing, and LabelpilotError where the cluster fails.
    """
    started = time.monotonic()
    if len(queries) == 0:
        raise ConfigurationError(
            "No labeled image has a loss, so there is nothing to find neighbours of.",
            next_step="Let get_loss_trainset() return the losses of the train images.",
        )
    rows = len(candidates) if allowed is None else int(np.count_nonzero(allowed))
    if rows == 0:
        raise ConfigurationError(
            "Every image with an embedding is labeled already, so there is none to choose.",
            next_step="Give embeddings of the unlabeled images too, by get_embeddings(), a file or "
            "`labelpilot embed`.",
        )
    if engine == "auto":
        choice = choose_engine(len(queries), rows, queries.shape[1], cluster=scheduler is not None)
    else:
        choice = Choice(engine, "as asked for")
    k = min(k, rows)
    if choice.engine == "exact":
        indices, similarities = yield from _exact(queries, candidates, k, allowed)
        recall = 1.0
    elif choice.engine == "dask":
        from core.learning.search.cluster import find_on_cluster, pieces_of

        if scheduler is None:
            raise ConfigurationError(
                "The engine dask needs the address of a scheduler.",
                next_step='Set `scheduler` under [learning], such as "tls://10.0.0.1:8786".',
            )
        shards = pieces_of(candidates)
        indices, similarities = yield from find_on_cluster(
            queries, shards, k, scheduler, allowed, secret
        )
        recall = 1.0
    else:
        indices, similarities, recall = yield from _annoy(queries, candidates, k, allowed)
    seconds = time.monotonic() - started
    return Neighbours(indices, similarities, choice.engine, choice.reason, recall, seconds)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _duration(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    return f"about {seconds:,.0f} s" if seconds < 120 else f"about {seconds / 60:,.0f} min"


# Exact


def _exact(
    queries: Floats, candidates: Floats, k: int, allowed: NDArray[np.bool_] | None
) -> Work[tuple[Indices, Floats]]:
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    queries = np.ascontiguousarray(queries, np.float32)
    count = len(candidates)
    kept = k + SPARE
    cancelled, done = threading.Event(), [0] * _cores()
    edges = [count * part // len(done) for part in range(len(done) + 1)]

    def search(part: int) -> tuple[Indices, Floats]:
        def counted(rows: int) -> bool:
            done[part] = rows
            return not cancelled.is_set()

        return best_rows(queries, candidates, edges[part], edges[part + 1], kept, allowed, counted)

    with (
        threadpool_limits(limits=1, user_api="blas"),
        ThreadPoolExecutor(len(done)) as pool,
    ):
        futures: list[Future[tuple[Indices, Floats]]] = []
        try:
            futures = [pool.submit(search, part) for part in range(len(done))]
            while wait(futures, timeout=0.25).not_done:
                yield Progress("neighbours", sum(done), count)
        finally:
            cancelled.set()
        found = [future.result() for future in futures]
        indices = np.concatenate([part for part, _ in found], axis=1)
        nearest = np.concatenate([part for _, part in found], axis=1)
        indices = np.take_along_axis(indices, best_first(indices, nearest)[:, :kept], axis=1)
        result = rerank(queries, candidates, indices, k)
    yield Progress("neighbours", count, count)
    return result


# Annoy


def _annoy(
    queries: Floats, candidates: Floats, k: int, allowed: NDArray[np.bool_] | None
) -> Work[tuple[Indices, Floats, float]]:
    try:
        from annoy import AnnoyIndex
    except ImportError:
        raise ConfigurationError(
            "Annoy is not installed.",
            next_step=f"Install it with `{install('annoy')}` (it needs a C++ compiler), or search "
            "exactly.",
        ) from None

    rows: Indices
    rows = np.arange(len(candidates)) if allowed is None else np.flatnonzero(allowed)
    index = AnnoyIndex(candidates.shape[1], "angular")
    index.set_seed(1)
    for item, row in enumerate(rows.tolist()):
        if item % ROWS_AT_ONCE == 0:
            yield Progress("neighbours", item, len(rows), note="" if item else "Filling the index")
        # A list goes in eight times as fast as an array.
        index.add_item(item, candidates[row].tolist())
    yield Progress("neighbours", len(rows), len(rows), note=f"Growing {TREES} trees")
    # The build cannot be stopped, so it must not hold up the end of the program.
    build = Call(lambda: index.build(TREES, _cores()), "annoy")
    while not build.ended(within=0.25):
        yield Progress("neighbours", len(rows), len(rows))
    build.result()
    indices: Indices = np.full((len(queries), k), -1, np.int64)
    for query, vector in enumerate(queries):
        if query % 64 == 0:
            yield Progress("neighbours", query, len(queries), note="" if query else "Searching")
        found = index.get_nns_by_vector(vector.tolist(), k)
        indices[query, : len(found)] = rows[found]
    indices, similarities = rerank(queries, candidates, indices, k)
    sample = np.random.default_rng(1).permutation(len(queries))[:RECALL_SAMPLE]
    # Where the trees gave fewer than k, the whole answer is searched for exactly.
    short = np.flatnonzero(indices[:, -1] < 0)
    checked = np.concatenate([sample, short])
    exact, exactly = yield from _exact(queries[checked], candidates, k, allowed)
    hits = [
        np.isin(true, indices[query]).mean()
        for query, true in zip(sample, exact[: len(sample)], strict=True)
    ]
    indices[short], similarities[short] = exact[len(sample) :], exactly[len(sample) :]
    return indices, similarities, float(np.mean(hits))
