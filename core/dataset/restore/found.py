"""Annotations found in files, whole, so that a project can have them again.

Files come from a target storage's folder in either shape, from an export of Label Studio's (JSON),
or are a dataset of ours, which says the classes of an image and nothing else. Unlike a dataset, a
project wants all of an annotation, of regions too; so no field of a file is left out here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from core.dataset.class_names import ClassNames
from core.dataset.reading.batch import LeftOut, leave_out
from core.dataset.reading.fields import float_of, moment_of, number_of
from core.dataset.reading.folder import contents
from core.dataset.reading.schema import NotReadable
from core.dataset.reading.shapes import no_json, reason, text_of, whole_annotations
from core.errors import ConfigurationError
from core.files import read_at_most
from core.labeling_config import LabelingConfig

# An export of a large project is one file.
LARGEST_EXPORT = 1024 * 1024 * 1024
NEVER = datetime.fromtimestamp(0, timezone.utc)
# How Label Studio names a person where it gives the number: `Ann Smith ann@example.com, 7`.
_CREATED_BY = re.compile(r"(\S+@\S+), \d+$")
# What tells a task or an annotation from a dataset.
_KEYS = frozenset(("result", "annotations", "completions", "data", "task"))


@dataclass(frozen=True, slots=True)
class Found:
    """One annotation that was found in the file `path`.

    `data` is its task's data; of a dataset's, `tag` stands in its place, and only the classes in
    `result` are known. `number` and `created` are what its server gave it, `task_number` and
    `task_created` what that gave its task; `person` is an e-mail address, or empty.
    """

    path: Path
    data: dict[str, Any]
    result: list[dict[str, Any]]
    tag: str = ""
    person: str = ""
    cancelled: bool = False
    ground_truth: bool = False
    lead_time: float | None = None
    number: int | None = None
    created: datetime = NEVER
    updated: datetime = NEVER
    task_number: int = 0
    task_created: datetime = NEVER

    @property
    def age(self) -> tuple[datetime, int]:
        """What orders annotations by their last change."""
        return self.updated, self.number or 0


Each = Iterator["Found | LeftOut"]


def find_labels(source: Path, config: LabelingConfig, ignored: Iterable[str] = ()) -> Each:
    """The annotations in the folder or file `source`, and what could not be read.

    `ignored` are names in a folder that are not Label Studio's. Raises ConfigurationError where
    `source` is missing or no kind of file that holds labels.
    """
    if source.is_dir():
        yield from _in_folder(source, frozenset(ignored))
        return
    content = read_at_most(source, LARGEST_EXPORT, "The file of labels")
    try:
        body = _loaded(content)
    except ValueError as error:
        raise _no_labels(source, f"It is {no_json(content, error)}.") from None
    if isinstance(body, dict) and (_is_dataset(body) or not body.keys() & _KEYS):
        yield from _in_dataset(source, body, config)
        return
    for item in body if isinstance(body, list) else [body]:
        yield from _guarded(source, partial(_in_document, source, item))


def _in_folder(path: Path, ignored: frozenset[str]) -> Each:
    for name, content in contents(path, ignored):
        if isinstance(content, str):
            yield leave_out(name, content)
        elif content is not None:
            yield from _guarded(path / name, partial(_in_file, path / name, content))


def _in_file(path: Path, content: bytes) -> Iterator[Found]:
    try:
        body = _loaded(content)
    except ValueError as error:
        raise NotReadable(no_json(content, error)) from None
    for item in body if isinstance(body, list) else [body]:
        yield from _in_document(path, item)


def _loaded(content: bytes) -> Any:
    """What `content` says, in any of Unicode's encodings.

    Raises ValueError where it is no JSON, or holds half a character, which no server takes.
    """
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        found = json.loads(text_of(content))
        json.dumps(found, ensure_ascii=False).encode()
        return found


def _guarded(path: Path, read: Callable[[], Iterable[Found]]) -> Each:
    """What `read` gives, all or nothing: a file is put away only when all of it is restored."""
    try:
        yield from list(read())
    except (NotReadable, RecursionError) as error:
        yield leave_out(path.name, reason(error))


def _in_document(path: Path, document: object) -> Iterator[Found]:
    for annotation, task in whole_annotations(document):
        created = moment_of(annotation.get("created_at")) or NEVER
        if not task["data"]:
            raise NotReadable("a task without an image")
        yield Found(
            path=path,
            data=task["data"],
            result=annotation["result"],
            person=_person(annotation),
            cancelled=annotation.get("was_cancelled") is True,
            ground_truth=annotation.get("ground_truth") is True,
            lead_time=float_of(annotation.get("lead_time")),
            number=number_of(annotation.get("id")),
            created=created,
            updated=max(created, moment_of(annotation.get("updated_at")) or NEVER),
            task_number=number_of(task.get("id")) or 0,
            task_created=moment_of(task.get("created_at")) or NEVER,
        )


def _person(annotation: Mapping[str, Any]) -> str:
    by = annotation.get("completed_by")
    if isinstance(by, dict) and by.get("email"):
        return str(by["email"]).lower()
    named = _CREATED_BY.search(str(annotation.get("created_username") or ""))
    return named.group(1).lower() if named else ""


def _is_dataset(body: dict[str, Any]) -> bool:
    return all(isinstance(value, list) for value in body.values())


def _in_dataset(source: Path, body: dict[str, Any], config: LabelingConfig) -> Each:
    """The labels of a `dataset.json`: tag -> classes, which the labeling config gives a control."""
    if not _is_dataset(body) or not all(
        isinstance(name, str) for one in body.values() for name in one
    ):
        raise _no_labels(source, "It is neither Label Studio's nor a tag and its classes.")
    choices = {one.name: one for one in config.controls.values() if one.type == "choices"}
    by_name = {
        name: (choices[control], value)
        for (control, value), name in ClassNames(config, []).by_pair.items()
        if control in choices
    }
    for tag, classes in body.items():
        unknown = [name for name in classes if name not in by_name]
        if unknown:
            yield leave_out(tag, f"the labeling config has no choice {unknown[0]!r}")
            continue
        said: dict[str, list[str]] = {}
        for name in classes:
            control, value = by_name[name]
            said.setdefault(control.name, []).append(value)
        result = [
            {
                "from_name": name,
                "to_name": choices[name].to_names[0],
                "type": "choices",
                "value": {"choices": values},
            }
            for name, values in said.items()
        ]
        yield Found(source, {}, result, tag=tag)


def _no_labels(source: Path, cause: str) -> ConfigurationError:
    return ConfigurationError(
        f"{source} holds no labels that can be restored.",
        cause=cause,
        next_step="Name an annotation folder, an export of Label Studio's in its JSON format, or a "
        "dataset.json.",
    )
