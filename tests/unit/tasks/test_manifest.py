"""The manifest takes the very files that Label Studio's own sync would."""

from __future__ import annotations

import os
import socket
import string
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigurationError
from core.progress import finish
from core.tasks.manifest import Manifest
from core.tasks.scan import scan_images
from core.workspace.settings import Images
from tests.unit.tasks.conftest import ODD_NAMES

Rule = Callable[[Path, str, bool], list[str]]


def scan(folder: Path, pattern: str = ".*", recursive: bool = False, **options: bool) -> Manifest:
    return finish(scan_images(Images(folder, pattern, recursive, **options)))


def make(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize("recursive", [False, True])
@pytest.mark.parametrize(
    "pattern", [".*", r".*\.png", ".*png", "plain", "[a-z]+", r"^\.", "(?i).*png"]
)
def test_it_takes_what_label_studio_takes_in_its_order(
    images: Path, label_studios_rule: Rule, pattern: str, recursive: bool
) -> None:
    make(images, *ODD_NAMES, *(f"sub/{name}" for name in ODD_NAMES), ".hidden/deep/er/zebra.png")
    make(images, "a/unique.png", "z/also unique.png")
    (images / "folder.png").mkdir()
    expected = label_studios_rule(images, pattern, recursive)
    if not expected:
        with pytest.raises(ConfigurationError):
            scan(images, pattern, recursive)
        return
    found = scan(images, pattern, recursive)
    # Where two files in different folders have one name, Label Studio's order is the disk's.
    assert [os.path.basename(path) for path in found.paths] == [
        os.path.basename(path) for path in expected
    ]
    assert sorted(found.paths) == sorted(expected)


NAMES = st.text(alphabet=string.ascii_letters + ".-_ é#%", min_size=1, max_size=8).filter(
    lambda name: name.strip(".")
)


@settings(max_examples=40, deadline=None)
@given(
    names=st.sets(NAMES, min_size=1, max_size=12),
    folders=st.sets(NAMES, max_size=3),
    pattern=st.sampled_from([".*", "[a-m]", r".*\.", "[^.]+$", ""]),
    recursive=st.booleans(),
)
def test_it_takes_what_label_studio_takes_whatever_the_names(
    label_studios_rule: Rule, names: set[str], folders: set[str], pattern: str, recursive: bool
) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make(folder, *names)
        make(folder, *(f"{below}.d/{name}" for below in folders for name in names))
        expected = label_studios_rule(folder, pattern, recursive)
        if expected:
            assert sorted(scan(folder, pattern, recursive).paths) == sorted(expected)
        else:
            with pytest.raises(ConfigurationError, match="matches the pattern"):
                scan(folder, pattern, recursive)


def test_links_to_files_inside_are_taken_and_links_to_folders_are_not_followed(
    images: Path, label_studios_rule: Rule
) -> None:
    make(images, "real/one.png")
    (images / "alias.png").symlink_to("real/one.png")
    (images / "loop").symlink_to(".")
    (images / "other").symlink_to("real")
    found = scan(images, recursive=True)
    assert sorted(found.paths) == ["alias.png", "real/one.png"]
    assert sorted(found.paths) == sorted(label_studios_rule(images, ".*", True))
    assert found.subfolders == 2


def test_broken_links_and_sockets_are_no_images(images: Path, label_studios_rule: Rule) -> None:
    make(images, "one.png")
    (images / "gone.png").symlink_to("nowhere.png")
    (images / "itself.png").symlink_to("itself.png")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(images)  # a socket's path may not be long
        try:
            server.bind("socket.png")
        finally:
            os.chdir(here)
        found = scan(images)
        assert list(found.paths) == label_studios_rule(images, ".*", False) == ["one.png"]
        assert found.not_files == 3
        assert "3 that are not regular files" in found.why_left_out


def test_a_link_that_leaves_the_folder_is_refused_by_name(images: Path) -> None:
    make(images, "one.png")
    (images / "evil.png").symlink_to("/etc/hostname")
    with pytest.raises(ConfigurationError) as refused:
        scan(images)
    assert "evil.png -> /etc/hostname" in refused.value.cause
    assert "follow_links" in refused.value.next_step


@pytest.mark.parametrize("target", ["/etc/hostname", "/etc", "/nowhere/at/all"])
def test_a_link_that_leaves_the_folder_is_refused_whatever_it_is_called(
    images: Path, target: str
) -> None:
    (images / "one.png").touch()
    (images / "notes").symlink_to(target)
    with pytest.raises(ConfigurationError) as refused:
        scan(images, ".*png")
    assert f"notes -> {target}" in refused.value.cause
    assert scan(images, ".*png", follow_links=True).paths == ("one.png",)


def test_a_link_that_leaves_the_folder_is_taken_when_allowed(images: Path) -> None:
    make(images.parent, "shared.png")
    (images / "one.png").symlink_to(images.parent / "shared.png")
    assert scan(images, follow_links=True).paths == ("one.png",)


def test_a_folder_that_begins_alike_is_not_inside(images: Path) -> None:
    make(images.parent, "images2/secret.png")
    (images / "one.png").symlink_to(images.parent / "images2" / "secret.png")
    with pytest.raises(ConfigurationError, match="lies outside"):
        scan(images)


def test_the_image_folder_may_itself_be_a_link(images: Path) -> None:
    make(images, "one.png")
    (images / "alias.png").symlink_to("one.png")
    link = images.parent / "link"
    link.symlink_to(images)
    assert scan(link).paths == ("alias.png", "one.png")


def test_names_that_are_not_utf_8_are_refused_readably(images: Path) -> None:
    make(images, "one.png")
    open(os.fsencode(images) + b"/caf\xe9.png", "wb").close()
    with pytest.raises(ConfigurationError) as refused:
        scan(images)
    str(refused.value).encode()
    assert "caf�.png" in refused.value.cause
    assert scan(images, "one").paths == ("one.png",), "a name that is not asked for harms nothing"


def test_a_pattern_that_matches_nothing_says_how_many_files_there_are(images: Path) -> None:
    make(images, "a.jpg", "b.jpg", "sub/c.png")
    with pytest.raises(ConfigurationError) as refused:
        scan(images, r"png$")
    assert "It holds 2 files" in refused.value.cause


def test_a_missing_folder_and_a_file_in_its_place_are_told_apart(images: Path) -> None:
    make(images, "one.png")
    with pytest.raises(ConfigurationError, match="does not exist"):
        scan(images / "nowhere")
    with pytest.raises(ConfigurationError, match="is not a folder"):
        scan(images / "one.png")


def test_what_is_left_out_is_counted_with_its_reason(images: Path) -> None:
    make(images, "one.png", "a.txt", "b.txt", "sub/two.png")
    found = scan(images, r".*\.png")
    assert (found.other_names, found.left_out, found.subfolders) == (2, 2, 1)
    assert found.why_left_out == "2 files with other names, 1 subfolder not looked into"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_an_unreadable_subfolder_is_passed_over_and_named(images: Path) -> None:
    make(images, "one.png", "closed/two.png")
    (images / "closed").chmod(0)
    try:
        found = scan(images, recursive=True)
    finally:
        (images / "closed").chmod(0o700)
    assert found.paths == ("one.png",)
    assert "closed" in found.why_left_out


def test_files_that_come_and_go_during_a_scan_do_not_end_it(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.tasks.scan.STRIDE", 10)
    make(images, *(f"{number:05}/img.png" for number in range(60)))
    work = scan_images(Images(images, ".*", True))
    next(work)
    for number in range(0, 60, 2):
        (images / f"{number:05}" / "img.png").unlink()
        (images / f"{number:05}").rmdir()
    make(images, "new/img.png")
    found = finish(work)
    odd = {f"{number:05}/img.png" for number in range(1, 60, 2)}
    assert odd <= set(found.paths)
    assert len(set(found.paths)) == len(found.paths)


def test_a_scan_can_be_stopped(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.tasks.scan.STRIDE", 10)
    make(images, *(f"{number:05}.png" for number in range(60)))
    work = scan_images(Images(images, ".*"))
    next(work)
    work.close()
    with pytest.raises(StopIteration):
        next(work)
