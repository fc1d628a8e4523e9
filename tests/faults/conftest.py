"""One server for all faults of a session, and a bucket beside it where moto is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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
