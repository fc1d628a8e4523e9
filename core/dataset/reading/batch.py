"""From the contents of files to records, and to the names of those that were left out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from core.dataset.reading.columns import Packed, pack
from core.dataset.reading.folder import Content
from core.dataset.reading.records import Interpreter, Row
from core.dataset.reading.schema import NotReadable, decode_document, decode_region_document

if TYPE_CHECKING:
    from core.dataset.reading.region_book import RegionBook


class Unreadable(Struct, frozen=True):
    """A file (or a task) that was left out, and why."""

    name: str
    reason: str


class Block(Struct, array_like=True, frozen=True):
    """Files that could be read, with their stamps, how many records each gave, and the records."""

    names: list[str]
    stamps: list[int]
    counts: list[int]
    records: Packed


class Interpreted(Struct, array_like=True, frozen=True):
    """What files gave.

    `half_written` are names, as the system has them, with reasons: these files may be whole a
    moment later.
    """

    block: Block
    unreadable: list[Unreadable]
    half_written: list[tuple[str, str]]


def interpret(
    names: list[str],
    contents: Iterable[Content],
    interpreter: Interpreter,
    regions: RegionBook | None = None,
) -> Interpreted:
    """Interpret the `contents` of the files `names`, as `files.Folder.read` gives them.

    Their regions are added to `regions`, if it is there.
    """
    decode = decode_document if regions is None else decode_region_document
    rows: list[Row] = []
    read: list[str] = []
    stamps: list[int] = []
    counts: list[int] = []
    unreadable: list[Unreadable] = []
    half_written: list[tuple[str, str]] = []
    for name, (content, stamp) in zip(names, contents, strict=True):
        if content is None:
            continue
        if isinstance(content, str):
            unreadable.append(left_out(name, content))
            continue
        try:
            document = decode(content)
            found = interpreter.document(document)
            if regions is not None:
                regions.add(document, interpreter)
        except (msgspec.ValidationError, NotReadable, RecursionError) as error:
            unreadable.append(left_out(name, reason(error)))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            half_written.append((name, f"no whole JSON: {error}"))
        else:
            rows += found
            read.append(name)
            stamps.append(stamp)
            counts.append(len(found))
    return Interpreted(Block(read, stamps, counts, pack(rows)), unreadable, half_written)


def left_out(name: str, why: str) -> Unreadable:
    """A file that was left out. What is no text in its name is replaced by question marks."""
    return Unreadable(name if name.isascii() else name.encode(errors="replace").decode(), why)


def reason(error: Exception) -> str:
    """Why a file or a task was left out, in words."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, msgspec.ValidationError):
        return f"another shape than Label Studio's: {error}"
    return str(error)
