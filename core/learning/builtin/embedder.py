"""Embeddings of every image, without a model of one's own: made once, and kept.

Each image is decoded and given to the network by one of a few threads, one for each processor; the
results are kept as they come, so that a run can be stopped and goes on from there. An image whose
file is as it was is not looked at again.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.errors import LabelpilotError
from core.files import explained, not_written
from core.images import tag_of, tags_by_path
from core.learning.builtin.model import ImageModel, key_of, load_model, name_of
from core.learning.builtin.store import VECTORS, FileState, VectorStore
from core.learning.hooks.vector_files import TaggedVectors, load_vectors
from core.own_files import refuse_links, refuse_links_below
from core.pictures import Unreadable, read_pixels
from core.progress import Progress, Work
from core.tasks.kept_manifest import look_at_images
from core.tasks.manifest import some_names
from core.words import count
from core.workspace.consents import may_load_network
from core.workspace.locks import only_one
from core.workspace.settings import Workspace, save_workspace

STAGE = "embeddings"
FOLDER = "embeddings"
# Images that a thread takes at once: more are no faster, and take memory.
AT_ONCE = 8
# Seconds between two events, so that closing the generator soon ends the work.
HEARTBEAT = 0.5
LOOKED_AT_AN_EVENT = 5000


@dataclass(frozen=True, slots=True)
class Embedded:
    """The embeddings of `images` images, of which `computed` are new and `reused` were there.

    `path` is the `.npy` file with all of them; `unreadable` is path -> why, of files that are no
    image, which have none. `network` is whose they are.
    """

    network: str
    vectors: TaggedVectors = field(repr=False)
    path: Path
    computed: int
    reused: int
    unreadable: dict[str, str] = field(repr=False)
    seconds: float

    @property
    def images(self) -> int:
        return len(self.vectors.tags)

    @property
    def dimensions(self) -> int:
        return int(self.vectors.vectors.shape[1])

    @property
    def rate(self) -> float:
        """Images a second."""
        return self.computed / self.seconds if self.seconds else 0.0

    def as_json(self) -> dict[str, object]:
        """The object that `labelpilot embed --json` prints."""
        return {
            "images": self.images,
            "computed": self.computed,
            "reused": self.reused,
            "dimensions": self.dimensions,
            "path": str(self.path),
            "seconds": round(self.seconds, 3),
            "network": self.network,
            "unreadable": self.unreadable,
        }


def embed(workspace: Workspace) -> Work[Embedded]:
    """Bring the embeddings of the workspace's images up to date.

    They are made by the network that the workspace names as `model`, or by labelpilot's own. Closed
    halfway, what is made stays. Raises ConfigurationError where the network cannot be loaded or the
    images cannot be listed, NotTrusted where nobody has agreed to the network, Busy while another
    labelpilot is at it, and LabelpilotError where no image can be read or the disk refuses.
    """
    began = time.monotonic()
    if workspace.learning.model is not None:
        may_load_network(workspace)
    name, key = name_of(workspace.learning.model), key_of(workspace.learning.model)
    manifest = yield from look_at_images(workspace)
    tags_by_path(manifest.paths, workspace.images.tag)
    with only_one(workspace, FOLDER):
        folder = _folder(workspace, key)
        try:
            with VectorStore(folder) as store:
                known = store.known()
                wanted = yield from _changed(manifest.folder, manifest.paths, known)
                gone = known.keys() - set(manifest.paths)
                store.drop(gone)
                unreadable: dict[str, str] = {}
                if wanted:
                    yield Progress(STAGE, note="Loading the network")
                    model = load_model(workspace.learning.model)
                    unreadable = yield from _look_at(model, manifest.folder, wanted, store)
                # What an image was before it broke is not what it is now.
                store.drop([path for path in unreadable if path in known])
                if len(unreadable) == len(manifest.paths):
                    raise _no_image(unreadable)
                vectors = store.finish(partial(tag_of, rule=workspace.images.tag))
        except OSError as error:
            raise not_written(folder, error) from error
        except sqlite3.Error as error:
            full = explained(error)
            if full is not error:
                raise full from error
            raise LabelpilotError(
                f"The embeddings in {folder} cannot be used.",
                cause=str(error),
                next_step="Remove that folder: they are made again.",
            ) from error
        _forget_others(folder)
    computed = len(wanted) - len(unreadable)
    reused = len(vectors.tags) - computed
    seconds = time.monotonic() - began
    return Embedded(name, vectors, store.path, computed, reused, unreadable, seconds)


def kept_embeddings(workspace: Workspace) -> TaggedVectors | None:
    """The embeddings of the workspace's network as they are, or None: no image is looked at, and
    no network loaded. Raises ConfigurationError where a link lies among them, or the network cannot
    be read."""
    file = _folder(workspace, key_of(workspace.learning.model)) / VECTORS
    refuse_links_below(file.parent)
    try:
        return load_vectors(file, file, "an earlier look at the images")
    except LabelpilotError:
        return None


def _folder(workspace: Workspace, key: str) -> Path:
    """Where the vectors of a network lie."""
    return workspace.state.cache / FOLDER / key[:16]


def choose_model(workspace: Workspace, file: Path) -> Workspace:
    """The workspace with `file`, an ONNX network, as its `model`, which `labelpilot.toml` names
    from now on. Raises ConfigurationError, and changes nothing, where it cannot be loaded."""
    chosen = Path(os.path.abspath(file))
    load_model(chosen)
    return save_workspace(workspace.root, {"learning": {"model": workspace.relative(chosen)}})


def _no_image(unreadable: dict[str, str]) -> LabelpilotError:
    path, why = next(iter(unreadable.items()))
    return LabelpilotError(
        f"{count(len(unreadable), 'image')} found, and none can be read.",
        cause=f"{path}: {why}.",
        next_step="Fix `path` or `pattern` under [images] in labelpilot.toml.",
    )


def _changed(folder: Path, paths: Sequence[str], known: dict[str, FileState]) -> Work[list[str]]:
    """Those of `paths` whose file is not as it was when it was looked at."""
    found = []
    for number, path in enumerate(paths):
        if number % LOOKED_AT_AN_EVENT == 0:
            yield Progress("images", number, len(paths))
        if known.get(path) != _state(folder, path):
            found.append(path)
    return found


def _state(folder: Path, path: str) -> FileState | None:
    try:
        status = os.stat(f"{folder}/{path}")
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a thread made of a few images."""

    images: list[tuple[str, FileState]]
    vectors: NDArray[np.float32]
    unreadable: dict[str, str]


def _look_at(
    model: ImageModel, folder: Path, wanted: list[str], store: VectorStore
) -> Work[dict[str, str]]:
    """Put the vectors of the images `wanted` into the store; return path -> why it has none."""
    unreadable: dict[str, str] = {}
    threads, done = len(os.sched_getaffinity(0)), 0
    parts = (wanted[start : start + AT_ONCE] for start in range(0, len(wanted), AT_ONCE))
    pool = ThreadPoolExecutor(threads, "embed")
    try:

        def begin(part: list[str]) -> Future[_Looked]:
            return pool.submit(_looked, model, folder, part)

        waiting = deque(map(begin, islice(parts, 2 * threads)))
        while waiting:
            yield Progress(STAGE, done, len(wanted))
            wait([waiting[0]], timeout=HEARTBEAT)
            if not waiting[0].done():
                continue
            looked = waiting.popleft().result()
            waiting.extend(map(begin, islice(parts, 1)))
            if looked.images:
                store.put(looked.images, looked.vectors)
            unreadable |= looked.unreadable
            done += len(looked.images) + len(looked.unreadable)
    finally:
        pool.shutdown(cancel_futures=True)
    note = ""
    if unreadable:
        names = some_names(list(unreadable))
        note = f"{count(len(unreadable), 'file')} cannot be read as images: {names}"
    yield Progress(STAGE, done, len(wanted), note)
    return unreadable


def _looked(model: ImageModel, folder: Path, paths: Sequence[str]) -> _Looked:
    images, pixels, unreadable = [], [], {}
    for path in paths:
        state = _state(folder, path)
        try:
            pixels.append(read_pixels(folder / path, model.width, model.height))
            images.append((path, state or (0, 0)))
        except Unreadable as error:
            unreadable[path] = str(error)
    if not images:
        return _Looked([], np.empty((0, 0), np.float32), unreadable)
    vectors = model.vectors(np.stack(pixels))
    usable = np.flatnonzero(np.isfinite(vectors).all(axis=1) & vectors.any(axis=1))
    kept = [images[row] for row in usable]
    unreadable |= {
        path: "the network gives no usable vector for it" for path, _ in set(images) - set(kept)
    }
    return _Looked(kept, vectors[usable], unreadable)


def _forget_others(folder: Path) -> None:
    """Remove the vectors of networks that were used before."""
    for other in folder.parent.iterdir():
        if other != folder:
            shutil.rmtree(refuse_links(other), ignore_errors=True)
