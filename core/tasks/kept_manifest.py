"""The manifest that is kept between two looks, so that the second lists only what has changed.

It is only for speed, and believed only after a proof: some images and folders, drawn at random, are
looked at as if nothing were known. Where that finds anything else than what is kept, everything is
listed anew, and the reason is said. A drive whose folders keep no honest times can hide new files
from all of it. A bucket that is mounted as a folder is known to, and listed each time; for others
there is the full look, which is asked for.

With each image its size and time are kept. One in whose place another file of the same name lies is
found where its folder is listed, by the sample, or by a full look: writing into a file changes no
time of its folder.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from core.errors import LabelpilotError
from core.files import write_at_once
from core.own_files import make_own, read_own
from core.progress import Progress, Work
from core.tasks.manifest import Listing, Manifest, split
from core.tasks.scan import file_stamp, list_again, scan_images
from core.workspace.settings import Images, Workspace

# Drawn at random for the proof, from folders that are not listed.
SAMPLED_IMAGES = 200
SAMPLED_FOLDERS = 2
# No folder with more entries is drawn: listing it would take as long as a full look.
LARGEST_SAMPLED = 2_000
# How Linux calls the buckets that are mounted as folders: their folders' times stay as they are.
MOUNTED_BUCKETS = frozenset(
    f"fuse.{name}"
    for name in ("s3fs", "gcsfuse", "rclone", "blobfuse", "blobfuse2", "mountpoint-s3", "goofys")
)
MOUNTS = Path("/proc/self/mountinfo")
# Counted up where what is kept, or how it is made, changes.
_VERSION = 1


class _Kept(msgspec.Struct, array_like=True):
    """What the file holds: for which settings, the listings, and the images that were replaced."""

    settings: str
    listings: list[Listing]
    replaced: list[bytes]


def look_at_images(workspace: Workspace, *, full: bool = False) -> Work[Manifest]:
    """The images of the workspace's folder as they are now; what has not changed is not listed.

    `full` lists everything. What is found is kept for the next look, where the workspace has its
    `.labelpilot/` already. Raises ConfigurationError as `scan_images` does.
    """
    kept = _read(workspace)
    former = {listing.folder: listing for listing in kept.listings}
    if former and not full and (kind := _mounted_as(workspace.images.path)) in MOUNTED_BUCKETS:
        full = True
        yield Progress("scan", note=f"All images are listed: they lie in a bucket ({kind}).")
    known = {} if full else former
    manifest = yield from scan_images(workspace.images, known, stamped=True)
    believed = [one for one in manifest.listings if known.get(one.folder) is one]
    if doubt := (yield from _doubt(workspace.images, believed)):
        yield Progress("scan", note=f"All images are listed again: {doubt}.")
        manifest = yield from scan_images(workspace.images, stamped=True)
    replaced = set(map(os.fsdecode, kept.replaced))
    for listing in manifest.listings:
        if (then := former.get(listing.folder)) is not None:
            replaced.update(listing.replaced_since(then))
    manifest = dataclasses.replace(manifest, replaced=tuple(sorted(replaced)))
    now = _Kept(kept.settings, list(manifest.listings), list(map(os.fsencode, manifest.replaced)))
    if now != kept:
        _write(workspace, now)
    return manifest


def forget_replaced(workspace: Workspace) -> None:
    """Keep no longer which images were replaced: somebody was told of them."""
    kept = _read(workspace)
    if kept.replaced:
        _write(workspace, _Kept(kept.settings, kept.listings, []))


def _mounted_as(folder: Path) -> str:
    """The type of the file system that a folder lies on; empty where that is not told."""
    place = os.path.join(os.path.realpath(folder), "")
    longest, kind = "", ""
    with contextlib.suppress(OSError, IndexError):
        for line in MOUNTS.read_text(errors="surrogateescape").splitlines():
            mount, _, filesystem = line.partition(" - ")
            # A space in it is written as a number.
            point = os.path.join(mount.split()[4].replace("\\040", " "), "")
            if place.startswith(point) and len(point) >= len(longest):
                longest, kind = point, filesystem.split()[0]
    return kind


def _doubt(images: Images, believed: Sequence[Listing]) -> Work[str]:
    """Why what is `believed` unseen should not be; empty where the sample shows nothing."""
    for path, stamp in _drawn(believed):
        try:
            status = os.lstat(images.path / path)
        except OSError:
            return f"{path} is gone, and its folder's times do not show it"
        if not stat.S_ISREG(status.st_mode) or file_stamp(status) != stamp:
            return f"{path} is another file than before"
    small = [listing for listing in believed if listing.entries <= LARGEST_SAMPLED]
    for listing in random.sample(small, min(SAMPLED_FOLDERS, len(small))):
        now = yield from list_again(images, listing)
        if now is None or not now.is_like(listing):
            return f"the times of {images.path / listing.path} do not show what was changed there"
    return ""


def _drawn(listings: Sequence[Listing]) -> Iterator[tuple[str, int]]:
    """Some images drawn at random, with the stamp that each had."""
    total = sum(listing.images for listing in listings)
    drawn = sorted(random.sample(range(total), min(SAMPLED_IMAGES, total)), reverse=True)
    before = 0
    for listing in listings:
        after = before + listing.images
        if drawn and drawn[-1] < after:
            names, stamps = split(listing.names), listing.stamp_list
            while drawn and drawn[-1] < after:
                number = drawn.pop() - before
                yield os.path.join(listing.path, names[number]), stamps[number]
        before = after


def _file(workspace: Workspace) -> Path:
    return workspace.state.cache / "manifest"


def _read(workspace: Workspace) -> _Kept:
    """What was kept for the settings as they are; nothing where that is missing or damaged."""
    images = workspace.images
    settings = (images.pattern, images.recursive, images.follow_links)
    key = repr((_VERSION, os.fsencode(images.path), *settings))
    with contextlib.suppress(OSError, msgspec.DecodeError):
        kept = msgspec.msgpack.decode(read_own(_file(workspace)), type=_Kept)
        if kept.settings == key:
            return kept
    return _Kept(key, [], [])


def _write(workspace: Workspace, kept: _Kept) -> None:
    """Keep it where there is a `.labelpilot/`; a disk that has no room for it harms nothing."""
    if workspace.state.folder.is_dir():
        with contextlib.suppress(OSError, LabelpilotError):
            make_own(_file(workspace).parent)
            write_at_once(_file(workspace), msgspec.msgpack.encode(kept), mode=0o600)
