"""One server for all faults of a session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.place import Place, a_place


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with a_place(tmp_path_factory.mktemp("faults")) as made:
        yield made
