"""The user's hooks: the functions of theirs that give embeddings, losses and labeled tags.

Their file runs unchanged, in their own Python, in a process of its own: its imports, its GPU and
its crashes stay there. What it prints is handed on line by line; what it returns comes back as
files, in a folder that this run alone has, and counts only if the run ended well. The hooks end
when labelpilot does, however that ends. Nothing of the user's is ever imported here.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from unicodedata import normalize

import psutil

from core.errors import ConfigurationError, LabelpilotError
from core.learning.hooks.cache import RESULT, earlier_result, keep_result, kept_result
from core.learning.hooks.vector_files import TaggedVectors, load_vectors, open_vectors
from core.learning.inputs.embeddings import named_tags
from core.own_files import make_own, open_own, read_own, refuse_links_below
from core.processes import lives, tethered
from core.progress import Progress, Work
from core.workspace.consents import may_run_hooks
from core.workspace.locks import only_one
from core.workspace.settings import Workspace

RUNNER = Path(__file__).with_name("runner.py")
STAGE = "hooks"
LOG = "hooks.log"
# What the folder of each run begins with.
RUN = "run-"
VECTORS = ("embeddings", "probabilities")
HEARTBEAT = 0.5
PATIENCE = 2.0
LONGEST_LINE = 2000

# Terminal escape sequences, and control characters that would move the cursor.
_CONTROL = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the hooks returned.

    `embeddings` and `probabilities` have one row for each tag; `losses` is tag -> loss. Each is
    None where the file has no such function, or one that only raises NotImplementedError. Nothing
    here has been checked against the images yet: `core.learning.inputs.embeddings` does that.
    """

    embeddings: TaggedVectors | None
    losses: dict[str, float] | None
    labeled: frozenset[str] | None
    probabilities: TaggedVectors | None
    seconds: float

    @property
    def learned_from(self) -> frozenset[str]:
        """The tags whose labels the model behind it was trained on, as far as it says so."""
        return frozenset((*(self.losses or ()), *(self.labeled or ())))

    def spelled_as(self, images: Collection[str]) -> Hooks:
        """The same, with the tags spelled as `images` are: accents composed, or apart."""
        known = {normalize("NFC", tag): tag for tag in images if not tag.isascii()}
        if not known:
            return self

        def own(tag: str) -> str:
            if tag.isascii() or tag in images:
                return tag
            return known.get(normalize("NFC", tag), tag)

        def vectors(found: TaggedVectors | None) -> TaggedVectors | None:
            return None if found is None else replace(found, tags=list(map(own, found.tags)))

        return replace(
            self,
            embeddings=vectors(self.embeddings),
            losses=self.losses and {own(tag): loss for tag, loss in self.losses.items()},
            labeled=None if self.labeled is None else frozenset(map(own, self.labeled)),
            probabilities=vectors(self.probabilities),
        )


def run_hooks(workspace: Workspace, folder: Path, *, reuse: bool = False) -> Work[Hooks]:
    """Run the workspace's hooks file and return what its functions gave.

    With `reuse`, what an earlier run left in `folder` is taken as it is, if it still holds: see
    `core.learning.hooks.cache`. `folder` receives the vectors as `.npy` files and `hooks.log`, all
    that the file printed. Each line of it is the `note` of an event, whose `done` counts seconds;
    an event comes at least every half second, so that closing the generator soon ends the whole
    process group. Raises NotTrusted where nobody has agreed that the file is run,
    ConfigurationError where the file or the Python is missing, and LabelpilotError
    where the hooks raise, die, or return what cannot be used.
    """
    file, python = workspace.learning.hooks, _python(workspace)
    shown = workspace.relative(file)
    if not os.path.isfile(file):
        raise ConfigurationError(
            f"The hooks file {shown} does not exist.",
            next_step="Name yours as `hooks` under [learning] in labelpilot.toml, or write one to "
            "start from: `labelpilot hooks`.",
        )
    may_run_hooks(workspace)
    # The runner writes there by name, in a process of its own.
    refuse_links_below(folder)
    started = time.monotonic()
    run = _command(workspace, python, folder)
    with only_one(workspace, f"hooks of {folder.name}"):
        earlier = earlier_result(workspace, folder, run) if reuse else None
        if earlier is not None:
            result, ended = earlier
            note = f"The hooks are not run again: what they gave {_when(ended)} is used, as nothing"
            yield Progress(STAGE, note=f"{note} that they are known to read has changed since")
        else:
            result = yield from _fresh(run, folder, workspace)
        return _hooks(result, folder, shown, started)


def kept_hooks(workspace: Workspace, folder: Path) -> Hooks | None:
    """What an earlier run left in `folder`, if it still holds; nothing is run.

    Raises NotTrusted and ConfigurationError as `run_hooks` does, and Busy while hooks run there.
    """
    may_run_hooks(workspace)
    refuse_links_below(folder)
    started = time.monotonic()
    with only_one(workspace, f"hooks of {folder.name}"):
        earlier = earlier_result(workspace, folder, _command(workspace, _python(workspace), folder))
        if earlier is None:
            return None
        return _hooks(earlier[0], folder, workspace.relative(workspace.learning.hooks), started)


def kept_runs(workspace: Workspace) -> Iterator[Hooks]:
    """What the runs of the rounds so far gave, the last one first, as far as it is there still.

    Nothing is run: what the hooks read may have changed since.
    """
    shown = workspace.relative(workspace.learning.hooks)
    files = workspace.state.rounds.glob(f"*/{RESULT}")
    for file in sorted(files, key=lambda file: file.stat().st_mtime_ns, reverse=True):
        result = kept_result(file.parent, VECTORS)
        if result is not None and "embeddings" in result:
            with contextlib.suppress(LabelpilotError):
                yield _hooks(result, file.parent, shown, time.monotonic())


def _command(workspace: Workspace, python: str, folder: Path) -> list[str]:
    images = workspace.images.path
    # Of the many images, the folder's own change says enough, unless the code lies among them.
    apart = folder if workspace.root.is_relative_to(images) else images
    return [python, str(RUNNER), str(workspace.learning.hooks), str(apart)]


def _hooks(result: dict[str, Any], folder: Path, shown: str, started: float) -> Hooks:
    """What a run gave, as it lies in `folder`."""
    vectors = {
        name: _vectors(result[name], folder, shown, name) for name in VECTORS if name in result
    }
    return Hooks(
        vectors.get("embeddings"),
        result.get("losses"),
        frozenset(result["labeled"]) if "labeled" in result else None,
        vectors.get("probabilities"),
        time.monotonic() - started,
    )


def _when(moment: float) -> str:
    """A time, in seconds since 1970, as people say it."""
    then, now = datetime.fromtimestamp(moment), datetime.now()
    return f"{then:at %H:%M}" if then.date() == now.date() else f"{then:on %Y-%m-%d at %H:%M}"


def _fresh(run: list[str], folder: Path, workspace: Workspace) -> Work[dict[str, Any]]:
    make_own(folder)
    (folder / RESULT).unlink(missing_ok=True)
    for left in folder.glob(f"{RUN}*"):
        shutil.rmtree(left, ignore_errors=True)
    # No other run knows its name, so that what lies in it at the end is of this one.
    own = Path(tempfile.mkdtemp(prefix=RUN, dir=folder))
    try:
        log = folder / LOG
        code = yield from _run([*run, str(own)], workspace.root, log)
        shown = workspace.relative(workspace.learning.hooks)
        result = _result(own, shown, code, workspace, log, run[0])
        files = []
        for name in VECTORS:
            if "tags" in result.get(name, {}):
                # The file before it may still be mapped into memory, so it is left as it is.
                files.append((own / f"{name}.npy").replace(folder / f"{name}.npy"))
            elif name in result:
                path = Path(result[name]["path"])
                files += [path, path.with_suffix(".json")]
                files += path.iterdir() if os.path.isdir(path) else []
        keep_result(folder, run, result, files)
    finally:
        shutil.rmtree(own, ignore_errors=True)
    return result


def _python(workspace: Workspace) -> str:
    python = workspace.hooks_python
    found = shutil.which(python)
    if found is None:
        raise ConfigurationError(
            f"The Python that runs the hooks, {python}, does not exist or cannot be run.",
            next_step="Set `python` under [learning] in labelpilot.toml to the one you train with.",
        )
    return found


def _run(command: list[str], cwd: Path, log: Path) -> Work[int]:
    """Run the runner, hand on what it prints, and return its exit code; leave no process behind,
    also where this process cannot tidy up."""
    environment = os.environ | {
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8:replace",
    }
    started = time.monotonic()
    with (
        open_own(log, "wb") as kept,
        tethered(
            command,
            patience=PATIENCE,
            cwd=cwd,
            environment=environment,
            stdout=subprocess.PIPE,
        ) as process,
    ):
        for lines in _printed(process, process.stdout, kept):
            elapsed = int(time.monotonic() - started)
            for line in lines or [""]:
                yield Progress(STAGE, elapsed, note=line)
    return int(process.wait())


def _printed(process: psutil.Process, pipe: IO[bytes], kept: IO[bytes]) -> Iterator[list[str]]:
    """The lines that arrive on `pipe`, in lists; an empty list at every heartbeat.

    Ends when the process has ended, even if something that it started still holds the pipe.
    """
    os.set_blocking(pipe.fileno(), False)
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            ended = not lives(process)
            selector.select(timeout=0 if ended else HEARTBEAT)
            try:
                content = os.read(pipe.fileno(), 1 << 16)
            except BlockingIOError:
                if ended:
                    break
                yield []
                continue
            if not content:
                break  # All that could print has ended, or has closed its output and works on.
            kept.write(content)
            kept.flush()
            *lines, rest = (rest + content).split(b"\n")
            yield [_plain(line) for line in lines]
            if len(rest) > LONGEST_LINE or b"\r" in rest:
                # A progress bar rewrites one line for ever: show how it stands.
                yield [_plain(rest)]
                rest = b""
    yield [_plain(rest)] if rest else []
    while lives(process):
        time.sleep(0.02)
        yield []


def _plain(line: bytes) -> str:
    """A line as a terminal would leave it: the last of what was written over itself."""
    shown = line.rstrip(b"\r").rpartition(b"\r")[2]
    return _CONTROL.sub("", shown[:LONGEST_LINE].decode("utf-8", "replace")).rstrip()


def _result(
    folder: Path, shown: str, code: int, workspace: Workspace, log: Path, python: str
) -> dict[str, Any]:
    """What the runner wrote down, or the error that it amounts to.

    The traceback of an error of the user's goes to the end of `log`.
    """
    see = f"The full log is in {workspace.relative(log)}."
    if code == 0 and (folder / RESULT).exists():
        result: dict[str, Any] = json.loads(read_own(folder / RESULT))
    else:
        if code < 0:
            memory = "; most often the memory ran out" if -code == signal.SIGKILL else ""
            cause = f"Signal {-code} ended it ({signal.strsignal(-code)}){memory}."
        else:
            cause = f"It ended by itself with exit code {code}."
        raise LabelpilotError(f"{shown} did not come to its end.", cause=cause, next_step=see)
    step = result.get("step")
    where = f"{shown} failed" if step == "import" else f"{step}() in {shown} failed"
    if unusable := result.get("unusable"):
        what = shown if step == "import" else f"{step}() in {shown}"
        raise LabelpilotError(f"{what} gave nothing usable: {unusable}.", next_step=see)
    if raised := result.get("raised"):
        with open_own(log, "ab") as kept:
            kept.write(raised["story"].encode("utf-8", "replace"))
        line = f" on line {raised['line']}" if raised["line"] else ""
        if raised["type"] in ("ModuleNotFoundError", "ImportError"):
            see = (
                f"It ran in {python}; if that is not the Python you train with, set `python` under "
                f"[learning] in labelpilot.toml. {see}"
            )
        message = " ".join(raised["message"].split())[:LONGEST_LINE]
        raise LabelpilotError(
            f"{where}{line}.", cause=f"{raised['type']}: {message}", next_step=see
        )
    return result


def _vectors(entry: dict[str, Any], folder: Path, shown: str, name: str) -> TaggedVectors:
    if "path" in entry:
        return load_vectors(Path(entry["path"]), folder / f"{name}.npy", f"get_{name}() in {shown}")
    (length, _, _), *others = entry["lengths"]
    if others:
        raise LabelpilotError(
            f"get_{name}() in {shown} returned vectors of unequal length.",
            cause=f"Most have {length:,} numbers, but not "
            + "; ".join(f"{named_tags(first, count)} ({n:,})" for n, count, first in others[:3])
            + ".",
            next_step="All must come from the same layer of the same model.",
        )
    return TaggedVectors(entry["tags"], open_vectors(folder / f"{name}.npy"))
