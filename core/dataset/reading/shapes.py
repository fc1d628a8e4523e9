"""Other shapes than the one Label Studio writes today, made into it.

What older versions wrote, and what scripts and exports make of annotations, says the same with
other fields or types. Only a file that the strict reader refused comes here. A field that is not
understood is as if it were not there, unless the label depends on it: then the annotation is
refused with the reason, and its neighbours in the file stay.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, TypeAlias

import msgspec

from core.dataset.reading.folder import FORMER
from core.dataset.reading.schema import CLASS_KEYS, REGION_NUMBERS, NotReadable, Task, task_of
from core.images import is_image_url

Object: TypeAlias = Mapping[str, Any]

# Times above this are in milliseconds: in seconds it would be the year 5138.
_MOST_SECONDS = 1e11
# What Label Studio's database holds.
_MOST_NUMBER = 2**63 - 1
# The keys of a task that hold its annotations.
_HELD = ("annotations", "completions")
# A column that Label Studio's tables have.
_has_column = re.compile(rb"[\t,](?:annotator|annotation_id|completed_by|lead_time)\b").search
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
    if _has_column(first):
        return f"a table (CSV or TSV), {_NOT_ALL}"
    if first.rstrip().endswith(b"}") and rest.lstrip()[:1] == b"{":
        return "JSON Lines: export as JSON"
    return f"no whole JSON: {error}"


def mended_tasks(value: object, name: str, kind: type[Task]) -> Iterator[tuple[str, Task | str]]:
    """Each annotation in `value`, a file's or a task's content, in a task with nothing else.

    With it comes its name, for what is said of it; in its place, the reason why it is not readable.
    `name` is that of the whole. Raises NotReadable where the whole is no task and no annotation.
    """
    if not isinstance(value, dict):
        raise NotReadable("no annotation of Label Studio")
    annotations, task = _annotations(value)
    if annotations and not any(isinstance(one, dict) for one in annotations):
        raise NotReadable("a task of whose annotations only the numbers are there")
    data = task.get("data")
    number = _number(task.get("id"))
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
    raise NotReadable("no annotation of Label Studio")


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
    cancelled = _flag(value.get("was_cancelled")) or _flag(value.get("skipped"))
    return {
        "id": _number(value.get("id")) or None,
        # What was clicked before it was skipped was not meant.
        "result": [] if cancelled else [_result(result) for result in results],
        "was_cancelled": cancelled,
        "ground_truth": _flag(value.get("ground_truth")) or _flag(value.get("honeypot")),
        "updated_at": _moment(value.get("updated_at")) or _moment(value.get("created_at")),
        "completed_by": _person(value.get("completed_by", value.get("created_username"))),
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
        "from_name": _name(value.get("from_name")),
        "to_name": _name(value.get("to_name")),
        "type": kind,
        "id": number if isinstance(number, str) else _number(number),
        "value": None if said is None else _value(said, keys),
        "item_index": _number(value.get("item_index")),
        "original_width": _number(value.get("original_width")),
        "original_height": _number(value.get("original_height")),
        "image_rotation": _float(value.get("image_rotation")),
    }


def _value(said: Object, keys: list[str]) -> dict[str, Any]:
    mended: dict[str, Any] = {key: _float(said.get(key)) for key in REGION_NUMBERS}
    for key in keys:
        if key == "rating":
            mended[key] = _float(said[key])
            if mended[key] is None:
                raise NotReadable("a rating that is no number")
        elif key == "selected":
            mended[key] = _text(said[key])
        else:
            listed = said[key] if isinstance(said[key], list) else [said[key]]
            mended[key] = [_class(one, key) for one in listed if one is not None]
    points, rle = said.get("points"), said.get("rle")
    if points is not None:
        mended["points"] = _points(points)
    if isinstance(rle, list) and all(type(one) is int for one in rle):
        mended["rle"] = rle
    return mended


def _class(value: object, key: str) -> str | list[str]:
    if isinstance(value, list):
        return [_text(part) for part in value]
    return [_text(value)] if key == "taxonomy" else _text(value)


def _text(value: object) -> str:
    """A class that was written as a number, as it is shown."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int)):
        return json.dumps(value)
    if isinstance(value, float) and math.isfinite(value):
        return str(int(value)) if value.is_integer() else str(value)
    raise NotReadable("a class that is no text")


def _points(value: object) -> list[list[float]]:
    """The corners of an outline; none where one of them is no point."""
    found: list[list[float]] = []
    for point in value if isinstance(value, list) else ():
        numbers = [_float(one) for one in point] if isinstance(point, list) else []
        if len(numbers) < 2 or None in numbers:
            return []
        found.append([number for number in numbers if number is not None])
    return found


def _number(value: object) -> int | None:
    """A number of the database's, also where it was written as text; None for anything else."""
    number = _float(value)
    if number is None or not number.is_integer() or not 0 <= number <= _MOST_NUMBER:
        return None
    found = int(value) if isinstance(value, (int, str)) and "." not in str(value) else int(number)
    return found if found <= _MOST_NUMBER else None


def _float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _flag(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1", "yes")
    return isinstance(value, (bool, int, float)) and bool(value)


def _name(value: object) -> str:
    parts = value if isinstance(value, list) else [value]
    return ",".join(part for part in parts if isinstance(part, str))


def _person(value: object) -> dict[str, Any] | None:
    """Who labeled: an object, a number, an e-mail address, or both as ` a@b.co, 1`."""
    if isinstance(value, dict):
        email = next((v for k in ("email", "username") if isinstance(v := value.get(k), str)), None)
        return {"id": _number(value.get("id")), "email": email}
    number = _number(value)
    if number is not None or not isinstance(value, str):
        return {"id": number}
    return {"email": value.partition(",")[0].strip()}


def _moment(value: object) -> datetime | None:
    """A time: as text with or without its zone (it is UTC then), or in seconds since 1970."""
    number = _float(value)
    try:
        if number is not None:
            seconds = number / 1000 if abs(number) > _MOST_SECONDS else number
            return datetime.fromtimestamp(seconds, timezone.utc)
        if isinstance(value, str):
            found = msgspec.convert(value.strip(), datetime)
            found = found if found.tzinfo is not None else found.replace(tzinfo=timezone.utc)
            found.timestamp()
            return found
    except (msgspec.ValidationError, ValueError, OverflowError, OSError):
        pass
    return None
