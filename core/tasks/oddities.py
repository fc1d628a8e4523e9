"""What of the images would make trouble later, said while they become tasks.

Of the names, all are looked at; of the files that are new, size, first and last bytes, and of very
many only some. No picture is decoded. Nothing here refuses an image: Label Studio's own sync takes
the same files.
"""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import orjson

from core.errors import LabelpilotError
from core.files import write_at_once
from core.images import Tag, tag_of
from core.own_files import make_own, read_own
from core.progress import Progress, Work
from core.tasks.manifest import Manifest, some_names
from core.tasks.scan import STRIDE
from core.words import count
from core.workspace.settings import Workspace

# Of more new files, so many are looked at, spread evenly.
MOST_LOOKED_AT = 20_000
_HEAD, _TAIL = 64, 1024
# What is said of one image, and of several; what to do about it is too.
_Said = tuple[str, str]
_CUT = "looks cut off", "look cut off"
_TIFF = (
    "is TIFF or HEIC, which most browsers do not show",
    "are TIFF or HEIC, which most browsers do not show",
)
_EMPTY = "is an empty file", "are empty files"
_OTHER = "holds no picture that a browser shows", "hold no picture that a browser shows"
_FIXES = {
    _EMPTY: ("bring it back, or remove it", "bring them back, or remove them"),
    _CUT: ("copy it again", "copy them again"),
    _TIFF: ("convert it to PNG or JPEG", "convert them to PNG or JPEG"),
    _OTHER: (
        "remove it, or let `pattern` under [images] leave it out",
        "remove them, or let `pattern` under [images] leave them out",
    ),
}


def known_odd_names(workspace: Workspace, manifest: Manifest) -> list[str]:
    """As `odd_names`; the same names are looked at once."""
    file = workspace.state.cache / "odd-names.json"
    of = [manifest.digest, workspace.images.tag]
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError):
        kept = orjson.loads(read_own(file))
        if kept["of"] == of:
            return list(map(str, kept["odd"]))
    odd = odd_names(manifest, workspace.images.tag)
    with contextlib.suppress(OSError, LabelpilotError):
        make_own(file.parent)
        write_at_once(file, orjson.dumps({"of": of, "odd": odd}))
    return odd


def odd_names(manifest: Manifest, tag_rule: Tag) -> list[str]:
    """What is odd about the images' names, a sentence each with what to do about it."""
    paths = manifest.paths
    hidden = [path for path in paths if path.startswith(".") or "/." in path]
    found = [
        _sentence(
            len(hidden),
            (
                "image is a hidden file, as a Mac leaves them beside the real ones",
                "images are hidden files, as a Mac leaves them beside the real ones",
            ),
            hidden,
            (
                r"remove it, or let `pattern` under [images] begin with `[^.]`",
                r"remove them, or let `pattern` under [images] begin with `[^.]`",
            ),
        ),
        _same(
            paths,
            str.lower,
            (
                "name is there again in upper or lower case",
                "names are there again in upper or lower case",
            ),
            "rename one of each: not every disk can hold both",
        ),
    ]
    if tag_rule == "stem":
        tags = _same(
            paths,
            lambda path: tag_of(path, "stem"),
            ("tag stands for several images", "tags stand for several images"),
            'rename these, or set `tag = "path"` under [images]',
        )
        found.append(tags)
    return [sentence for sentence in found if sentence]


def replaced_files(manifest: Manifest) -> list[str]:
    """That images were replaced by others of the same name, as `odd_names` says it."""
    paths = list(manifest.replaced)
    what = (
        "image is another file than before, of the same name",
        "images are other files than before, of the same name",
    )
    fix = "look whether its labels still hold", "look whether their labels still hold"
    sentence = _sentence(len(paths), what, paths, fix)
    return [sentence] if sentence else []


def odd_files(folder: Path, paths: Sequence[str]) -> Work[list[str]]:
    """What is odd about the content of the files `paths` of `folder`, as `odd_names` says it."""
    every = max(1, -(-len(paths) // MOST_LOOKED_AT))
    looked_at = paths[::every]
    kinds: dict[_Said, list[str]] = {}
    for number, path in enumerate(looked_at):
        if number % STRIDE == 0:
            yield Progress("look", number, len(looked_at), "looking at the new files")
        if fault := _fault(folder / path):
            kinds.setdefault(fault, []).append(path)
    of_some = f" of the {len(looked_at):,} that were looked at" if every > 1 else ""
    return [
        _sentence(
            len(kinds[kind]),
            (f"image{of_some} {kind[0]}", f"images{of_some} {kind[1]}"),
            kinds[kind],
            fix,
        )
        for kind, fix in _FIXES.items()
        if kind in kinds
    ]


def _fault(file: Path) -> _Said | None:
    """What is wrong with a file, as far as its ends tell; None for nothing."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        size = os.fstat(descriptor).st_size
        head = os.pread(descriptor, _HEAD, 0)
        tail = os.pread(descriptor, _TAIL, max(0, size - _TAIL))
    except OSError:
        return None
    finally:
        os.close(descriptor)
    if not size:
        return _EMPTY
    return _fault_of(head, tail, size)


def _fault_of(head: bytes, tail: bytes, size: int) -> _Said | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return None if b"IEND" in tail else _CUT
    if head.startswith(b"\xff\xd8\xff"):
        return None if b"\xff\xd9" in tail else _CUT
    if head.startswith((b"GIF87a", b"GIF89a")):
        return None if b"\x3b" in tail[-8:] else _CUT
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return None if int.from_bytes(head[4:8], "little") + 8 <= size else _CUT
    if head.startswith((b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")):
        return _TIFF
    if head[4:8] == b"ftyp":
        return None if head[8:12] in (b"avif", b"avis") else _TIFF
    if head.startswith((b"BM", b"\x00\x00\x01\x00")):
        return None
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return None if start.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype svg")) else _OTHER


def _same(paths: Iterable[str], key: Callable[[str], str], what: _Said, fix: str) -> str:
    """A sentence on the paths for which `key` is the same."""
    paths = list(paths)
    counts = Counter(map(key, paths))
    if len(counts) == len(paths):
        return ""
    several = {name for name, count in counts.items() if count > 1}
    names = [path for path in paths if key(path) in several]
    return _sentence(len(several), what, names, (fix, fix))


def _sentence(number: int, what: _Said, names: list[str], fix: _Said) -> str:
    told = fix[0] if number == 1 else fix[1]
    return f"{count(number, *what)} ({some_names(names)}): {told}." if number else ""
