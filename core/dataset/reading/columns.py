"""Records as columns: small to send to another process, and small to keep on disk.

What many records share (labels, people) is held once, in a table, and named by its place there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress

from msgspec import Struct

from core.dataset.reading.records import Labels, Record, Row


class Packed(Struct, array_like=True, frozen=True, gc=False):
    """Records, a list for each of their fields; `labels` and `people` are places in the tables."""

    images: list[str]
    annotations: list[int | None]
    labels: list[int]
    cancelled: list[bool]
    ground_truth: list[bool]
    moments: list[float]
    people: list[int]
    label_table: list[Labels]
    people_table: list[str]

    def where(self, kept: Sequence[object]) -> Packed:
        """Only the records for which `kept` holds something true."""
        return Packed(
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


def pack(rows: Sequence[Row]) -> Packed:
    """Records as columns."""
    if not rows:
        return Packed([], [], [], [], [], [], [], [], [])
    images, annotations, labels, cancelled, ground_truth, moments, people = zip(*rows, strict=True)
    label_table: dict[Labels, int] = {}
    people_table: dict[str, int] = {}
    return Packed(
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
