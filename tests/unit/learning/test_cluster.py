"""Neighbours on a cluster are the very same, whoever dies meanwhile."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from core.errors import ConfigurationError, LabelpilotError
from core.learning.hooks.vector_files import load_shards
from core.learning.search.cluster import find_on_cluster, pieces_of
from core.learning.search.neighbours import choose_engine, find_neighbours
from core.progress import finish
from tests.unit.learning.dask_cluster import Cluster, write_secret
from tests.unit.learning.shard_folder import write_shards

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")


def unit(rows: int, length: int = 32, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((rows, length)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    running = Cluster(tmp_path_factory.mktemp("cluster"))
    yield running
    running.close()


def in_file(folder: Path, vectors: np.ndarray) -> np.memmap:
    np.save(folder / "unit.npy", vectors)
    return np.load(folder / "unit.npy", mmap_mode="r")


def test_a_cluster_finds_what_this_machine_finds_though_a_worker_dies(
    cluster: Cluster, tmp_path: Path
) -> None:
    candidates, queries = in_file(tmp_path, unit(30_000)), unit(300, seed=1)
    allowed = np.arange(len(candidates)) % 7 != 0
    expected = finish(find_neighbours(queries, candidates, 5, "exact", allowed=allowed))
    mortal = cluster.mortal
    shards = pieces_of(candidates, rows=1_000)
    work = find_on_cluster(queries, shards, 5, cluster.address, allowed, cluster.secret)
    try:
        while True:
            event = next(work)
            if event.total and event.done < event.total and mortal.poll() is None:
                mortal.kill()
                mortal.wait(30)
    except StopIteration as stop:
        indices, similarities = stop.value
    assert mortal.poll() is not None
    np.testing.assert_array_equal(indices, expected.indices)
    np.testing.assert_array_equal(similarities, expected.similarities)


def test_the_engine_dask_is_one_of_the_engines(cluster: Cluster, tmp_path: Path) -> None:
    candidates, queries = in_file(tmp_path, unit(5_000)), unit(20, seed=1)
    expected = finish(find_neighbours(queries, candidates, 5, "exact"))
    where = {"scheduler": cluster.address, "secret": cluster.secret}
    found = finish(find_neighbours(queries, candidates, 5, "dask", **where))
    assert (found.engine, found.recall) == ("dask", 1.0)
    np.testing.assert_array_equal(found.indices, expected.indices)


def test_shards_in_a_folder_are_searched_and_a_changed_one_is_refused(
    cluster: Cluster, tmp_path: Path
) -> None:
    vectors, queries = unit(900), unit(10, seed=1)
    write_shards(tmp_path, vectors, [f"img_{row}" for row in range(900)])
    shards = load_shards(tmp_path)
    assert [shard.stop for shard in shards] == [250, 250, 250, 150]
    where = {"scheduler": cluster.address, "secret": cluster.secret}
    indices, _ = finish(find_on_cluster(queries, shards, 3, **where))
    expected = finish(find_neighbours(queries, vectors, 3, "exact"))
    np.testing.assert_array_equal(indices, expected.indices)
    np.save(tmp_path / "00001.npy", vectors[:250])
    with pytest.raises(LabelpilotError, match=r"00001\.npy") as caught:
        finish(find_on_cluster(queries, shards, 3, **where))
    assert "changed" in caught.value.cause


def refusal(scheduler: str, secret: Path | None) -> LabelpilotError:
    """Why nothing is asked of that scheduler."""
    with pytest.raises(LabelpilotError) as caught:
        finish(find_on_cluster(unit(1), [], 3, scheduler, secret=secret))
    return caught.value


def test_who_does_not_know_the_clusters_secret_is_not_spoken_to(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.learning.search.cluster.ANSWER_WITHIN", 2)
    another = write_secret(tmp_path / "another.pem")
    assert "CERTIFICATE_VERIFY_FAILED" in refusal(cluster.address, another).cause
    plain = cluster.address.replace("tls://", "tcp://")
    assert "No dask scheduler answers" in refusal(plain, None).message
    assert "scheduler_secret" in refusal(cluster.address, None).next_step


def test_a_secret_that_is_none_is_told_and_one_that_others_can_read_is_not_used(
    cluster: Cluster, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.pem"
    assert "No such file" in refusal(cluster.address, secret).cause
    write_secret(secret).chmod(0o640)
    assert "can be read or changed by others" in refusal(cluster.address, secret).message
    secret.chmod(0o600)
    secret.write_text("no certificate")
    assert "certificate and its key" in refusal(cluster.address, secret).message


@contextlib.contextmanager
def listener(said: bytes) -> Iterator[str]:
    """The address of something that takes a connection, says `said`, and nothing more."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(server.accept()[0])
                    taken[-1].sendall(said)

        taken: list[socket.socket] = []
        threading.Thread(target=serve, daemon=True).start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        for connection in taken:
            connection.close()


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n" * 20])
def test_what_is_no_scheduler_is_told_within_a_bounded_time(
    monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr("core.learning.search.cluster.ANSWER_WITHIN", 1)
    with listener(said) as address, pytest.raises(LabelpilotError, match=address) as caught:
        finish(find_on_cluster(unit(1), [], 3, address))
    assert "labelpilot.toml" in caught.value.next_step


def test_a_scheduler_that_does_not_run_is_told_by_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("core.learning.search.cluster.ANSWER_WITHIN", 1)
    with pytest.raises(LabelpilotError, match=r"tcp://127\.0\.0\.1:9"):
        finish(find_on_cluster(unit(1), [], 3, "tcp://127.0.0.1:9"))


def test_without_the_extra_a_cluster_is_a_matter_of_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigurationError) as caught:
        finish(find_on_cluster(unit(1), [], 3, "tcp://127.0.0.1:9"))
    assert "labelpilot[cluster]" in caught.value.next_step


def test_vectors_that_lie_in_no_file_cannot_go_to_a_cluster() -> None:
    with pytest.raises(ConfigurationError, match="file"):
        pieces_of(unit(3))


def test_a_cluster_is_asked_only_where_it_saves_time() -> None:
    assert choose_engine(1_000, 100_000, 256, cluster=True).engine == "exact"
    assert choose_engine(1_000, 100_000_000, 512, cluster=True).engine == "dask"
    assert choose_engine(1_000, 100_000_000, 512, cluster=False).engine != "dask"
