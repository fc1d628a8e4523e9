"""The scan of the image folder, by the rule that Label Studio's own sync follows.

That rule: every regular file of the folder (of its subfolders too, if recursive) whose name the
pattern matches with `re.match`, in the order of the names. Nothing is opened.

A folder that was listed before and whose own times are the same is not listed again. Whatever is
added to it, renamed or removed changes them, unless that happens within one tick of the file
system's clock after it was listed; what a link leads to may change elsewhere. So the folders with
links, and those that had just been changed, are listed each time.
"""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from core.errors import ConfigurationError
from core.patterns import Matcher
from core.progress import Progress, Work
from core.tasks.manifest import UNSURE, Listing, Manifest, joined, some_names, split
from core.words import count
from core.workspace.settings import Images

# Entries between two progress events: a scan must be able to show itself, and to be cancelled.
STRIDE = 5000
# Folders changed so shortly before are listed again: the coarsest clocks tick every two seconds.
UNCERTAIN_NS = 2_000_000_000
_EXAMPLES = 3
Kind = Literal["file", "folder", "other"]


def check_images(images: Images) -> None:
    """Raise ConfigurationError unless the image folder can be looked into and served."""
    folder = images.path
    if images.bucket is not None:
        raise ConfigurationError(
            f"The images lie in {images.url}, where only Label Studio can look.",
            next_step="For what needs the files themselves, copy them into a folder, and name it "
            "as `path` under [images] in labelpilot.toml, in place of `url`.",
        )
    if not os.path.isdir(folder):
        what = "is not a folder" if os.path.exists(folder) else "does not exist"
        raise ConfigurationError(
            f"The image folder {folder} {what}.",
            next_step="Make it, or fix `path` under [images] in labelpilot.toml.",
        )
    # Label Studio trims a storage's path and turns backslashes into slashes.
    if "\\" in str(folder) or str(folder) != str(folder).strip():
        raise ConfigurationError(
            f"Label Studio cannot use the folder {str(folder)!r}: its path holds a backslash, or "
            "ends in a space.",
            next_step="Rename the folder.",
        )


def scan_images(
    images: Images, known: Mapping[bytes, Listing] | None = None, *, stamped: bool = False
) -> Work[Manifest]:
    """List the images of a folder, except in its folders that are as they are `known`.

    `stamped` says that the images' sizes and times are looked at too, which takes several times as
    long. Raises ConfigurationError where the folder is missing, nothing matches, the pattern takes
    too long, a name is not UTF-8, or any link, image or not, leads out of the folder.
    """
    began = time.monotonic()
    check_images(images)
    with Matcher(images.pattern, "The pattern under [images]") as matcher:
        scan = _Scan(images, matcher, stamped)
        listings = yield from scan.folders(known or {})
    manifest = Manifest(
        images.path, tuple(listings), tuple(scan.unreadable), (), time.monotonic() - began
    )
    scan.refuse()
    if not manifest.count:
        raise _no_image(images, manifest.left_out)
    yield Progress("scan", manifest.count, manifest.count, _found(manifest))
    return manifest


def list_again(images: Images, listing: Listing) -> Work[Listing | None]:
    """A folder as it is listed now; None where it cannot be."""
    with Matcher(images.pattern, "The pattern under [images]") as matcher:
        return (yield from _Scan(images, matcher, bool(listing.stamps)).listed(listing.path))


def file_stamp(status: os.stat_result) -> int:
    """What stands for a file's size and time."""
    return hash((status.st_size, status.st_mtime_ns))


def _folder_stamp(status: os.stat_result) -> int:
    """What stands for a folder as it is: the time of its last change cannot be set by anybody."""
    times = (status.st_mtime_ns, status.st_ctime_ns)
    if max(times) > time.time_ns() - UNCERTAIN_NS:
        return UNSURE
    return hash((*times, status.st_size, status.st_nlink))


@dataclass
class _Scan:
    """One scan: how names are matched, and what is found that cannot be used."""

    images: Images
    matcher: Matcher
    stamped: bool
    found: int = 0
    bad_names: list[str] = field(default_factory=list)
    escaping: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._root = str(self.images.path)
        self._inside = os.path.realpath(self.images.path) + os.sep

    def folders(self, known: Mapping[bytes, Listing]) -> Work[list[Listing]]:
        """The image folder and, if that is asked for, all below it.

        As pathlib's `rglob`, links to folders are not followed, and a subfolder that cannot be read
        or is gone by then is passed over; the unreadable ones are noted.
        """
        listings: list[Listing] = []
        waiting = [""]
        while waiting:
            path = waiting.pop()
            listing = known.get(os.fsencode(path))
            if listing is None or not self._is_as(listing):
                listing = yield from self.listed(path)
            else:
                self.found += listing.images
            if listing is None:
                continue
            listings.append(listing)
            if len(listings) % STRIDE == 0:
                yield Progress("scan", self.found)
            if listing.folders:
                waiting += (os.path.join(path, name) for name in reversed(split(listing.folders)))
        return listings

    def _is_as(self, listing: Listing) -> bool:
        """Whether a folder's own times say that it is as it was listed."""
        if listing.stamp == UNSURE:
            return False
        try:
            status = os.stat(os.path.join(self._root, listing.path))
        except OSError:
            return False
        return _folder_stamp(status) == listing.stamp

    def listed(self, path: str) -> Work[Listing | None]:
        """A folder as it is now; None where it cannot be read."""
        here = os.path.join(self._root, path) if path else self._root
        names, stamps = bytearray(), array("q")
        folders: list[str] = []
        examples: list[str] = []
        closed = other_names = not_files = 0
        images, matches = self.images, self.matcher.matches
        try:
            # Before it is listed: what changes meanwhile changes its times once more.
            stamp = _folder_stamp(os.stat(here))
            for number, (entry, kind) in enumerate(_entries(here), start=1):
                if number % STRIDE == 0:
                    yield Progress("scan", self.found)
                if entry.is_symlink():
                    stamp = UNSURE
                    # Whatever it is called: Label Studio serves all that lies in the folder.
                    if not images.follow_links and not self._leads_inside(entry):
                        self.escaping.append(entry.path)
                        continue
                if kind == "folder" and images.recursive and not entry.is_symlink():
                    folders.append(entry.name)
                elif kind == "folder":
                    closed += 1
                elif kind != "file" or not matches(entry.name):
                    other_names += kind == "file"
                    not_files += kind != "file"
                    if len(examples) < _EXAMPLES:
                        examples.append(entry.name)
                else:
                    self._take(entry, names, stamps)
        except OSError as error:
            if not path:
                raise ConfigurationError(
                    f"The folder {here} cannot be read.", cause=error.strerror or str(error)
                ) from None
            if not isinstance(error, FileNotFoundError):
                self.unreadable.append(here)
            return None
        return Listing(
            os.fsencode(path),
            stamp,
            bytes(names),
            stamps.tobytes(),
            joined(folders),
            closed,
            other_names,
            not_files,
            joined(examples),
        )

    def _take(self, entry: os.DirEntry[str], names: bytearray, stamps: array[int]) -> None:
        try:
            name = entry.name.encode()
            if not entry.path.isascii():
                entry.path.encode()
        except UnicodeEncodeError:
            self.bad_names.append(entry.path)
            return
        if self.stamped:
            try:
                stamps.append(file_stamp(entry.stat()))
            except FileNotFoundError:
                return
            except OSError:
                stamps.append(UNSURE)
        names += name + b"\0"
        self.found += 1

    def _leads_inside(self, link: os.DirEntry[str]) -> bool:
        return os.path.join(os.path.realpath(link.path), "").startswith(self._inside)

    def refuse(self) -> None:
        """Raise ConfigurationError where something was found that cannot be used."""
        if self.bad_names:
            raise ConfigurationError(
                f"Not UTF-8: {count(len(self.bad_names), 'image name')}, which Label Studio cannot "
                "write.",
                cause=some_names(self.bad_names),
                next_step="Rename them (convmv does it for a whole folder).",
            )
        if self.escaping:
            links = [f"{name} -> {os.path.realpath(name)}" for name in self.escaping]
            raise ConfigurationError(
                f"{self.images.path} holds {count(len(links), 'link')} to what lies outside of it, "
                "and Label Studio would serve what is there.",
                cause=some_names(links),
                next_step="Remove them, or allow them: `follow_links = true` under [images].",
            )


def _entries(folder: str) -> Iterator[tuple[os.DirEntry[str], Kind]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            yield entry, _kind(entry)


def _kind(entry: os.DirEntry[str]) -> Kind:
    try:
        return "folder" if entry.is_dir() else "file" if entry.is_file() else "other"
    except OSError:
        # A link that leads back to itself.
        return "other"


def _no_image(images: Images, left_out: int) -> ConfigurationError:
    return ConfigurationError(
        f"No file in {images.path} matches the pattern {images.pattern!r}.",
        cause=f"It holds {count(left_out, 'file')}"
        + ("." if images.recursive else ", subfolders not counted."),
        next_step="Fix `pattern`, `path` or `recursive` under [images] in labelpilot.toml; "
        "the pattern must match the file's name from its beginning.",
    )


def _found(manifest: Manifest) -> str:
    left_out = manifest.why_left_out
    return f"{count(manifest.count, 'image')} found" + (
        f"; left out: {left_out}" if left_out else ""
    )
