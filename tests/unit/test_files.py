"""Files are written at once or not at all, and read up to a size."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from core.asides import PLACES, PREFIX, aside_folder
from core.errors import ConfigurationError, LabelpilotError
from core.files import explained, read_at_most, write_at_once, written_at_once


def test_a_block_that_fails_leaves_the_old_content_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "dataset.json"
    file.write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), written_at_once(file) as new:
        new.write(b"half of")
        raise ZeroDivisionError
    assert file.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["dataset.json"]


def test_the_old_content_is_seen_until_the_block_ends(tmp_path: Path) -> None:
    file = tmp_path / "dataset.json"
    file.write_bytes(b"old")
    with written_at_once(file) as new:
        new.write(b"new")
        new.flush()
        assert file.read_bytes() == b"old"
    assert file.read_bytes() == b"new"


def test_a_secret_is_never_readable_by_others_not_even_while_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    with written_at_once(file, mode=0o600) as new:
        new.write(b"x")
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_keeps_its_mode_and_a_new_one_follows_the_umask(tmp_path: Path) -> None:
    old, new, plain = tmp_path / "old", tmp_path / "new", tmp_path / "plain"
    old.touch()
    old.chmod(0o640)
    plain.touch()
    write_at_once(old, b"")
    write_at_once(new, b"")
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert new.stat().st_mode == plain.stat().st_mode


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_at_once(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_what_a_killed_process_left_is_taken_by_the_next_write_of_the_same_file(
    tmp_path: Path,
) -> None:
    file = tmp_path / "dataset.json"
    write = f"""
import contextlib
import os
from pathlib import Path
from core.files import written_at_once
with written_at_once(Path({str(file)!r})) as new:
    new.write(b"half of"); new.flush()
    os.kill(os.getpid(), 9)
"""
    for _ in range(3):
        subprocess.run([sys.executable, "-c", write], check=False, timeout=60)
    assert len(os.listdir(tmp_path)) == 1
    write_at_once(file, b"new")
    assert os.listdir(tmp_path) == ["dataset.json"]
    assert file.read_bytes() == b"new"


def test_what_a_living_process_writes_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "dataset.json"
    with written_at_once(file) as one:
        one.write(b"one")
        for number in range(PLACES + 2):
            with written_at_once(file) as other:
                other.write(b"other %d" % number)
        assert file.read_bytes() == b"other %d" % (PLACES + 1)
    assert file.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["dataset.json"]


@pytest.mark.parametrize("kind", ["link", "hard link", "folder", "pipe"])
def test_what_lies_in_the_place_of_new_content_and_is_not_ours_is_left(
    tmp_path: Path, kind: str
) -> None:
    victim, file = tmp_path / "victim", tmp_path / "dataset.json"
    victim.write_bytes(b"mine")
    with written_at_once(file):
        (place,) = [path for path in tmp_path.iterdir() if path.name.startswith(PREFIX)]
    makers = {
        "link": lambda: place.symlink_to(victim),
        "hard link": lambda: place.hardlink_to(victim),
        "folder": place.mkdir,
        "pipe": lambda: os.mkfifo(place),
    }
    makers[kind]()
    write_at_once(file, b"new")
    assert victim.read_bytes() == b"mine"
    assert file.read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == sorted([place.name, "dataset.json", "victim"])


def test_a_folder_that_was_left_is_emptied_and_one_that_was_moved_stays(tmp_path: Path) -> None:
    target = tmp_path / "dataset.yolo"
    with aside_folder(target) as left:
        pass
    (left / "images").mkdir(parents=True)
    (left / "link").symlink_to("nowhere")
    with aside_folder(target) as folder, aside_folder(target) as other:
        assert folder == left != other
        assert os.listdir(folder) == []
        (folder / "data.yaml").touch()
        folder.replace(target)
    assert os.listdir(tmp_path) == ["dataset.yolo"]
    assert os.listdir(target) == ["data.yaml"]


def test_names_of_any_length_that_the_disk_takes_are_written(tmp_path: Path) -> None:
    write_at_once(tmp_path / ("画" * 85), b"")
    assert len(os.listdir(tmp_path)) == 1


def test_a_disk_that_refuses_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LabelpilotError, match="could not be written"):
        write_at_once(tmp_path / "file" / "below", b"")


def test_a_full_disk_is_a_sentence_whoever_writes(tmp_path: Path) -> None:
    with pytest.raises(OSError) as of_a_file, open("/dev/full", "wb", buffering=0) as full:
        full.write(b"more")
    with contextlib.closing(sqlite3.connect(tmp_path / "file")) as database:
        database.execute("PRAGMA max_page_count = 1")
        with pytest.raises(sqlite3.Error) as of_a_database:
            database.execute("CREATE TABLE one (a)")
    for error in (of_a_file.value, of_a_database.value):
        said = explained(error)
        assert isinstance(said, LabelpilotError)
        assert said.cause and said.next_step
    other = ValueError("ours")
    assert explained(other) is other


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "device", "large"])
def test_only_regular_files_of_a_bearable_size_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "large":
        with open(path, "wb") as file:
            file.truncate(100_000_000)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(ConfigurationError, match=r"The thing .*file cannot be read") as raised:
        read_at_most(path, 1000, "The thing", next_step="Mend it.")
    assert raised.value.cause
    assert raised.value.next_step == "Mend it."
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_of_the_largest_size_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    assert len(read_at_most(tmp_path / "file", 1000, "The thing")) == 1000
