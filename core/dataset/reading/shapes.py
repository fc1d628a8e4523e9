"""Other shapes than the one Label Studio writes today, made into it.

What older versions wrote, and what scripts and exports make of annotations, says the same with
other fields or types. Only a file that the strict reader refused comes here. A field that is not
understood is as if it were not there, unless the label depends on it: then the annotation is
refused with the reason, and its neighbours in the file stay.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from core.dataset.reading.fields import (
    class_text,
    flag_of,
    float_of,
    moment_of,
    name_of,
    number_of,
    person_of,
    points_of,
)
from core.dataset.reading.folder import FORMER
from core.dataset.reading.schema import (
    CLASS_KEYS,
    REGION_NUMBERS,
    Annotation,
    NotReadable,
    Task,
    task_of,
)
from core.images import is_image_url

Object: TypeAlias = Mapping[str, Any]

# The keys of a task that hold its annotations.
_HELD = ("annotations", "completions")
# A column that Label Studio's tables have.
_has_column = re.compile(rb"[\t,\"](?:annotator|annotation_id|completed_by|lead_time)\b").search
_NOTHING = "no annotation of Label Studio"
_NOT_ALL = "which does not hold all that was said: export as JSON"


def text_of(content: bytes) -> bytes:
    """`content` as UTF-8 without a byte order mark, whichever of Unicode's encodings it has."""
    encoding = json.detect_encoding(content)
    return content if encoding == "utf-8" else content.decode(encoding).encode()


def is_list(content: bytes) -> bool:
    """Whether `content` begins as a JSON list does."""
    return content[:64].lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"["


def parts_of(content: bytes) -> list[bytes]:
    """What stands in a JSON list. Raises ValueError where it is not whole."""
    try:
        return [bytes(part) for part in msgspec.json.decode(content, type=list[msgspec.Raw])]
    except msgspec.DecodeError:
        # Python writes numbers that are none (`NaN`), which it alone reads.
        return [json.dumps(part).encode() for part in json.loads(content)]


def no_json(content: bytes, error: Exception) -> str:
    """What a file with this `content` is, which is no whole JSON."""
    first, _, rest = content.partition(b"\n")
    if _has_column(first) and first.lstrip()[:1] not in b"{[":
        return f"a table (CSV or TSV), {_NOT_ALL}"
    if first.rstrip().endswith(b"}") and rest.lstrip()[:1] == b"{":
        return "JSON Lines: export as JSON"
    if isinstance(error, json.JSONDecodeError):
        return f"no whole JSON: line {error.lineno}, column {error.colno} cannot be read"
    return f"no whole JSON: {error}"


def mended_tasks(value: object, name: str, kind: type[Task]) -> Iterator[tuple[str, Task | str]]:
    """Each annotation in `value`, a file's or a task's content, in a task with nothing else.

    With it comes its name, for what is said of it; in its place, the reason why it is not readable.
    `name` is that of the whole. Raises NotReadable where the whole is no task and no annotation.
    """
    if not isinstance(value, dict):
        raise NotReadable(_NOTHING)
    annotations, task = _annotations(value)
    if annotations and not any(isinstance(one, dict) for one in annotations):
        raise NotReadable("a task of whose annotations only the numbers are there")
    data = task.get("data")
    number = number_of(task.get("id"))
    for place, annotation in enumerate(annotations):
        own = name if len(annotations) == 1 else f"{name}, annotation {place + 1}"
        try:
            mended = _annotation(annotation)
            found = task_of({"id": number, "data": data, "annotations": [mended]}, kind)
        except (NotReadable, msgspec.ValidationError) as error:
            yield own, reason(error)
            continue
        if mended["id"] is None or name.startswith(FORMER):
            # It has none that this server gave. Its place tells it from others, the same in each
            # process and each time.
            mark = hashlib.blake2b(f"{name}\0{place}".encode(errors="replace"), digest_size=7)
            assert isinstance(found.annotations, list)
            found.annotations[0].id = -1 - int.from_bytes(mark.digest(), "big")
        yield own, found


def whole_annotations(value: object) -> Iterator[tuple[Object, Object]]:
    """Each annotation in `value`, with its task: all that stands there, in today's shape.

    What has that shape is as it was. Raises NotReadable where the whole is no task and no
    annotation, or one annotation is not readable.
    """
    if not isinstance(value, dict):
        raise NotReadable(_NOTHING)
    annotations, task = _annotations(value)
    for annotation in annotations:
        if not _has_todays_shape(annotation):
            mended = _annotation(annotation)
            results = annotation["result"]
            results = results if isinstance(results, list) else [results]
            # Of one that was skipped, none are left.
            pairs = zip(results, mended["result"], strict=False)
            mended["result"] = [_whole(result, its) for result, its in pairs]
            annotation = {**annotation, **mended}
        yield annotation, task


def _has_todays_shape(annotation: object) -> bool:
    try:
        found = msgspec.convert(annotation, Annotation)
    except msgspec.ValidationError:
        return False
    return found.is_plain and isinstance(found.result, list)


def _whole(result: Object, mended: Object) -> Object:
    """`result` with what `mended` says of it that has another shape."""
    value, said = result.get("value"), mended["value"] or {}
    if isinstance(value, dict):
        value = {**value, **{key: said[key] for key in CLASS_KEYS if key in said}}
    names = {key: mended[key] for key in ("from_name", "to_name", "type")}
    return {**result, **names, "value": value}


def reason(error: Exception) -> str:
    """Why a file or a task was left out, in words."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, msgspec.ValidationError):
        return f"another shape than Label Studio's: {error}"
    return str(error)


def _annotations(value: Object) -> tuple[list[Any], Object]:
    """The annotations in a file's or a task's content, and their task."""
    # What once were completions are annotations today; where both are there, one is empty.
    held = [found for key in _HELD if isinstance(found := value.get(key), list)]
    if held and "categories" not in value and (any(held) or "result" not in value):
        return next(filter(None, held), []), {**value, "data": _data(value)}
    if "result" in value:
        task = value.get("task")
        if not isinstance(task, dict):
            raise NotReadable("an annotation without its task")
        return [value], {**task, "data": _data(task)}
    if {"images", "categories"} <= value.keys():
        raise NotReadable("a dataset in COCO's format, and no annotation of Label Studio")
    if "data" in value:
        raise NotReadable("a task without its annotations")
    if "annotation_id" in value or "annotator" in value or any(map(_is_url, value.values())):
        raise NotReadable(f"an export of the kind JSON-MIN, {_NOT_ALL}")
    raise NotReadable(_NOTHING)


def _data(task: Object) -> dict[str, Any]:
    data = task.get("data")
    if isinstance(data, dict):
        return data
    # Before they had a key of their own, the data were the task's other fields.
    return {key: item for key, item in task.items() if isinstance(item, str)}


def _is_url(value: object) -> bool:
    return isinstance(value, str) and is_image_url(value)


def _annotation(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NotReadable("an annotation of another shape than Label Studio's")
    results = value.get("result")
    if isinstance(results, dict):
        results = [results]
    if not isinstance(results, list):
        raise NotReadable("an annotation without its result")
    cancelled = flag_of(value.get("was_cancelled")) or flag_of(value.get("skipped"))
    return {
        "id": number_of(value.get("id")) or None,
        # What was clicked before it was skipped was not meant.
        "result": [] if cancelled else [_result(result) for result in results],
        "was_cancelled": cancelled,
        "ground_truth": flag_of(value.get("ground_truth")) or flag_of(value.get("honeypot")),
        "updated_at": moment_of(value.get("updated_at")) or moment_of(value.get("created_at")),
        "completed_by": person_of(value.get("completed_by", value.get("created_username"))),
    }


def _result(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NotReadable("an answer of another shape than Label Studio's")
    said = value.get("value")
    if said is not None and not isinstance(said, dict):
        raise NotReadable("an answer of another shape than Label Studio's")
    keys = [key for key in CLASS_KEYS if said and said.get(key) is not None]
    kind = value.get("type")
    kind = kind.lower() if isinstance(kind, str) else ""
    if not kind or (kind in CLASS_KEYS and keys and kind not in keys):
        if len(keys) > 1:
            raise NotReadable("an answer that does not say of which type it is")
        kind = keys[0] if keys else "unknown"
        kind = "pairwise" if kind == "selected" else kind
    number = value.get("id")
    return {
        "from_name": name_of(value.get("from_name")),
        "to_name": name_of(value.get("to_name")),
        "type": kind,
        "id": number if isinstance(number, str) else number_of(number),
        "value": None if said is None else _value(said, keys),
        "item_index": number_of(value.get("item_index")),
        "original_width": number_of(value.get("original_width")),
        "original_height": number_of(value.get("original_height")),
        "image_rotation": float_of(value.get("image_rotation")),
    }


def _value(said: Object, keys: list[str]) -> dict[str, Any]:
    mended: dict[str, Any] = {key: float_of(said.get(key)) for key in REGION_NUMBERS}
    for key in keys:
        if key == "rating":
            stars = float_of(said[key])
            if stars is None:
                raise NotReadable("a rating that is no number")
            mended[key] = int(stars) if stars.is_integer() else stars
        elif key == "selected":
            mended[key] = class_text(said[key])
        else:
            listed = said[key] if isinstance(said[key], list) else [said[key]]
            mended[key] = [_class(one, key) for one in listed if one is not None]
    points, rle = said.get("points"), said.get("rle")
    if points is not None:
        mended["points"] = points_of(points)
    if isinstance(rle, list) and all(type(one) is int for one in rle):
        mended["rle"] = rle
    return mended


def _class(value: object, key: str) -> str | list[str]:
    if isinstance(value, list):
        return [class_text(part) for part in value]
    return [class_text(value)] if key == "taxonomy" else class_text(value)
