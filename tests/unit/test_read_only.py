"""Looking only: what would change a disk is refused by the interpreter, and requests alike."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from core.read_only import VARIABLE

# Each would change what is in the folder.
WRITES = [
    "open('new', 'w')",
    "open('file', 'a')",
    "open('file', 'r+b')",
    "os.open('file', os.O_WRONLY)",
    "os.open('file', os.O_RDWR, dir_fd=os.open('.', os.O_RDONLY))",
    "os.mkdir('new')",
    "os.replace('file', 'new')",
    "os.rename('file', 'new')",
    "os.remove('file')",
    "os.rmdir('folder')",
    "shutil.rmtree('folder')",
    "shutil.copy('file', 'new')",
    "os.link('file', 'new')",
    "os.symlink('file', 'new')",
    "os.truncate('file', 1)",
    "os.chmod('file', 0o600)",
    "os.utime('file')",
    "sqlite3.connect('new')",
    "numpy.save('new.npy', [1])",
    "write_at_once(Path('new'), b'')",
    "httpx_post()",
    "print(httpx_post('PATCH'))",
    "httpx_post('DELETE')",
]
READS = [
    "open('file').read()",
    "os.listdir('.')",
    "sqlite3.connect(':memory:')",
    "open(os.devnull, 'w')",
    "write_at_once(user_folder() / 'theme', b'x')",
]
BEGUN = """
    import os, shutil, sqlite3, sys
    from pathlib import Path
    import numpy
    from core import read_only
    from core.files import user_folder, write_at_once
    from core.studio.http import http_client

    def httpx_post(method='POST'):
        # Nobody listens there: what is refused is so before it is sent.
        http_client('http://127.0.0.1:9').request(method, '/api/tasks')

    user_folder().mkdir(parents=True)
    read_only.begin_if_asked()
    for number, line in enumerate(sys.argv[1:]):
        try:
            exec(line)
        except read_only.ReadOnly as error:
            print(number, isinstance(error, OSError))
        except Exception as error:
            print(number, repr(error))
"""


def refused(folder: Path, lines: list[str], begins: str = "1") -> list[str]:
    (folder / "file").write_text("text")
    (folder / "folder").mkdir()
    (folder / "folder" / "inner").touch()
    own = {VARIABLE: begins, "XDG_CONFIG_HOME": str(folder.parent / "config")}
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(BEGUN), *lines],
        cwd=folder,
        env=os.environ | own | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.splitlines()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "toys").mkdir()
    return tmp_path / "toys"


def test_nothing_changes_a_disk_or_a_server(folder: Path) -> None:
    assert refused(folder, WRITES) == [f"{number} True" for number in range(len(WRITES))]
    left = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    assert left == ["file", "folder", "folder/inner"]
    assert (folder / "file").read_text() == "text"


def test_what_only_reads_does_as_ever(folder: Path) -> None:
    assert refused(folder, READS) == []


def test_without_the_variable_files_are_written(folder: Path) -> None:
    assert refused(folder, WRITES[:1], begins="0") == []
    assert (folder / "new").exists()
