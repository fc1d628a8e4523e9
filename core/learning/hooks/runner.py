"""Runs a hooks file in the user's own Python, and writes what its functions return.

Started by `core.learning.hooks.run` as a script: `python runner.py HOOKS_FILE IMAGES FOLDER`.
It runs in an interpreter that labelpilot knows nothing about, so it needs the standard library of
Python 3.8 and nothing more, and must never import labelpilot. Numbers go to `.npy` files in FOLDER,
the rest to `result.json`, which is written last: without it, the run came to no end. Which files
the hooks read is written down too, but for those inside the folder IMAGES.
"""

from __future__ import annotations

import array
import json
import os
import sys
import sysconfig
import traceback
from collections.abc import Callable, Iterable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import Any, BinaryIO

ROWS_AT_ONCE = 4096
NAMED = 1000
# What lets in things that cannot be followed: another program, another machine.
OUTSIDE = ("socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")
# What a function gives that there is not.
LACKING = object()


class Unusable(Exception):
    """A hook returned something that is not what it is for; the text says what."""


def main(hooks_file: str, images: str, folder: str) -> int:
    result: dict[str, Any] = {}
    opened: dict[str, list[int]] = {}
    unseen: list[str] = []
    libraries = [
        sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")
    ]
    apart = inside(folder, images, "/proc", "/sys", "/dev", *libraries)

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        note_opened(opened, apart, event, arguments)
        # A socket's address that is a path is on this machine.
        if event in OUTSIDE and not (
            event == OUTSIDE[0] and isinstance(arguments[1], (str, bytes))
        ):
            unseen.append(event)

    sys.addaudithook(note)
    step = "import"
    try:
        module = called(load, hooks_file)
        keep: dict[str, Callable[[Any], Any]] = {
            "get_embeddings": lambda value: save_vectors(value, folder, "embeddings"),
            "get_loss_trainset": losses,
            "get_tags_labeled": labeled_tags,
            "get_probabilities": lambda value: save_vectors(value, folder, "probabilities"),
        }
        names = ("embeddings", "losses", "labeled", "probabilities")
        for name, (step, kept) in zip(names, keep.items()):  # noqa: B905, as above
            value = given(module, step)
            if value is not LACKING:
                result[name] = kept(value)
    except Unusable as error:
        result = {"step": step, "unusable": writable(str(error))}
    except (Exception, SystemExit) as error:
        result = {"step": step, "raised": describe(error, hooks_file)}
    else:
        result["read"] = states(opened, apart + inside(os.path.dirname(__file__)), libraries)
        result["unseen"] = bool(unseen)
    with open(os.path.join(folder, "result.json"), "w", encoding="utf-8") as file:
        json.dump(result, file)
    return 0


def called(function: Callable[..., Any], *arguments: Any) -> Any:
    """What `function` gives. A fork of the hooks' own that comes back here ends in silence."""
    own = os.getpid()
    code: Any = 0
    try:
        return function(*arguments)
    except BaseException as error:
        code = error.code if isinstance(error, SystemExit) else 1
        raise
    finally:
        if os.getpid() != own:
            os._exit(code if isinstance(code, int) else int(code is not None))


def load(hooks_file: str) -> ModuleType:
    """The hooks file as a module, imported as if it had been started: what lies beside it or where
    it runs can be imported, and what a script of its names has pickled finds its classes in it."""
    here, beside = os.path.dirname(os.path.abspath(__file__)), os.path.dirname(hooks_file)
    if sys.path and os.path.abspath(sys.path[0]) == here:
        sys.path.pop(0)
    sys.path[:0] = [beside, os.getcwd()]
    sys.argv = [hooks_file]
    name = os.path.splitext(os.path.basename(hooks_file))[0]
    spec = spec_from_file_location(name, hooks_file)
    if spec is None or spec.loader is None:
        raise Unusable("it is not a Python file; its name must end in .py")
    module = module_from_spec(spec)
    sys.modules[name] = sys.modules["__main__"] = module
    spec.loader.exec_module(module)
    return module


def inside(*folders: str) -> tuple[str, ...]:
    """What the paths of all that lies inside `folders` begin with."""
    return tuple(os.path.abspath(folder) + os.sep for folder in folders)


def note_opened(
    opened: dict[str, list[int]], apart: tuple[str, ...], event: str, arguments: tuple[Any, ...]
) -> None:
    """Add to `opened` what an audit event says was opened for reading, as it is by then.

    Of what lies `apart`, such as a million images, nothing is kept.
    """
    path = None
    if event == "open":
        path, mode, flags = arguments
        if (mode is not None and "r" not in mode) or (mode is None and flags & os.O_ACCMODE):
            return
    elif event in ("os.listdir", "os.scandir"):
        path = arguments[0] or "."
    elif event == "sqlite3.connect":
        path = arguments[0]
    if isinstance(path, (str, os.PathLike)):
        whole = os.path.abspath(os.fsdecode(path))
        if whole not in opened and not whole.startswith(apart):
            found = state(whole)
            if found is not None:
                opened[whole] = found


def state(path: str) -> list[int] | None:
    """Size and time of change; None where there is no such file."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return [status.st_size, status.st_mtime_ns]


def states(
    opened: dict[str, list[int]], apart: tuple[str, ...], libraries: Iterable[str]
) -> dict[str, list[int]]:
    """The states of what was read, of all modules but for what lies `apart`, and of `libraries`.

    A file's is that of when it was first opened, a folder's that of now: to import a module from it
    writes to it.
    """
    modules = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    found = {}
    for path in {*opened, *(os.path.abspath(file) for file in modules if file)}:
        if path.startswith(apart) or os.sep + "__pycache__" in path:
            continue
        found[path] = state(path) if os.path.isdir(path) else opened.get(path) or state(path)
    found.update((path, state(path)) for path in (sys.executable, *libraries))
    return {path: known for path, known in found.items() if known is not None}


def given(module: ModuleType, name: str) -> Any:
    """What the function `name` of the hooks gives; LACKING where there is none, or one that is
    still to be completed: it raises NotImplementedError itself."""
    function = getattr(module, name, None)
    if not callable(function):
        return LACKING
    try:
        return called(function)
    except NotImplementedError as error:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        if frame.f_code is not getattr(function, "__code__", None):
            raise
        return LACKING


def save_vectors(value: Any, folder: str, name: str) -> dict[str, Any]:
    """Write the vectors in `value` to `folder/name.npy`, and return their tags or their path."""
    if isinstance(value, (str, os.PathLike)):
        return {"path": os.path.abspath(os.fspath(value))}
    tags: list[Any] | None
    rows: Any
    if isinstance(value, dict):
        tags, rows = list(value), value.values()
    elif isinstance(value, (tuple, list)) and len(value) == 2:
        tags, rows = listed(value[0]), plain(value[1])
        if tags is None or not hasattr(rows, "__len__"):
            raise Unusable("it returned a pair that is not (tags, array)")
        if len(tags) != len(rows):
            raise Unusable(f"it returned {len(tags):,} tags and {len(rows):,} vectors")
    else:
        raise Unusable(
            f"it returned {named(value)}, not a dictionary of tag to vector, (tags, array), "
            "or the path of a .npy or .npz file or of a folder of shards"
        )
    if not tags:
        raise Unusable("it returned no vectors")
    target = os.path.join(folder, name + ".npy")
    with open(target, "wb") as file:
        lengths = write_rows(file, [str(tag) for tag in tags], rows)
    return {"tags": [str(tag) for tag in tags], "lengths": lengths}


def write_rows(file: BinaryIO, tags: list[str], rows: Iterable[Any]) -> list[list[Any]]:
    """Write `rows` as one array of 32-bit floats.

    Returns the lengths seen, most frequent first, each with its count and its first tags. With more
    than one length, what was written is of no use.
    """
    seen: dict[int, Any] = {}
    position = 0
    for length, count, content in blocks(rows, tags):
        if not seen:
            file.write(header(len(tags), length))
        entry = seen.setdefault(length, [0, []])
        entry[0] += count
        entry[1].extend(tags[position : position + min(count, NAMED - len(entry[1]))])
        position += count
        file.write(content)
    return [
        [length, count, first]
        for length, (count, first) in sorted(seen.items(), key=lambda item: -item[1][0])
    ]


def blocks(rows: Iterable[Any], tags: list[str]) -> Iterator[tuple[int, int, bytes]]:
    """The vectors in `rows` in turn, as (length, number of vectors, their bytes)."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(rows, numpy.ndarray) and rows.ndim == 2:
        check_real(rows, "the array")
        for start in range(0, len(rows), ROWS_AT_ONCE):
            block = numpy.ascontiguousarray(rows[start : start + ROWS_AT_ONCE], dtype="<f4")
            yield rows.shape[1], len(block), block.tobytes()
        return
    for tag, row in zip(tags, rows):  # noqa: B905, as `strict` came with Python 3.10
        content = floats(row, tag)
        yield len(content) // 4, 1, content


def floats(row: Any, tag: str) -> bytes:
    """One vector as 32-bit floats, lowest byte first."""
    numpy = sys.modules.get("numpy")
    row = plain(row)
    try:
        if numpy is not None:
            check_real(row, f"the vector of {tag!r}")
            values = numpy.asarray(row, dtype="<f4")
            if values.ndim == 0 or values.size != max(values.shape):
                raise Unusable(f"the vector of {tag!r} has the shape {tuple(values.shape)}")
            return bytes(values.tobytes())
        while len(row) == 1 and hasattr(row[0], "__len__"):
            row = row[0]
        numbers = array.array("f", row)
    except (TypeError, ValueError) as error:
        raise Unusable(f"the vector of {tag!r} is not a list of numbers: {error}") from None
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def check_real(value: Any, what: str) -> None:
    """Refuse a numpy array of complex numbers, which would lose half of each without a word."""
    if getattr(getattr(value, "dtype", None), "kind", "") == "c":
        raise Unusable(f"{what} holds complex numbers")


def plain(value: Any) -> Any:
    """A tensor as a numpy array where there is numpy, as lists where there is none."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().float()
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return value
    if numpy is not None and callable(getattr(value, "numpy", None)):
        return value.numpy()
    return value.tolist() if hasattr(value, "tolist") else value


def header(rows: int, length: int) -> bytes:
    """The head of a `.npy` file, version 1.0, of 32-bit floats in C order."""
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {length}), }}"
    padding = -(len(text) + 11) % 64
    content = (text + " " * padding + "\n").encode("latin-1")
    return b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") + content


def losses(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise Unusable(f"it returned {named(value)}, not a dictionary of tag to loss")
    found: dict[str, float] = {}
    for tag, loss in value.items():
        try:
            found[str(tag)] = float(loss.item() if hasattr(loss, "item") else loss)
        except (TypeError, ValueError, RuntimeError):
            raise Unusable(f"the loss of {str(tag)!r} is no number but {named(loss)}") from None
    return found


def labeled_tags(value: Any) -> list[str]:
    tags = listed(value)
    if tags is None:
        raise Unusable(f"it returned {named(value)}, not the tags of the labeled images")
    return [str(tag) for tag in tags]


def listed(value: Any) -> list[Any] | None:
    if value is None or isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return None
    return list(value)


def named(value: Any) -> str:
    return "nothing" if value is None else "a value of the type " + type(value).__name__


def describe(error: BaseException, hooks_file: str) -> dict[str, Any]:
    """The user's own error: type, message, the line of the hooks file, and its traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if os.path.abspath(f.filename) != os.path.abspath(__file__)]
    own = [f for f in own if "importlib" not in f.filename]
    story = ["Traceback (most recent call last):\n", *traceback.format_list(own)]
    story += traceback.format_exception_only(type(error), error)
    line = next((f.lineno for f in reversed(own) if f.filename == hooks_file), None)
    if isinstance(error, SyntaxError) and error.filename == hooks_file:
        line = error.lineno
    return {
        "type": type(error).__name__,
        "message": writable(str(error)),
        "line": line,
        "story": writable("".join(story)),
    }


def writable(text: str) -> str:
    """The text with what no file or terminal takes spelt out: bytes of a file's name that is not
    UTF-8, which an error often holds."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
