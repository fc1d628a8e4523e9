"""`dataset.json`, and the file beside it that says how it was made.

A dataset is sorted and the same byte for byte whenever the annotations are; it is written at once
or not at all. Written last, the file beside it holds the dataset's hash: where the two disagree,
somebody else wrote the dataset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import orjson

from core.dataset.dataset import Dataset, sidecar_path
from core.dataset.reading.batch import LeftOut
from core.errors import ConfigurationError
from core.files import write_at_once, written_at_once

# A million at once would stand in memory twice.
TAGS_AT_ONCE = 20_000


def write_json(path: Path, dataset: Dataset) -> list[LeftOut]:
    """Write tag -> list of classes as one JSON object, sorted by tag.

    Raises LabelpilotError where the disk refuses; what was at `path` is then as it was.
    """
    with written_at_once(path) as file:
        file.writelines(_json_parts(dataset))
    return []


def _json_parts(dataset: Dataset) -> Iterator[bytes]:
    """The object in parts, together what orjson would make of it whole, indented by two."""
    tags, labels = dataset.decision.tags, dataset.decision.labels
    for start in range(0, len(tags), TAGS_AT_ONCE):
        part = tags[start : start + TAGS_AT_ONCE]
        named = map(dataset.names.__getitem__, map(labels.__getitem__, part))
        chunk = dict(zip(part, named, strict=True))
        # Without the brace before and the line break and the brace after.
        content = orjson.dumps(chunk, option=orjson.OPT_INDENT_2)[1:-2]
        yield (b"," if start else b"{") + content
    yield b"\n}\n"


def read_dataset(dataset: Path) -> dict[str, list[str]] | None:
    """Tag -> classes, from the file that `write_json` wrote; None where there is none.

    Raises ConfigurationError for a file that cannot be read, or is no dataset.
    """
    try:
        found = orjson.loads(dataset.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError) as error:
        raise ConfigurationError(
            f"{dataset} cannot be read.",
            cause=str(error),
            next_step="Write it again: `labelpilot export`.",
        ) from None
    if not isinstance(found, dict) or not all(isinstance(value, list) for value in found.values()):
        raise ConfigurationError(
            f"{dataset} is no dataset: a tag and a list of classes for each image.",
            next_step="Write it again: `labelpilot export`.",
        )
    return found


def is_dataset(file: Path) -> bool:
    """Whether a file is meant as tag -> classes. Raises ConfigurationError where it is no JSON.

    An annotation or a task is an object too, and says things that are no lists.
    """
    try:
        found = orjson.loads(file.read_bytes())
    except orjson.JSONDecodeError:
        # Annotations may be written in ways that a dataset never is.
        return False
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read.", cause=str(error)) from None
    return isinstance(found, dict) and all(isinstance(value, list) for value in found.values())


def read_sidecar(dataset: Path) -> dict[str, Any]:
    """The facts beside `dataset`; none where they are missing or damaged."""
    try:
        found = orjson.loads(sidecar_path(dataset).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def write_sidecar(dataset: Path, facts: Mapping[str, Any]) -> None:
    """Write `facts` (counts, rules, source, hash) and the time beside `dataset`."""
    content = {
        **facts,
        "written_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    write_at_once(sidecar_path(dataset), orjson.dumps(content, option=option))
