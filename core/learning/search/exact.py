"""Exact neighbour search: blocks of similarities, and the best few of each query.

Blocks of candidates are multiplied with blocks of queries; for each query the best seen so far are
kept, and the similarity that the next one must exceed. The whole m x N matrix is never built. It
runs on one thread: whoever calls it spreads the rows over threads or machines.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Indices: TypeAlias = NDArray[np.int64]

ROWS_AT_ONCE = 4096
QUERIES_AT_ONCE = 256
# Kept beyond k until the end, when similarities are computed anew in double precision: in single
# precision, equal vectors can differ in the last digit by where they lie in a block.
SPARE = 8


def best_rows(
    queries: Floats,
    candidates: Floats,
    start: int,
    stop: int,
    kept: int,
    allowed: NDArray[np.bool_] | None,
    counted: Callable[[int], bool],
) -> tuple[Indices, Floats]:
    """The `kept` best among the rows from `start` to `stop`; row -1 fills where there are fewer."""
    indices = np.full((len(queries), kept), -1, np.int64)
    nearest = np.full((len(queries), kept), -np.inf, np.float32)
    product = np.empty(QUERIES_AT_ONCE * ROWS_AT_ONCE, np.float32)
    for row in range(start, stop, ROWS_AT_ONCE):
        if not counted(row - start):
            break
        end = min(row + ROWS_AT_ONCE, stop)
        rows: Indices = np.arange(row, end)
        block = candidates[row:end]
        if allowed is not None and not allowed[row:end].all():
            rows = rows[allowed[row:end]]
            block = candidates[rows]
        block = np.ascontiguousarray(block, np.float32)
        if not len(rows):
            continue
        for query in range(0, len(queries), QUERIES_AT_ONCE):
            some = slice(query, query + QUERIES_AT_ONCE)
            part = queries[some]
            out = product[: len(part) * len(rows)].reshape(len(part), len(rows))
            np.matmul(part, block.T, out=out)
            _keep_best(indices[some], nearest[some], out, rows)
    return indices, nearest


def _keep_best(indices: Indices, nearest: Floats, product: Floats, rows: Indices) -> None:
    """Let the similarities in `product` that beat a query's worst kept one take its place.

    Rows come in rising order, so one that only equals the worst kept one has lost to it already.
    """
    kept = indices.shape[1]
    if product.shape[1] > 4 * kept and np.isinf(nearest[:, -1]).any():
        # Nothing to beat yet: cut down to the best few before they are sorted.
        cut = -np.partition(-product, kept - 1, axis=1)[:, kept - 1 : kept]
        better = product >= np.maximum(cut, nearest[:, -1:])
    else:
        better = product > nearest[:, -1:]
    # In one dimension, numpy looks for the few that are true ten times as fast as in two.
    found = np.flatnonzero(better)
    if not len(found):
        return
    query, column = np.unravel_index(found, product.shape)
    changed, position = np.unique(query, return_inverse=True)
    width = int(np.bincount(position).max())
    # Each changed query's newcomers, side by side after its kept ones.
    slot = np.arange(len(query)) - np.searchsorted(query, changed)[position]
    new_indices = np.full((len(changed), kept + width), -1, np.int64)
    new_nearest = np.full((len(changed), kept + width), -np.inf, np.float32)
    new_indices[:, :kept], new_nearest[:, :kept] = indices[changed], nearest[changed]
    new_indices[position, kept + slot] = rows[column]
    new_nearest[position, kept + slot] = product[query, column]
    # A stable sort keeps the lower row first among equals, as they stand in rising order.
    best = np.argsort(-new_nearest, axis=1, kind="stable")[:, :kept]
    indices[changed] = np.take_along_axis(new_indices, best, axis=1)
    nearest[changed] = np.take_along_axis(new_nearest, best, axis=1)


def best_first(indices: Indices, similarities: NDArray[Any]) -> Indices:
    """For each query, the positions by falling similarity, then by rising row."""
    by_row = np.argsort(indices, axis=1, kind="stable")
    falling = -np.take_along_axis(similarities, by_row, axis=1)
    return np.take_along_axis(by_row, np.argsort(falling, axis=1, kind="stable"), axis=1)


def rerank(queries: Floats, candidates: Floats, indices: Indices, k: int) -> tuple[Indices, Floats]:
    """The best k of the rows in `indices`, ranked anew by similarities in double precision."""
    similarities = np.full(indices.shape, -np.inf, np.float32)
    for query in range(0, len(queries), QUERIES_AT_ONCE):
        some = slice(query, query + QUERIES_AT_ONCE)
        near = candidates[indices[some]]
        exact = np.einsum("qkd,qd->qk", near, queries[some], dtype=np.float64)
        similarities[some] = np.where(indices[some] < 0, -np.inf, np.minimum(exact, 1.0))
    best = best_first(indices, similarities)[:, :k]
    return (
        np.take_along_axis(indices, best, axis=1),
        np.take_along_axis(similarities, best, axis=1),
    )
