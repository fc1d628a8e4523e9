"""Names of classes in files: the label files of the annotation folder, and the dataset.

Label Studio writes the files of its own annotations anew; those of a former server, and of
annotations that were deleted, are written here.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from core.dataset.class_names import ClassNames
from core.dataset.classes.config_text import offered
from core.dataset.classes.renaming import Parts, Renaming
from core.dataset.formats.dataset_json import read_dataset, read_sidecar, write_sidecar
from core.dataset.reading.folder import contents
from core.dataset.restore.lacking import not_labels
from core.files import write_at_once
from core.labeling_config import LabelingConfig
from core.workspace.settings import Workspace

# The parts of a document that hold results, or documents that do.
_HELD = ("annotations", "completions", "predictions", "drafts", "task")


@dataclass(frozen=True, slots=True)
class LabelFile:
    """A file of the annotation folder that holds one of the names looked for.

    `results` are those of the document, in its order.
    """

    path: Path
    document: Any
    results: list[Any]

    def write(self, results: list[Any]) -> None:
        """Write it anew with other results. Raises LabelpilotError where the disk refuses."""
        left = iter(results)
        document = _mapped(self.document, lambda _: next(left))
        write_at_once(self.path, json.dumps(document, indent=2).encode())


def label_files(workspace: Workspace, names: Iterable[Parts]) -> Iterator[LabelFile]:
    """The files in which one of the `names` may stand. What cannot be read is passed over, as an
    export passes it over and says so."""
    wanted = [needle for parts in names for needle in _needles(parts[-1])]
    path = workspace.annotations.path
    if not path.is_dir():
        return
    for name, content in contents(path, not_labels(workspace)):
        if not isinstance(content, bytes) or not any(one in content for one in wanted):
            continue
        # What lies behind a link is not the folder's.
        if os.path.islink(path / name):
            continue
        try:
            document = json.loads(content)
        except (ValueError, RecursionError):
            continue
        results: list[Any] = []
        _mapped(document, lambda result, held=results: held.append(result))  # type: ignore[misc]
        yield LabelFile(path / name, document, results)


def _needles(name: str) -> tuple[bytes, bytes]:
    """How a name stands in JSON, whoever wrote it."""
    return tuple(json.dumps(name, ensure_ascii=ascii)[1:-1].encode() for ascii in (True, False))  # type: ignore[return-value]


def _mapped(document: Any, change: Callable[[Any], Any]) -> Any:
    """A document with each list that is a result changed."""
    if isinstance(document, list):
        return [_mapped(one, change) for one in document]
    if not isinstance(document, dict):
        return document
    found = {}
    for key, value in document.items():
        if key == "result" and isinstance(value, list):
            found[key] = change(value)
        else:
            found[key] = _mapped(value, change) if key in _HELD else value
    return found


@dataclass(frozen=True, slots=True)
class RenamedDataset:
    """A dataset with other names: its content, how many of its images have another name, and the
    facts of it that are other ones."""

    content: bytes
    images: int
    facts: dict[str, Any]

    def write(self, dataset: Path) -> None:
        """Put it in the place of `dataset`. Raises LabelpilotError where the disk refuses."""
        write_at_once(dataset, self.content)
        if former := read_sidecar(dataset):
            write_sidecar(dataset, former | self.facts)


def renamed_dataset(
    dataset: Path, before: LabelingConfig, after: LabelingConfig, renaming: Renaming
) -> RenamedDataset:
    """The dataset in a file with the new names. Raises ConfigurationError for a damaged one."""
    names, known = _dataset_names(before, after, renaming), ClassNames(after, ()).all
    order = {name: number for number, name in enumerate(known)}
    found, images = read_dataset(dataset) or {}, 0
    for tag, classes in found.items():
        new = {names.get(name, name) for name in classes}
        if new != set(classes):
            images += 1
            found[tag] = sorted(new, key=lambda name: (order.get(name, len(order)), name))
    content = orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    counts = Counter(name for classes in found.values() for name in classes)
    facts = {
        "classes": {name: counts[name] for name in [*known, *counts] if counts[name]},
        "class_order": list(known),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    return RenamedDataset(content, images, facts)


def _dataset_names(
    before: LabelingConfig, after: LabelingConfig, renaming: Renaming
) -> dict[str, str]:
    """What each class is called in a dataset -> what it is called from now on.

    A name that two controls share is told apart there, so that another's can change too.
    """
    old, new = ClassNames(before, ()), ClassNames(after, ())
    control, control_now = before.controls[renaming.control], after.controls[renaming.control]
    pairs = {pair: pair for pair in before.classes()}
    for parts in [one.parts for one in offered(before.text, control.name)] + [*renaming.names]:
        pair = (control.name, control.class_name(list(parts)))
        pairs[pair] = (control.name, control_now.class_name(list(renaming.of(parts))))
    return {old.of_pair(one): new.of_pair(now) for one, now in pairs.items()}
