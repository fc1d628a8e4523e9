"""Readers: annotations from a target storage's folder, or from tasks as the API returns them.

Both give the same records, in batches, so that a million annotations never stand in memory as text.
A file that is no annotation, or that stays half written, is named and left out; it never stops the
others. Nothing is written, and no server is asked.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import msgspec

from core.dataset.records import Interpreter, NotReadable, Record
from core.dataset.shapes import decode_document, task_of
from core.errors import ConfigurationError

# Threads hide the wait for files that are not in memory yet; this many names keep them busy
# without a hand-over for each file.
_THREADS = 8
_CHUNK = 500
_AHEAD = 2 * _THREADS
_BLOCK = 64 * 1024
# One annotation with thousands of brush strokes has some 10 MB.
LARGEST_FILE = 64 * 1024 * 1024
# Label Studio opens a file and then writes it: a reader in between meets a part.
_HALF_WRITTEN_WAIT = 0.05


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A file (or a task) that was left out, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Records read, files left out, and how many of how many files or tasks are behind us."""

    records: list[Record]
    unreadable: tuple[Unreadable, ...]
    done: int
    total: int | None


def read_folder(
    folder: Path, interpreter: Interpreter, *, ignored: frozenset[str] = frozenset()
) -> Iterator[Batch]:
    """Read every file of a target storage's folder, in either shape that Label Studio writes.

    Hidden files and the names in `ignored` are not Label Studio's and are passed over. Raises
    ConfigurationError where the folder is missing or closed to us.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        names = [name for name in os.listdir(descriptor) if _is_ours(name, ignored)]
    except OSError as error:
        raise ConfigurationError(
            f"The annotations folder {folder} cannot be read.",
            cause=error.strerror or str(error),
            next_step="`labelpilot setup` makes the target storage that fills it; "
            "`labelpilot export --from api` does without.",
        ) from None
    total, done = len(names), 0
    again: list[str] = []
    try:
        for chunk, contents in _contents(descriptor, names):
            batch = _interpreted(chunk, contents, interpreter)
            again.extend(batch.half_written)
            done += len(chunk)
            yield Batch(batch.records, tuple(batch.unreadable), done, total)
        if again:
            time.sleep(_HALF_WRITTEN_WAIT)
        for chunk, contents in _contents(descriptor, again):
            batch = _interpreted(chunk, contents, interpreter)
            left = [*batch.unreadable, *batch.half_written.values()]
            yield Batch(batch.records, tuple(left), done, total)
    finally:
        os.close(descriptor)


def read_tasks(
    tasks: Iterable[object], interpreter: Interpreter, *, total: int | None = None
) -> Iterator[Batch]:
    """Read tasks with their annotations as the API returns them; `total` is how many will come."""
    iterator = iter(tasks)
    done = 0
    while chunk := list(islice(iterator, _CHUNK)):
        records: list[Record] = []
        unreadable: list[Unreadable] = []
        for task in chunk:
            try:
                records.extend(interpreter.task(task_of(task)))
            except (msgspec.ValidationError, NotReadable, RecursionError) as error:
                number = task.get("id", "?") if isinstance(task, dict) else "?"
                unreadable.append(Unreadable(f"task {number}", _reason(error)))
        done += len(chunk)
        yield Batch(records, tuple(unreadable), done, total)


@dataclass(frozen=True, slots=True)
class _Interpreted:
    records: list[Record]
    unreadable: list[Unreadable]
    half_written: dict[str, Unreadable]


def _interpreted(
    names: list[str], contents: list[bytes | str | None], interpreter: Interpreter
) -> _Interpreted:
    records: list[Record] = []
    unreadable: list[Unreadable] = []
    half_written: dict[str, Unreadable] = {}
    for name, content in zip(names, contents, strict=True):
        if content is None:
            continue
        if isinstance(content, str):
            unreadable.append(Unreadable(name, content))
            continue
        try:
            records.extend(interpreter.document(decode_document(content)))
        except (msgspec.ValidationError, NotReadable, RecursionError) as error:
            unreadable.append(Unreadable(name, _reason(error)))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            half_written[name] = Unreadable(name, f"no whole JSON: {error}")
    return _Interpreted(records, unreadable, half_written)


def _contents(
    descriptor: int, names: list[str]
) -> Iterator[tuple[list[str], list[bytes | str | None]]]:
    """The names in chunks, each with its files' contents, in the order of `names`."""
    chunks = [names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK)]
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            waiting = [pool.submit(_read_all, descriptor, chunk) for chunk in chunks[:_AHEAD]]
            for number, chunk in enumerate(chunks):
                contents = waiting.pop(0).result()
                if number + _AHEAD < len(chunks):
                    waiting.append(pool.submit(_read_all, descriptor, chunks[number + _AHEAD]))
                yield chunk, contents
        finally:
            pool.shutdown(cancel_futures=True)


def _read_all(descriptor: int, names: list[str]) -> list[bytes | str | None]:
    """For each name the file's content, or why it has none, or None where it is gone."""
    return [_read(descriptor, name) for name in names]


def _read(descriptor: int, name: str) -> bytes | str | None:
    try:
        # Not blocking: a pipe in the folder must not hold us up.
        file = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        return error.strerror or str(error)
    try:
        content = os.read(file, _BLOCK)
        if len(content) < _BLOCK:
            return content
        parts, size = [content], len(content)
        while content := os.read(file, _BLOCK):
            parts.append(content)
            size += len(content)
            if size > LARGEST_FILE:
                return f"larger than {LARGEST_FILE // 2**20} MB"
        return b"".join(parts)
    except OSError as error:
        return error.strerror or str(error)
    finally:
        os.close(file)


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, msgspec.ValidationError):
        return f"another shape than Label Studio's: {error}"
    return str(error)


def _is_ours(name: str, ignored: frozenset[str]) -> bool:
    return not name.startswith(".") and name not in ignored
