"""Which workspaces are the example, whose classes a key may submit."""

from __future__ import annotations

from pathlib import Path

from core.setup.known_classes import CLASSES_FILE, known_classes
from core.workspace.settings import Workspace


def test_a_workspace_is_the_example_by_what_its_file_says_and_not_by_the_files_name(
    tmp_path: Path,
) -> None:
    example, file = Workspace(tmp_path), tmp_path / CLASSES_FILE
    assert not known_classes(example)
    file.write_bytes(b'{"digit_0000": ["0"], "digit_0001": ["1"]}')
    assert len(known_classes(example)) == 2
    for told in (
        b'{"digit_0000": ["cat"]}',
        b'{"digit_0000": []}',
        b'{"holiday": ["3"]}',
        b'["digit_0000"]',
        b"{",
    ):
        file.write_bytes(told)
        assert not known_classes(example), told
