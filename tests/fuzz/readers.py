"""Fuzzes every reader: files and answers, whole ones and what comes of them by chance.

    uv run python tests/fuzz/readers.py --cases 1000000 --seed 1

What a reader cannot read it says in a sentence, or names and leaves out; anything else that it
raises is told with the content that brought it about, which is kept.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import httpx
import numpy as np

from core.dataset.formats.dataset_json import read_dataset
from core.dataset.reading.reader import read_file, read_tasks
from core.dataset.reading.records import Interpreter
from core.dataset.reading.regions import RegionBook
from core.dataset.restore.found import find_labels
from core.dataset.split import read_parts
from core.errors import LabelpilotError
from core.labeling_config import parse_labeling_config, read_labeling_config
from core.learning.hooks.vector_files import load_shards, load_vectors
from core.learning.rounds.ledger import RECORD, load_records
from core.secrets.credentials import credentials_file, stored_secret
from core.studio.client import StudioClient
from core.studio.patches import closed_patches
from core.studio.process import read_record
from core.studio.transport import Transport, _checked
from core.tasks.journal import read_journal
from core.workspace.settings import Workspace, load_workspace, parse_workspace

CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image" choice="multiple"><Choice value="cat"/></Choices>
<Taxonomy name="tree" toName="image"><Choice value="a"><Choice value="b"/></Choice></Taxonomy>
<RectangleLabels name="box" toName="image"><Label value="car"/></RectangleLabels>
<BrushLabels name="brush" toName="image"><Label value="car"/></BrushLabels></View>"""
TOML = """[images]
path = "data/images"
pattern = ".*png"
recursive = false
[project]
title = "Toys"
[learning]
neighbours = 5
"""
RESULT = {
    "id": "r", "from_name": "kind", "to_name": "image", "type": "choices",
    "value": {"choices": ["cat"], "x": 1.5, "y": 2, "width": 3, "height": 4, "rotation": 5,
              "rectanglelabels": ["car"], "points": [[1, 2], [3, 4]], "rle": [0, 1, 2, 255]},
    "original_width": 10, "original_height": 20,
}  # fmt: skip
TASK = {
    "id": 1, "data": {"image": "/data/local-files/?d=ds/a.png"}, "total_annotations": 1,
    "cancelled_annotations": 0, "storage_filename": None, "is_labeled": True, "drafts": [],
    "annotations_ids": "1,2", "updated_at": "2026-01-01T00:00:00Z", "overlap": 1,
}  # fmt: skip
ANNOTATION = {
    "id": 1, "result": [RESULT], "was_cancelled": False, "completed_by": {"email": "a@b", "id": 1},
    "updated_at": "2026-01-01T00:00:00Z", "created_at": "2026-01-01T00:00:00Z", "lead_time": 1.5,
    "ground_truth": False, "task": TASK, "unique_id": "u", "project": 1,
}  # fmt: skip
WITH_ANNOTATIONS = {**TASK, "annotations": [{**ANNOTATION, "task": 1}], "predictions": []}
ANSWER = {
    **TASK, "title": "Toys", "label_config": CONFIG, "sampling": "Uniform sampling",
    "model_version": "v1", "task_number": 1, "results": [TASK], "next": None, "count": 1,
    "tasks": [TASK], "total": 1, "type": "localfiles", "path": "/x", "status": "completed",
    "created": 1, "task_ids": [1], "email": "a@b", "username": "a", "v1": 3, "release": "1.23.2",
    "invite_url": "/user/signup/?token=x", "token": "x", "created_at": "2026-01-01T00:00:00Z",
    "columns": [{"target": "tasks", "id": "x"}], "data": {}, "score": 0.5, "task": 1,
    "annotations": [ANNOTATION], "result": [RESULT], "detail": "no", "validation_errors": {"a": []},
}  # fmt: skip
AT_ONCE = {"annotations": [[1, 1, "2026-01-01T00:00:00Z", "a@b", False, [RESULT]]]}
ODD: list[Any] = [
    None, True, 0, -1, 1e308, 10**30, "", "x", "\x00", "\ud800", "/data/local-files/?d=%00",
    "s3://b/../x", [], {}, [[]], [None], {"a": {}}, [1] * 100, "9" * 400, "2026-13-45T99:99:99Z",
]  # fmt: skip
BYTES = [b"\x00", b"\xff", b"\xef\xbb\xbf", b"{", b"]", b'"', b"\n", b"=", b"<", b"&x;", b"9" * 40]

Read = Callable[[bytes], Any]


@dataclass(slots=True)
class Report:
    """What came of it: cases, how each reader ended, and what it raised that is no sentence."""

    cases: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    found: list[str] = field(default_factory=list)
    slowest: float = 0.0


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader, and whole contents that it reads."""

    name: str
    seeds: tuple[bytes, ...]
    read: Read


def dumped(*values: Any) -> tuple[bytes, ...]:
    return tuple(json.dumps(value).encode() for value in values)


class Answering(Transport):
    """A server whose every answer is `content`, whatever it is asked."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1", "x" * 40)
        self.content = b""
        self.asked = 0

    def get(self, path: str, params: Any = None) -> Any:
        return self.send("GET", path)

    def send(self, method: str, path: str, **_: Any) -> Any:
        self.asked += 1
        assert self.asked < 200, "a listing without an end"
        status = (200, 200, 200, 200, 400, 401, 429, 502)[len(self.content) % 8]
        return _checked(httpx.Response(status, content=self.content), method, path)


def questions(client: StudioClient) -> list[Callable[[], Any]]:
    """What is asked of a server, each as a call that reads the whole of its answer."""
    return [
        client.whoami,
        client.accounts,
        client.invitation,
        lambda: client.find_projects("Toys"),
        lambda: client.project(1),
        lambda: client.task_count(1),
        lambda: client.source_storages(1),
        lambda: client.target_storages(1),
        lambda: list(client.tasks(1, "image")),
        lambda: client.last_task(1, "image"),
        lambda: client.linked_tasks(1, "/x"),
        lambda: list(client.task_details(1, "image")),
        lambda: client.annotation_count(1),
        lambda: client.annotated_task_ids(1),
        lambda: list(client.annotation_ids(1)),
        lambda: list(client.annotated_tasks(1)),
        lambda: client.import_tasks(1, [{"image": "x"}], 1.0),
        lambda: client.model_versions(1),
        lambda: list(client.predictions(1, "v1")),
        lambda: client.import_predictions(1, [], 1.0),
        lambda: client.views(1),
        lambda: client.columns(1),
        lambda: client.view_tasks(1, 1, 9),
        lambda: client.asked_twice(1),
        lambda: list(client.annotations(1, at_once=True)),
        lambda: list(client.annotations(1, at_once=False)),
        lambda: list(client.labels(1)),
        lambda: client.newest_labels(1),
        lambda: client.label_count(1),
        lambda: client.annotated_by(1, 1),
    ]


def readers(folder: Path) -> list[Reader]:
    """Every reader; files are written to `folder`."""
    workspace = Workspace(folder)
    workspace.state.make()
    config = parse_labeling_config(CONFIG)
    transport = Answering()
    client = StudioClient("http://127.0.0.1:1", "x" * 40)
    client.transport = transport

    def of_file(name: str, read: Callable[[Path], Any]) -> Read:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)

        def of_content(content: bytes) -> Any:
            file.write_bytes(content)
            read(file)

        return of_content

    def export(file: Path) -> None:
        book = RegionBook()
        for batch in read_file(file, Interpreter(config, folder), book):
            assert all(one.reason for one in batch.unreadable)

    def tasks(content: bytes) -> None:
        with contextlib.suppress(ValueError, RecursionError):
            found = json.loads(content)
            given = found if isinstance(found, list) else [found]
            list(read_tasks(given, Interpreter(config, folder), regions=RegionBook()))

    def answers(content: bytes) -> None:
        transport.content = content
        refusals: list[LabelpilotError] = []
        for question in questions(client):
            transport.asked = 0
            try:
                question()
            except LabelpilotError as error:
                refusals.append(error)
        if len(refusals) == len(questions(client)):
            raise refusals[0]

    def vectors(file: Path) -> None:
        load_vectors(file, folder / "unpacked.npy", "it").vectors.sum()

    npz, one_each, npy = io.BytesIO(), io.BytesIO(), io.BytesIO()
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.savez(npz, tags=np.array(["a", "b"]), embeddings=rows)
    np.savez(one_each, a=rows[0], b=rows[1])
    np.save(npy, rows)
    (folder / "vectors.json").write_text('["a", "b"]')
    np.save(folder / "00000.npy", rows)
    record = {"model_version": "v1", "order": "random", "published_at": 1.0, "picks": []}
    shards = {"length": 3, "shards": [{"file": "00000.npy", "rows": 2}]}
    both = dumped(ANNOTATION, WITH_ANNOTATIONS, [WITH_ANNOTATIONS, WITH_ANNOTATIONS])
    state = workspace.state.folder.relative_to(folder)
    return [
        Reader("workspace file", (TOML.encode(),), of_file("labelpilot.toml", _workspace)),
        Reader("settings", (TOML.encode(),),
               lambda content: parse_workspace(content.decode("latin-1"), folder)),
        Reader("labeling config", (CONFIG.encode(),), of_file("c.xml", read_labeling_config)),
        Reader("annotations", both, of_file("annotations.json", export)),
        Reader("tasks of the API", both, tasks),
        Reader("labels to restore", (*both, *dumped({"a": ["cat"]})),
               of_file("restore.json", lambda file: list(find_labels(file, config)))),
        Reader("dataset", dumped({"a": ["cat"], "b": []}), of_file("d.json", read_dataset)),
        Reader("split", dumped({"train": ["a"], "validation": ["b"]}),
               of_file("s.json", read_parts)),
        Reader("npz", (npz.getvalue(), one_each.getvalue()), of_file("vectors.npz", vectors)),
        Reader("npy", (npy.getvalue(),), of_file("vectors.npy", vectors)),
        Reader("shards", dumped(shards), of_file("manifest.json", lambda _: load_shards(folder))),
        Reader("round", dumped(record),
               of_file(f"{state}/rounds/v1/{RECORD}", lambda _: load_records(workspace))),
        Reader("server record", dumped({"pid": 1, "port": 2, "started": 1.0}),
               of_file(f"{state}/server.json", lambda _: read_record(workspace))),
        Reader("journal", dumped({"first": 1, "urls": ["a"], "sent": 1.0}),
               of_file(f"{state}/import.json", read_journal)),
        Reader("closed patches", dumped({"stream": "It is off."}),
               of_file(f"{state}/server/patches.json", lambda _: closed_patches(workspace))),
        Reader("secrets", dumped({"token": "x", "server": "y"}),
               of_file(str(credentials_file(workspace).relative_to(folder)),
                       lambda _: stored_secret(workspace, "token"))),
        Reader("answers", dumped(ANSWER, [ANSWER], [TASK], AT_ONCE), answers),
    ]  # fmt: skip


def _workspace(file: Path) -> Workspace:
    return load_workspace(file.parent)


class Chance:
    """Makes of a whole content what comes of it by chance."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice

    def content(self, seeds: tuple[bytes, ...]) -> bytes:
        content = self._dice.choice(seeds)
        for _ in range(self._dice.choice([0, 1, 1, 2, 3, 8])):
            content = self._dice.choice([self._value, self._value, self._bytes])(content)
        return content

    def _value(self, content: bytes) -> bytes:
        """With one value, or key, of a JSON content exchanged; of any other, some bytes."""
        try:
            whole = json.loads(content)
            places = list(_places(whole))
            inner, key = self._dice.choice(places)
        except (ValueError, IndexError, RecursionError):
            return self._bytes(content)
        change = self._dice.random()
        if change < 0.6:
            inner[key] = self._dice.choice(ODD)
        elif change < 0.75:
            del inner[key]
        elif change < 0.9:
            inner[key] = self._dice.choice([b for a, b in self._items(places)])
        elif isinstance(inner, dict):
            inner[str(self._dice.choice(ODD))] = inner.pop(key)
        return json.dumps(whole).encode()

    def _items(self, places: list[tuple[Any, Any]]) -> list[tuple[Any, Any]]:
        return [(key, json.loads(json.dumps(inner[key]))) for inner, key in places[:40]]

    def _bytes(self, content: bytes) -> bytes:
        start = self._dice.randint(0, len(content))
        stop = min(len(content), start + self._dice.choice([0, 0, 1, 4, 40, 4000]))
        other = self._dice.choice(BYTES) if self._dice.random() < 0.7 else content[:start][-50:]
        if self._dice.random() < 0.1:
            return content[:start]
        return content[:start] + other + content[stop:]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each (list or object, key) in a JSON value."""
    if isinstance(value, (dict, list)):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        for key in keys:
            yield value, key
            yield from _places(value[key])


def fuzz(seed: str, count: int, kept: Path, most_found: int = 20) -> Report:
    """Give each reader in turn something, until there were `count` cases."""
    told, chance = Report(), Chance(random.Random(seed))
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        known = readers(Path(folder))
        for number in range(count):
            if len(told.found) >= most_found:
                break
            reader = known[number % len(known)]
            content = chance.content(reader.seeds)
            _try(reader, content, told, kept)
    return told


def _try(reader: Reader, content: bytes, told: Report, kept: Path) -> None:
    told.cases += 1
    began = time.process_time()
    try:
        reader.read(content)
        told.ends[f"{reader.name}: read"] += 1
    except LabelpilotError as error:
        assert str(error)
        told.ends[f"{reader.name}: refused"] += 1
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{reader.name}: {type(error).__name__} at {place.filename}:{place.lineno}"
        told.ends[what] += 1
        if told.ends[what] == 1:
            file = kept / f"{reader.name.replace(' ', '-')}-{len(told.found)}"
            file.write_bytes(content)
            end = "".join(traceback.format_exception(error)[-5:])[:3000]
            told.found.append(f"{what}; {file}\n{end}")
    told.slowest = max(told.slowest, time.process_time() - began)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cases", type=int, default=100_000)
    options.add_argument("--seed", default="1")
    options.add_argument("--kept", type=Path, default=Path(tempfile.gettempdir()))
    given = options.parse_args()
    given.kept.mkdir(parents=True, exist_ok=True)
    told = fuzz(given.seed, given.cases, given.kept)
    for found in told.found:
        print(f"--- {found}")
    for end, number in sorted(told.ends.items()):
        print(f"{number:>9,}  {end}")
    print(f"{told.cases:,} cases, the slowest {told.slowest:.2f} s; {len(told.found)} found.")
    return bool(told.found)


if __name__ == "__main__":
    sys.exit(main())
