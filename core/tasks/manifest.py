"""The manifest: the files that are to be tasks, as the image folder's folders were listed.

It is made by `core.tasks.scan`, and kept by `core.tasks.kept_manifest`. It is compact, for there
may be a million images: their paths are made of it where they are asked for.
"""

from __future__ import annotations

import hashlib
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import msgspec

from core.words import count

# The stamp of a folder that has to be listed again, whatever its times say.
UNSURE = 0
_NAMED = 3


class Listing(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A folder as it was listed, its name relative to the image folder, and empty for that itself.

    `stamp` is made of the folder's own times. `names` are its images', each with a NUL after it,
    and `stamps` are made of their sizes and times, where those were looked at.
    `folders` are its folders that are to be looked into, `closed` counts the others, `other_names`
    the files that the pattern does not match, and `not_files` what is no regular file; `examples`
    are some of both.
    """

    folder: bytes
    stamp: int
    names: bytes
    stamps: bytes
    folders: bytes
    closed: int
    other_names: int
    not_files: int
    examples: bytes

    @property
    def images(self) -> int:
        """How many images it holds."""
        return self.names.count(b"\0")

    @property
    def entries(self) -> int:
        """How much a listing of it has to look at."""
        beside = self.folders.count(b"\0") + self.closed + self.other_names + self.not_files
        return self.images + beside

    @property
    def path(self) -> str:
        return os.fsdecode(self.folder)

    @property
    def stamp_list(self) -> Sequence[int]:
        """The images' stamps, UNSURE where one could not be looked at; empty where none was."""
        stamps = array("q")
        stamps.frombytes(self.stamps)
        return stamps

    def replaced_since(self, former: Listing) -> Iterator[str]:
        """The images that `former` has too, with another size or time."""
        if self.stamps == former.stamps and self.names == former.names:
            return
        then = dict(zip(split(former.names), former.stamp_list, strict=False))
        for name, stamp in zip(split(self.names), self.stamp_list, strict=False):
            if then.get(name, stamp) not in (stamp, UNSURE):
                yield os.path.join(self.path, name)

    def is_like(self, other: Listing) -> bool:
        """Whether `other` lists the same images and folders."""
        return self.entries == other.entries and all(
            sorted(split(mine)) == sorted(split(others))
            for mine, others in ((self.names, other.names), (self.folders, other.folders))
        )


@dataclass(frozen=True)
class Manifest:
    """The images of a folder, and what of it is not taken.

    `listings` are the folders that were looked into, `unreadable` those that could not be.
    `replaced` are images in whose place another file of the same name was found, since somebody was
    last told of them. `seconds` is how long the look took.
    """

    folder: Path
    listings: tuple[Listing, ...]
    unreadable: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    seconds: float = 0.0

    @cached_property
    def count(self) -> int:
        """How many images there are."""
        return sum(listing.images for listing in self.listings)

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The images, relative to `folder`, with `/` between the parts, in Label Studio's order:
        that of the names."""
        # The name first, so that no key is made of a million paths to sort them.
        named = list(chain.from_iterable(map(_named, self.listings)))
        named.sort()
        for number, one in enumerate(named):
            name, _, above = one.partition("\0")
            named[number] = above + name
        return tuple(named)

    @cached_property
    def digest(self) -> str:
        """What stands for these very paths: as long as it is the same, so are they."""
        digest = hashlib.blake2b(digest_size=16)
        for listing in self.listings:
            digest.update(b"%d %d\0" % (len(listing.folder), len(listing.names)))
            digest.update(listing.folder)
            digest.update(listing.names)
        return digest.hexdigest()

    @property
    def other_names(self) -> int:
        """How many files the pattern does not match."""
        return sum(listing.other_names for listing in self.listings)

    @property
    def not_files(self) -> int:
        """How many entries are no regular files: broken links, sockets."""
        return sum(listing.not_files for listing in self.listings)

    @property
    def subfolders(self) -> int:
        """How many folders were not looked into."""
        return sum(listing.closed for listing in self.listings)

    @property
    def examples(self) -> tuple[str, ...]:
        """Some of what is no image."""
        found = chain.from_iterable(split(listing.examples) for listing in self.listings)
        return tuple(name for name, _ in zip(found, range(_NAMED), strict=False))

    @property
    def left_out(self) -> int:
        """How many entries are no images, folders not counted."""
        return self.other_names + self.not_files

    @property
    def why_left_out(self) -> str:
        """What was left out and why, as one sentence; empty where nothing was."""
        names = some_names(list(self.unreadable))
        reasons = (
            (self.other_names, "file with another name", "files with other names"),
            (self.not_files, "that is no regular file", "that are not regular files"),
            (self.subfolders, "subfolder not looked into", "subfolders not looked into"),
            (len(self.unreadable), f"unreadable folder ({names})", f"unreadable folders ({names})"),
        )
        return ", ".join(count(number, *what) for number, *what in reasons if number)


def _named(listing: Listing) -> Iterator[str]:
    """Name and folder of each image, the name first, with a NUL between them."""
    above = f"\0{listing.path}/" if listing.folder else "\0"
    return (name + above for name in split(listing.names))


def joined(names: Iterable[str]) -> bytes:
    """File names in one text, a NUL after each: no name holds one."""
    return b"".join(os.fsencode(name) + b"\0" for name in names)


def split(names: bytes) -> list[str]:
    """The names that `joined` has joined."""
    return os.fsdecode(names).split("\0")[:-1]


def some_names(names: list[str]) -> str:
    """The first of `names`, and how many more there are."""
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    shown = [os.fsencode(name).decode("utf-8", "replace") for name in sorted(names)[:_NAMED]]
    return ", ".join(shown) + more
