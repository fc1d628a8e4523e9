"""Batches: from the contents of files to records in columns, and to what was left out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from core.dataset.reading.folder import FORMER, Content
from core.dataset.reading.records import Interpreter, Labels, Record, Row
from core.dataset.reading.schema import (
    NotReadable,
    RegionTask,
    Task,
    decode_document,
    decode_region_document,
)
from core.dataset.reading.shapes import (
    is_list,
    mended_tasks,
    no_json,
    parts_of,
    reason,
    text_of,
)

if TYPE_CHECKING:
    from core.dataset.reading.regions import RegionBook

# No file has this stamp.
_NO_STAMP = -2


class LeftOut(Struct, frozen=True):
    """What was left out, by name, and why: a file, a task, an image, regions."""

    name: str
    reason: str


class Columns(Struct, array_like=True, frozen=True, gc=False):
    """Records, a list for each of their fields: small to send to a process, and to keep on disk.

    What many records share (labels, people) is held once, in a table, and named by its place there.
    """

    images: list[str]
    annotations: list[int]
    labels: list[int]
    cancelled: list[bool]
    ground_truth: list[bool]
    moments: list[float]
    people: list[int]
    label_table: list[Labels]
    people_table: list[str]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Columns:
        """Records as columns."""
        if not rows:
            return Columns([], [], [], [], [], [], [], [], [])
        images, annotations, labels, cancelled, ground_truth, moments, people = zip(
            *rows, strict=True
        )
        label_table: dict[Labels, int] = {}
        people_table: dict[str, int] = {}
        return Columns(
            list(images),
            list(annotations),
            [label_table.setdefault(one, len(label_table)) for one in labels],
            list(cancelled),
            list(ground_truth),
            list(moments),
            [people_table.setdefault(one, len(people_table)) for one in people],
            list(label_table),
            list(people_table),
        )

    @classmethod
    def joined(cls, parts: Sequence[Columns]) -> Columns:
        """The records of all `parts`, one after the other."""
        if len(parts) == 1:
            return parts[0]
        whole = Columns.of([])
        labels: dict[Labels, int] = {}
        people: dict[str, int] = {}
        for part in parts:
            places = [labels.setdefault(one, len(labels)) for one in part.label_table]
            whole.labels.extend(map(places.__getitem__, part.labels))
            places = [people.setdefault(one, len(people)) for one in part.people_table]
            whole.people.extend(map(places.__getitem__, part.people))
            whole.images.extend(part.images)
            whole.annotations.extend(part.annotations)
            whole.cancelled.extend(part.cancelled)
            whole.ground_truth.extend(part.ground_truth)
            whole.moments.extend(part.moments)
        whole.label_table.extend(labels)
        whole.people_table.extend(people)
        return whole

    def where(self, kept: Sequence[object]) -> Columns:
        """Only the records for which `kept` holds something true."""
        return Columns(
            list(compress(self.images, kept)),
            list(compress(self.annotations, kept)),
            list(compress(self.labels, kept)),
            list(compress(self.cancelled, kept)),
            list(compress(self.ground_truth, kept)),
            list(compress(self.moments, kept)),
            list(compress(self.people, kept)),
            self.label_table,
            self.people_table,
        )

    def __iter__(self) -> Iterator[Record]:
        return map(
            Record,
            self.images,
            self.annotations,
            map(self.label_table.__getitem__, self.labels),
            self.cancelled,
            self.ground_truth,
            self.moments,
            map(self.people_table.__getitem__, self.people),
        )


class Block(Struct, array_like=True, frozen=True):
    """Files that could be read, with their stamps, how many records each gave, and the records."""

    names: list[str]
    stamps: list[int]
    counts: list[int]
    records: Columns

    @classmethod
    def joined(cls, blocks: Sequence[Block]) -> Block:
        """The files of all `blocks`."""
        return Block(
            [name for block in blocks for name in block.names],
            [stamp for block in blocks for stamp in block.stamps],
            [count for block in blocks for count in block.counts],
            Columns.joined([block.records for block in blocks]),
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """Records read, what was left out, and how many of how many files or tasks are behind us."""

    records: Columns
    unreadable: list[LeftOut]
    done: int
    total: int | None


class Interpreted(Struct, array_like=True, frozen=True):
    """What files gave.

    `half_written` are names, as the system has them, with reasons: these files may be whole a
    moment later.
    """

    block: Block
    unreadable: list[LeftOut]
    half_written: list[tuple[str, str]]


def interpret(
    names: list[str],
    contents: Iterable[Content],
    interpreter: Interpreter,
    regions: RegionBook | None = None,
) -> Interpreted:
    """Interpret the `contents` of the files `names`, as `Folder.read` gives them.

    Their regions are added to `regions`, if it is there.
    """
    rows: list[Row] = []
    read: list[str] = []
    stamps: list[int] = []
    counts: list[int] = []
    unreadable: list[LeftOut] = []
    half_written: list[tuple[str, str]] = []
    for name, (content, stamp) in zip(names, contents, strict=True):
        if content is None:
            continue
        if isinstance(content, str):
            unreadable.append(leave_out(name, content))
            continue
        try:
            found, left = rows_of(name, content, interpreter, regions)
        except ValueError as error:
            half_written.append((name, no_json(content, error)))
            continue
        unreadable += left
        if found or not left:
            rows += found
            read.append(name)
            # What is left out has to be said the next time too: no cache may hold such a file.
            stamps.append(_NO_STAMP if left else stamp)
            counts.append(len(found))
    return Interpreted(Block(read, stamps, counts, Columns.of(rows)), unreadable, half_written)


def rows_of(
    name: str, content: bytes, interpreter: Interpreter, regions: RegionBook | None = None
) -> tuple[list[Row], list[LeftOut]]:
    """The records in the `content` of the file `name`, and what of it was left out.

    Their regions are added to `regions`, if it is there. Raises ValueError where it is no JSON.
    """
    decode = decode_document if regions is None else decode_region_document
    try:
        document = decode(content)
        if not document.is_plain or name.startswith(FORMER):
            return _mended_rows(name, content, interpreter, regions)
        found = interpreter.document(document)
        if regions is not None:
            regions.add(document, interpreter)
    except (msgspec.DecodeError, NotReadable, UnicodeDecodeError, RecursionError):
        return _mended_rows(name, content, interpreter, regions)
    return found, []


def _mended_rows(
    name: str, content: bytes, interpreter: Interpreter, regions: RegionBook | None
) -> tuple[list[Row], list[LeftOut]]:
    """As `rows_of`, for a file of another shape than today's, or of several tasks."""
    content = text_of(content)
    rows: list[Row] = []
    left: list[LeftOut] = []
    try:
        if not is_list(content):
            return task_rows(name, json.loads(content), interpreter, regions)
        for place, part in enumerate(parts_of(content), start=1):
            own_name = f"{name}, task {place}"
            if is_list(part):
                raise NotReadable("lists in a list, and no annotation of Label Studio")
            found, unreadable = rows_of(own_name, part, interpreter, regions)
            rows += found
            left += unreadable
    except (NotReadable, RecursionError) as error:
        return [], [leave_out(name, reason(error))]
    return rows, left


def task_rows(
    name: str, value: object, interpreter: Interpreter, regions: RegionBook | None = None
) -> tuple[list[Row], list[LeftOut]]:
    """As `rows_of`, for what a file or the API says of one task, in whatever shape it is."""
    rows: list[Row] = []
    left: list[LeftOut] = []
    kind = Task if regions is None else RegionTask
    try:
        for own_name, task in mended_tasks(value, name, kind):
            try:
                if isinstance(task, str):
                    raise NotReadable(task)
                rows += interpreter.task(task)
                if regions is not None:
                    regions.add(task, interpreter)
            except NotReadable as error:
                left.append(leave_out(own_name, reason(error)))
    except (NotReadable, RecursionError) as error:
        left.append(leave_out(name, reason(error)))
    return rows, left


def leave_out(name: str, why: str) -> LeftOut:
    """A file that was left out. What is no text in its name is replaced by question marks."""
    return LeftOut(name if name.isascii() else name.encode(errors="replace").decode(), why)
