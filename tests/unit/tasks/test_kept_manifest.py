"""What did not change is not listed again, and what did is found, whatever a folder's times say."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigurationError
from core.progress import Progress, finish
from core.tasks.kept_manifest import forget_replaced, look_at_images
from core.tasks.manifest import Manifest
from core.tasks.scan import scan_images
from core.workspace.settings import Images, Workspace

LISTED = "core.tasks.scan._Scan.listed"


class Folder:
    """A workspace with images, whose folders' times tell each change from the one before.

    `listed` are the folders that the last look listed, `notes` what it said.
    """

    def __init__(self, root: Path, **options: bool) -> None:
        self.root = root
        self.images = root / "data" / "images"
        self.images.mkdir(parents=True)
        self.workspace = Workspace(root, images=Images(self.images, ".*png", True, **options))
        self.workspace.state.make()
        self.listed: list[str] = []
        self.notes: list[str] = []

    def put(self, *names: str, content: str = "") -> None:
        for name in names:
            path = self.images / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        self.settle()

    def settle(self) -> None:
        """Give each folder a time that none had before: several changes may share a tick."""
        for folder, _, _ in os.walk(self.images):
            before = os.stat(folder).st_ctime_ns
            while os.stat(folder).st_ctime_ns == before:
                os.utime(folder)

    def look(self, *, full: bool = False, workspace: Workspace | None = None) -> Manifest:
        self.listed, self.notes = [], []
        work = look_at_images(workspace or self.workspace, full=full)
        return finish(work, lambda event: self.notes.append(event.note))

    def all_listed(self) -> tuple[str, ...]:
        return finish(scan_images(self.workspace.images)).paths


@pytest.fixture
def sure(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is believed as soon as it was listed; `Folder.settle` keeps changes apart."""
    monkeypatch.setattr("core.tasks.scan.UNCERTAIN_NS", -(10**18))


@pytest.fixture
def unproven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is drawn for the proof."""
    monkeypatch.setattr("core.tasks.kept_manifest.SAMPLED_IMAGES", 0)
    monkeypatch.setattr("core.tasks.kept_manifest.SAMPLED_FOLDERS", 0)


@pytest.fixture
def lying(monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders keep one time for ever, as on some network drives."""
    monkeypatch.setattr("core.tasks.scan._folder_stamp", lambda status: 1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    made = Folder(tmp_path)
    made.put("a/1.png", "a/2.png", "b/c/3.png", "b/notes.txt", "4.png")
    from core.tasks import scan

    listed: Callable[..., object] = scan._Scan.listed

    def noted(self: object, path: str) -> object:
        made.listed.append(path)
        return listed(self, path)

    monkeypatch.setattr(LISTED, noted)
    return made


@pytest.mark.usefixtures("sure", "unproven")
def test_only_folders_that_changed_are_listed_again(folder: Folder) -> None:
    first = folder.look()
    again = folder.look()
    assert folder.listed == []
    assert (again.paths, again.digest) == (first.paths, first.digest)
    assert again.why_left_out == first.why_left_out == "1 file with another name"
    place, former = folder.images / "b/c", os.stat(folder.images / "b/c")
    (place / "5.png").touch()
    # As a copy of a folder does that keeps its time.
    while os.stat(place).st_ctime_ns == former.st_ctime_ns:
        os.utime(place, ns=(former.st_atime_ns, former.st_mtime_ns))
    os.utime(place, ns=(former.st_atime_ns, former.st_mtime_ns))
    third = folder.look()
    assert folder.listed == ["b/c"]
    assert third.paths == ("a/1.png", "a/2.png", "b/c/3.png", "4.png", "b/c/5.png")
    assert third.digest != first.digest


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "remove", "move", "move folder", "drop folder", "link"]),
        st.sampled_from(["a", "b", "a/b", "c/d", ""]),
        st.sampled_from(["1.png", "2.png", "x.txt", "é.png"]),
    ),
    max_size=6,
)


def changed(images: Path, what: str, above: str, name: str) -> None:
    """Do something to a folder of images, if it can be done."""
    place, file = images / above, images / above / name
    if what == "add":
        place.mkdir(parents=True, exist_ok=True)
        file.touch()
    elif what == "remove":
        file.unlink(missing_ok=True)
    elif what == "move" and file.exists():
        file.rename(place / "moved.png")
    elif what == "move folder" and above and place.is_dir():
        shutil.rmtree(images / "z", ignore_errors=True)
        place.rename(images / "z")
    elif what == "drop folder" and above:
        shutil.rmtree(place, ignore_errors=True)
    elif what == "link" and place.is_dir() and not os.path.lexists(place / "link.png"):
        (place / "link.png").symlink_to(images / "stays.png")


@settings(max_examples=40, deadline=None)
@given(rounds=st.lists(STEPS, min_size=1, max_size=4))
def test_whatever_is_done_to_the_folder_it_finds_what_a_full_scan_does(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[tuple[str, str, str]]]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.tasks.scan.UNCERTAIN_NS", -(10**18))
        folder = Folder(tmp_path_factory.mktemp("any"))
        folder.put("stays.png", "a/1.png")
        for steps in rounds:
            for step in steps:
                changed(folder.images, *step)
            folder.settle()
            found = folder.look()
            assert found.paths == folder.all_listed()
            assert folder.look().digest == found.digest


@pytest.mark.usefixtures("unproven")
def test_a_folder_that_had_just_been_changed_is_listed_again(folder: Folder) -> None:
    folder.look()
    folder.look()
    assert sorted(folder.listed) == ["", "a", "b", "b/c"]


@pytest.mark.usefixtures("sure", "unproven")
def test_a_folder_with_links_is_listed_again_as_what_they_lead_to_may_change_elsewhere(
    folder: Folder,
) -> None:
    outside = folder.root / "outside"
    outside.symlink_to(folder.images / "4.png")
    (folder.images / "a" / "link.png").symlink_to(outside)
    folder.look()
    outside.unlink()
    outside.symlink_to("/etc/hostname")
    with pytest.raises(ConfigurationError, match="to what lies outside of it"):
        folder.look()
    assert folder.listed == ["a"]


@pytest.mark.usefixtures("lying")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda at: (at / "a/1.png").unlink(), "a/1.png is gone"),
        (lambda at: (at / "a/3.png").touch(), "do not show what was changed there"),
        (lambda at: shutil.rmtree(at / "b"), "do not show what was changed there"),
        (lambda at: (at / "a/1.png").write_text("x"), "a/1.png is another file"),
    ],
)
def test_where_the_times_of_folders_lie_the_sample_shows_it_and_all_is_listed_anew(
    folder: Folder, change: Callable[[Path], None], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.tasks.kept_manifest.SAMPLED_FOLDERS", 9)
    folder.look()
    change(folder.images)
    found = folder.look()
    (said,) = (note for note in folder.notes if note.startswith("All images are listed again: "))
    assert reason in said
    assert found.paths == folder.all_listed()


@pytest.mark.usefixtures("lying", "unproven")
def test_a_full_look_lists_everything_whatever_is_known(folder: Folder) -> None:
    folder.look()
    folder.put("a/5.png")
    assert "a/5.png" not in folder.look().paths
    assert "a/5.png" in folder.look(full=True).paths
    assert "a/5.png" in folder.look().paths


@pytest.mark.usefixtures("sure", "unproven")
def test_files_replaced_by_others_of_the_same_name_are_told_until_somebody_knows(
    folder: Folder,
) -> None:
    assert folder.look().replaced == ()
    (folder.images / "a/1.png").write_text("written over in its place")
    assert folder.look().replaced == ()
    assert folder.look(full=True).replaced == ("a/1.png",)
    new = folder.root / "new.png"
    new.write_text("another")
    new.rename(folder.images / "b/c/3.png")
    folder.settle()
    assert folder.look().replaced == ("a/1.png", "b/c/3.png")
    forget_replaced(folder.workspace)
    assert folder.look().replaced == ()


@pytest.mark.usefixtures("lying", "unproven")
def test_other_settings_ask_for_another_listing(folder: Folder) -> None:
    folder.look()
    for other in (
        Images(folder.images, ".*txt", True),
        Images(folder.images, ".*png", False),
        Images(folder.images, ".*png", True, True),
    ):
        folder.look(workspace=Workspace(folder.root, images=other))
        assert "" in folder.listed
    moved = folder.images.rename(folder.images.parent / "moved")
    there = Workspace(folder.root, images=Images(moved, ".*png", True))
    assert folder.look(workspace=there).folder == moved
    assert "" in folder.listed


@pytest.mark.usefixtures("lying", "unproven")
@pytest.mark.parametrize("damage", [lambda kept: kept[:-1], lambda kept: b"", lambda kept: b"\x93"])
def test_what_is_kept_can_be_damaged_or_thrown_away(
    folder: Folder, damage: Callable[[bytes], bytes]
) -> None:
    first = folder.look()
    file = folder.workspace.state.cache / "manifest"
    file.write_bytes(damage(file.read_bytes()))
    assert folder.look().paths == first.paths
    assert folder.listed
    file.unlink()
    assert folder.look().paths == first.paths
    assert folder.listed


@pytest.mark.usefixtures("sure")
def test_a_look_that_is_ended_leaves_what_was_kept_whole(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.look()
    kept = (folder.workspace.state.cache / "manifest").read_bytes()
    folder.put(*(f"a/{number}.png" for number in range(20)))
    monkeypatch.setattr("core.tasks.scan.STRIDE", 5)
    work = look_at_images(folder.workspace)
    assert isinstance(next(work), Progress)
    work.close()
    assert (folder.workspace.state.cache / "manifest").read_bytes() == kept


def test_nothing_is_kept_where_labelpilot_has_no_folder_yet(folder: Folder) -> None:
    shutil.rmtree(folder.workspace.state.folder)
    folder.look()
    assert not folder.workspace.state.folder.exists()


@pytest.mark.usefixtures("lying", "unproven")
def test_a_bucket_that_is_mounted_as_a_folder_is_listed_each_time(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = folder.root / "mountinfo"
    here = os.path.realpath(folder.images)
    mounts.write_text(
        "20 1 259:1 / / rw - ext4 /dev/root rw\n"
        f"36 20 0:50 / {here} rw,nosuid shared:1 - fuse.gcsfuse bucket rw\n"
        f"37 20 0:51 / {here}2 rw - ext4 /dev/other rw\n"
    )
    monkeypatch.setattr("core.tasks.kept_manifest.MOUNTS", mounts)
    folder.look()
    folder.put("a/5.png")
    assert "a/5.png" in folder.look().paths
    assert "All images are listed: they lie in a bucket (fuse.gcsfuse)." in folder.notes
    mounts.write_text("20 1 259:1 / / rw - ext4 /dev/root rw\n")
    folder.look()
    assert folder.listed == []
