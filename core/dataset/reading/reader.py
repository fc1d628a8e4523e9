"""Readers: annotations from a target storage's folder, or from tasks as the API returns them.

Both give the same records, in batches, so that a million annotations never stand in memory as text.
A file that is no annotation, or that stays half written, is named and left out; it never stops the
others. What has not changed since the last time is not read again; the rest is shared out to as
many processes as there are cores, where there is enough of it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from core.dataset.reading.batch import (
    Batch,
    Block,
    Columns,
    Interpreted,
    LeftOut,
    interpret,
    leave_out,
    rows_of,
    task_rows,
)
from core.dataset.reading.cache import Cache, CacheWriter, unchanged
from core.dataset.reading.folder import Folder
from core.dataset.reading.records import Interpreter, Row
from core.dataset.reading.schema import NotReadable, RegionTask, Task, task_of
from core.dataset.reading.shapes import is_list, no_json, parts_of, text_of
from core.dataset.reading.workers import (
    FILES_FOR_A_WORKER,
    MOST_NAMES,
    Answer,
    Job,
    Workers,
    WorkerSetup,
)
from core.errors import ConfigurationError
from core.files import read_at_most
from core.labeling_config import LabelingConfig

if TYPE_CHECKING:
    from core.dataset.reading.regions import RegionBook

_CHUNK = MOST_NAMES
# To ask for stamps takes a third of the time that reading takes.
STAMPS_FOR_A_WORKER = 3 * FILES_FOR_A_WORKER
# A million annotations of whole images have a little more than this.
LARGEST_EXPORT = 2**30
# Label Studio opens a file and then writes it: a reader in between meets a part.
_HALF_WRITTEN_WAIT = 0.05


@dataclass(frozen=True, slots=True)
class FolderReader:
    """Reads a target storage's folder, in either shape that Label Studio writes.

    `images` is the image folder; `ignored` are names that are not Label Studio's, as hidden files
    never are; `cache` is the file that remembers what was read. Where `regions` are asked for, they
    are added to, and every file is read, here: a cache and workers have only what the images show.
    `pause` waits so many seconds for files that somebody is writing.
    """

    folder: Path
    images: Path
    config: LabelingConfig
    cache: Path
    ignored: frozenset[str] = frozenset()
    regions: RegionBook | None = None
    pause: Callable[[float], None] = time.sleep

    def batches(self) -> Generator[Batch, None, None]:
        """Read every file. Raises ConfigurationError where the folder is missing or closed to us.

        The order of the records is not settled.
        """
        try:
            folder = Folder(self.folder)
        except OSError as error:
            raise ConfigurationError(
                f"The annotations folder {self.folder} cannot be read.",
                cause=error.strerror or str(error),
                next_step="`labelpilot setup` makes the target storage that fills it; "
                "`labelpilot export --from api` does without.",
            ) from None
        with contextlib.closing(folder):
            yield from self._batches(folder)

    def _batches(self, folder: Folder) -> Iterator[Batch]:
        began = time.time_ns()
        cache = Cache(self.cache, self._key())
        writer = cache.writer()
        workers = Workers(WorkerSetup(str(self.folder), str(self.images), self.config))
        try:
            plain = self.regions is None
            worth = FILES_FOR_A_WORKER if cache.is_empty else STAMPS_FOR_A_WORKER
            if plain and folder.looks_large(worth):
                # They start while the names are listed.
                workers.start(worth)
            ignored = self.ignored
            names = [name for name in folder.names() if name[0] != "." and name not in ignored]
            total = len(names)
            if plain and not cache.is_empty:
                left = set(names)
                names.clear()
                for block in _unchanged(cache, folder, workers):
                    writer.add(block)
                    left.difference_update(block.names)
                    yield Batch(block.records, [], total - len(left), total)
                names = sorted(left)
                del left
            yield from self._read(folder, names, total, workers, writer, began)
            if plain:
                writer.keep()
        finally:
            workers.close()
            writer.drop()

    def _read(
        self,
        folder: Folder,
        names: list[str],
        total: int,
        workers: Workers,
        writer: CacheWriter,
        began: int,
    ) -> Iterator[Batch]:
        done = total - len(names)
        half_written: list[str] = []
        for size, interpreted in self._interpreted(folder, names, workers):
            writer.add(interpreted.block, began)
            half_written.extend(name for name, _ in interpreted.half_written)
            done += size
            yield Batch(interpreted.block.records, interpreted.unreadable, done, total)
        if half_written:
            self.pause(_HALF_WRITTEN_WAIT)
            contents = folder.read(half_written)
            last = interpret(half_written, contents, self._interpreter(), self.regions)
            left = last.unreadable + [leave_out(name, why) for name, why in last.half_written]
            yield Batch(last.block.records, left, done, total)

    def _interpreted(
        self, folder: Folder, names: list[str], workers: Workers
    ) -> Iterator[tuple[int, Interpreted]]:
        """What the files gave, with their number."""
        interpreter = self._interpreter()

        def here(chunk: Job) -> Answer:
            assert isinstance(chunk, list)
            return interpret(chunk, folder.read(chunk), interpreter, self.regions)

        if self.regions is None:
            workers.start(len(names))
        starts = range(0, len(names), _CHUNK)
        chunks: Iterator[Job] = iter([names[start : start + _CHUNK] for start in starts])
        for chunk, found in workers.share(chunks, here):
            assert isinstance(chunk, list) and isinstance(found, Interpreted)
            yield len(chunk), found

    def _interpreter(self) -> Interpreter:
        return Interpreter(self.config, self.images)

    def _key(self) -> bytes:
        """All that decides what the files give: of the config, not the text that says it."""
        config = (self.config.classifying(), self.config.images)
        places = (str(self.folder), str(self.images), sorted(self.ignored))
        return msgspec.json.encode((config, places))


def _unchanged(cache: Cache, folder: Folder, workers: Workers) -> Iterator[Block]:
    """What is kept of the files that have not changed since, in no order."""

    def here(block: Job) -> Answer:
        assert isinstance(block, Block)
        return folder.changed(block.names, block.stamps)

    for block, changed in workers.share(cache.blocks(), here):
        assert isinstance(block, Block) and isinstance(changed, list)
        yield unchanged(block, changed)


def read_file(
    path: Path, interpreter: Interpreter, regions: RegionBook | None = None
) -> Generator[Batch, None, None]:
    """Read one file: an export, which is a list of tasks, or what a target storage's folder holds.

    Their regions are added to `regions`, if it is there. Raises ConfigurationError where the file
    cannot be read, or is no JSON.
    """
    content = read_at_most(path, LARGEST_EXPORT, "The file")
    try:
        content = text_of(content)
        parts = parts_of(content) if is_list(content) else [content]
        for start in range(0, len(parts), _CHUNK):
            rows: list[Row] = []
            unreadable: list[LeftOut] = []
            for place, part in enumerate(parts[start : start + _CHUNK], start=start + 1):
                name = f"{path.name}, task {place}" if len(parts) > 1 else path.name
                found, left = rows_of(name, part, interpreter, regions)
                rows += found
                unreadable += left
            yield Batch(
                Columns.of(rows), unreadable, start + len(parts[start : start + _CHUNK]), len(parts)
            )
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"The file {path} is no JSON, as Label Studio's exports are.",
            cause=f"It is {no_json(content, error)}.",
            next_step="Export from Label Studio as JSON.",
        ) from None


def read_tasks(
    tasks: Iterable[object],
    interpreter: Interpreter,
    *,
    total: int | None = None,
    regions: RegionBook | None = None,
) -> Generator[Batch, None, None]:
    """Read tasks with their annotations as the API returns them; `total` is how many will come.

    Their regions are added to `regions`, if it is there.
    """
    kind = Task if regions is None else RegionTask
    iterator = iter(tasks)
    done = 0
    while chunk := list(islice(iterator, _CHUNK)):
        rows: list[Row] = []
        unreadable: list[LeftOut] = []
        for task in chunk:
            try:
                read = task_of(task, kind)
                if not read.is_plain:
                    raise NotReadable("of another shape")
                rows.extend(interpreter.task(read))
                if regions is not None:
                    regions.add(read, interpreter)
            except (msgspec.ValidationError, NotReadable, RecursionError):
                number = task.get("id", "?") if isinstance(task, dict) else "?"
                found, left = task_rows(f"task {number}", task, interpreter, regions)
                rows += found
                unreadable += left
        done += len(chunk)
        yield Batch(Columns.of(rows), unreadable, done, total)
