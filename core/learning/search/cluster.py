"""Neighbours among more vectors than one machine holds, on a dask.distributed cluster.

The vectors lie in shards on a disk that all workers reach: pieces of one `.npy` file, or a folder
of `.npy` files with a manifest. Every worker searches its shard exactly and sends back the k best;
they are merged here. The queries go out and the best come back, never a shard. A worker that dies
has its shards searched by another. Workers need labelpilot installed.

What a scheduler answers can run code here. So with `tls://` both sides show that they know the
cluster's secret, before anything else is said: one file, a certificate with its key, which each of
the members has and nobody else. Clusters with an authority of their own name their files in dask's
configuration.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.deadline import Call
from core.errors import ConfigurationError, LabelpilotError
from core.extras import install_extra
from core.files import sha256_of
from core.learning.hooks.vector_files import Shard
from core.learning.orders.order import Mask
from core.learning.search.exact import SPARE, Floats, Indices, best_first, best_rows, rerank
from core.progress import Progress, Work

ROWS_A_SHARD = 250_000
ANSWER_WITHIN = 10
HEARTBEAT = 0.25
# How often a shard is searched anew when the worker that had it dies.
TRIES = 5


def pieces_of(vectors: NDArray[Any], rows: int = ROWS_A_SHARD) -> list[Shard]:
    """Shards that together are `vectors` (N, d), an array mapped from a `.npy` file.

    Raises ConfigurationError where it is not mapped from a file.
    """
    name = getattr(vectors, "filename", None)
    if name is None:
        raise ConfigurationError(
            "A cluster can only search vectors that lie in a file.",
            next_step="Search exactly, on this machine.",
        )
    file, count = str(Path(name).resolve()), len(vectors)
    return [Shard(file, row, min(row + rows, count), row) for row in range(0, count, rows)]


def search_shard(
    queries: Floats, shard: Shard, k: int, allowed: Mask | None
) -> tuple[Indices, Floats]:
    """The `k` best rows of one shard for each query; runs on a worker, with one thread.

    `allowed` are the shard's rows that count. Row -1 fills where there are fewer than k.
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    if shard.sha256 and sha256_of(Path(shard.file)) != shard.sha256:
        raise ValueError(f"{shard.file} has changed since its manifest was written")
    vectors: Floats = np.load(shard.file, mmap_mode="r", allow_pickle=False)
    vectors = vectors[shard.start : shard.stop]
    with threadpool_limits(limits=1, user_api="blas"):
        found, _ = best_rows(queries, vectors, 0, len(vectors), k + SPARE, allowed, lambda _: True)
        indices, similarities = rerank(queries, vectors, found, k)
    return np.where(indices < 0, -1, indices + shard.first), similarities


def find_on_cluster(
    queries: Floats,
    shards: Sequence[Shard],
    k: int,
    scheduler: str,
    allowed: Mask | None = None,
    secret: Path | None = None,
) -> Work[tuple[Indices, Floats]]:
    """The `k` rows most similar to each of the queries (m, d), found on the workers of `scheduler`.

    `scheduler` is an address such as `tls://10.0.0.1:8786`, `secret` the file of its cluster's;
    `allowed` (N,) says which rows count. Returns rows and similarities (m, k), nearest first, equal
    ones by the lower row; row -1 fills where there are fewer than k. Raises ConfigurationError
    where dask.distributed or the secret is missing, LabelpilotError where the cluster does not
    answer or a shard cannot be searched.
    """
    client = yield from _connected(scheduler, secret)
    futures: list[Any] = []
    try:
        [sent] = client.scatter([np.ascontiguousarray(queries, np.float32)], broadcast=True)
        for shard in shards:
            rows = slice(shard.first, shard.first + shard.stop - shard.start)
            some = None if allowed is None else allowed[rows]
            futures.append(
                client.submit(search_shard, sent, shard, k, some, pure=False, retries=TRIES)
            )
        indices: Indices = np.full((len(queries), k), -1, np.int64)
        similarities: Floats = np.full((len(queries), k), -np.inf, np.float32)
        waiting = dict(zip(futures, shards, strict=True))
        while waiting:
            for future in [future for future in waiting if future.done()]:
                shard = waiting.pop(future)
                try:
                    more, nearer = future.result()
                except Exception as error:
                    raise LabelpilotError(
                        f"The shard {shard.file} could not be searched.",
                        cause=f"{type(error).__name__}: {error}",
                        next_step="All workers must reach that file and have labelpilot installed.",
                    ) from None
                future.release()
                indices = np.concatenate([indices, more], axis=1)
                similarities = np.concatenate([similarities, nearer], axis=1)
                best = best_first(indices, similarities)[:, :k]
                indices = np.take_along_axis(indices, best, axis=1)
                similarities = np.take_along_axis(similarities, best, axis=1)
            yield Progress("neighbours", len(shards) - len(waiting), len(shards))
            if waiting:
                time.sleep(HEARTBEAT)
    finally:
        with contextlib.suppress(Exception):
            client.cancel(futures, force=True)
        client.close()
    return indices, similarities


def _connected(scheduler: str, secret: Path | None) -> Work[Any]:
    """A client of the cluster, within a bounded time."""
    try:
        from distributed import Client, Security
    except ImportError:
        raise ConfigurationError(
            "A cluster needs dask.distributed, which is not installed.",
            next_step=f"Install it with `{install_extra('cluster')}`.",
        ) from None
    security: Any = None
    if scheduler.startswith("tls://"):
        security = Security(require_encryption=True, **_files(secret))
        _check(security, scheduler)
    try:
        # What takes a connection and says nothing would hold the client up for ever.
        introduced = Call(lambda: _introduced(scheduler, security), "dask")
        while not introduced.ended(within=HEARTBEAT):
            yield Progress("neighbours")
        introduced.result()
        client: Any = Client(
            scheduler, timeout=ANSWER_WITHIN, set_as_default=False, security=security
        )
    except Exception as error:
        # Whatever else listens there is read as if it were dask, and fails in any way.
        silent = isinstance(error, asyncio.TimeoutError) and not str(error)
        cause = f"It said nothing for {ANSWER_WITHIN} s."
        why: BaseException = error
        while why.__cause__ is not None:
            why = why.__cause__
        raise LabelpilotError(
            f"No dask scheduler answers at {scheduler}.",
            cause=cause if silent else f"{type(why).__name__}: {why}",
            next_step="Fix `scheduler` or `scheduler_secret` under [learning] in "
            "labelpilot.toml, or search on this machine: `--engine exact`.",
        ) from None
    if not client.scheduler_info()["workers"]:
        client.close()
        raise LabelpilotError(
            f"The dask scheduler at {scheduler} has no workers.",
            next_step=f"Start some with `dask worker {scheduler}`.",
        )
    return client


def _files(secret: Path | None) -> dict[str, str]:
    """The cluster's secret, as dask takes it: each member shows it, and believes who shows it."""
    if secret is None:
        return {}
    try:
        others = os.stat(secret).st_mode & 0o077
    except OSError as error:
        raise ConfigurationError(
            f"The cluster's secret, {secret}, cannot be read.",
            cause=str(error.strerror),
            next_step="Copy it from another member of the cluster, or fix `scheduler_secret` "
            "under [learning] in labelpilot.toml.",
        ) from None
    if others:
        raise ConfigurationError(
            f"The cluster's secret, {secret}, can be read or changed by others.",
            next_step=f"If it never was in anybody else's hands, `chmod 600 {secret}`; else make a "
            "new one.",
        )
    return {"tls_ca_file": str(secret), "tls_client_cert": str(secret)}


def _check(security: Any, scheduler: str) -> None:
    """Raise ConfigurationError where there is nothing usable to show to the scheduler."""
    try:
        shown = security.get_connection_args("client")["ssl_context"]
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            "The cluster's secret cannot be used: it must hold a certificate and its key.",
            cause=str(error),
            next_step="`labelpilot help cluster` says how to make one.",
        ) from None
    if shown is None:
        raise ConfigurationError(
            f"The scheduler at {scheduler} speaks to those only who know its cluster's secret.",
            next_step="Name its file as `scheduler_secret` under [learning] in labelpilot.toml, or "
            "your certificates in dask's own configuration (distributed.comm.tls).",
        )


def _introduced(scheduler: str, security: Any) -> None:
    """Ask a scheduler who it is. Raises whatever dask raises without a sensible answer."""
    from distributed.core import rpc

    shown = {} if security is None else security.get_connection_args("client")

    async def ask() -> None:
        connection = rpc(scheduler, timeout=ANSWER_WITHIN, connection_args=shown)
        async with connection as remote:
            await asyncio.wait_for(remote.identity(), ANSWER_WITHIN)

    asyncio.run(ask())
