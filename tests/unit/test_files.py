"""Files are written at once or not at all, and read up to a size."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from core.errors import ConfigurationError, LabelpilotError
from core.files import read_at_most, write_at_once, written_at_once


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


def test_names_of_any_length_that_the_disk_takes_are_written(tmp_path: Path) -> None:
    write_at_once(tmp_path / ("画" * 85), b"")
    assert len(os.listdir(tmp_path)) == 1


def test_a_disk_that_refuses_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(LabelpilotError, match="could not be written"):
        write_at_once(tmp_path / "file" / "below", b"")


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
