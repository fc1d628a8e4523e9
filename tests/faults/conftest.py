"""One server for all faults of a session, and a bucket beside it where moto is installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.studio.client import StudioClient
from tests.faults.meanwhile import short_waits
from tests.faults.server import FaultServer, fault_server


@pytest.fixture(scope="session")
def buckets() -> Iterator[str]:
    """The address of an S3 of the tests' own, or nothing."""
    try:
        from moto.server import ThreadedMotoServer
    except ImportError:
        yield ""
        return
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def server(
    tmp_path_factory: pytest.TempPathFactory, migrated: Path, buckets: str
) -> Iterator[FaultServer]:
    with fault_server(tmp_path_factory.mktemp("faults"), database=migrated, s3=buckets) as made:
        yield made


@pytest.fixture
def client(server: FaultServer) -> Iterator[StudioClient]:
    with contextlib.closing(server.client()) as made:
        yield made


@pytest.fixture
def short(server: FaultServer) -> Iterator[None]:
    """The waits that people meet, cut short."""
    with short_waits(server):
        yield
