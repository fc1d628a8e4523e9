"""Label Studio's objects as labelpilot knows them, read from the JSON that it answers with.

Bodies are checked here, so that an answer of something else, or of another version, is an error and
never a wrong value.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from core.errors import ConfigurationError
from core.labeling_config import UNDEFINED_KEY, parse_labeling_config
from core.studio.expected import expect, expect_number, not_understood, understood

# What a project has for a labeling config before one is set.
_NO_CONFIG = ("", "<View></View>")


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a token belongs to."""

    id: int
    email: str


@dataclass(frozen=True, slots=True)
class RemoteProject:
    """A project as the server has it. `created` is when the server made it, in its own words."""

    id: int
    title: str
    label_config: str
    sampling: str
    model_version: str
    tasks: int
    created: str = ""

    @property
    def has_config(self) -> bool:
        """Whether a labeling config was ever set."""
        return self.label_config not in _NO_CONFIG

    @property
    def image_key(self) -> str:
        """The key under which the project's tasks hold their image. Raises ConfigurationError."""
        if not self.has_config:
            raise ConfigurationError(
                f"The project {self.title!r} has no labeling config yet.",
                next_step="Run `labelpilot setup`.",
            )
        return parse_labeling_config(self.label_config, "the project's labeling config").image_key


@dataclass(frozen=True, slots=True)
class Storage:
    """A source or target storage.

    `status`, `problem` and what follows are of its last sync: `runs` counts how often one was
    started, `shown` is when it last showed itself (server's time, as text), and `broke` says
    whether an error of its own ended it. A sync that is `failed` and did not break was only taken
    for dead, because it had not shown itself for long; it may be living.
    """

    id: int
    type: str
    title: str
    path: str
    pattern: str
    recursive: bool
    source_files: bool
    synchronizable: bool
    status: str
    last_sync_count: int
    problem: str
    description: str = ""
    runs: int = 0
    shown: str = ""
    broke: bool = False
    target: bool = False
    prefix: str = ""

    @property
    def address(self) -> str:
        """The path below the server's URL that answers for it."""
        return f"api/storages/{'export/' if self.target else ''}{self.type}/{self.id}"

    @property
    def running(self) -> bool:
        """Whether a sync is running, or may be."""
        return self.status in ("queued", "in_progress") or (
            self.status == "failed" and not self.broke
        )


class Task(NamedTuple):
    """One of a million tasks: its image's URL as stored, and how many annotations it has."""

    id: int
    image: str
    annotations: int


# Of a range of ids: how many tasks it has, and a sum over them that changes with each.
Mark: TypeAlias = "tuple[int, int]"


@dataclass(frozen=True, slots=True)
class Annotation:
    """An annotation: when the server made it, whose it is (an e-mail address), and what it says.

    `result` is empty where it was not asked for.
    """

    id: int
    task: int
    created: datetime
    person: str
    cancelled: bool
    result: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Prediction:
    """A prediction of a task: its score, and the `result` that the page shows as chosen."""

    id: int
    task: int
    score: float
    result: list[Any]


@dataclass(frozen=True, slots=True)
class TaskDetail:
    """A task: whether somebody annotated, skipped or began it, and whether a storage made it."""

    id: int
    image: str
    touched: bool
    linked: bool


@dataclass(frozen=True, slots=True)
class Label:
    """That somebody labeled a task: the number of an account, and when by the server's clock."""

    account: int
    at: str


@dataclass(frozen=True, slots=True)
class TaskLabels:
    """Who labeled a task, and who `skipped` it; `changed` is when it last changed."""

    task_id: int
    changed: str
    labels: tuple[Label, ...]
    skipped: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A tab of the Data Manager."""

    id: int
    data: Mapping[str, Any]


@understood
def read_account(body: Any) -> Account:
    expect(body, "id", "email")
    return Account(body["id"], str(body["email"]))


@understood
def read_task(item: Mapping[str, Any], image_key: str) -> Task:
    return Task(
        expect_number(item["id"]),
        image_url(item.get("data"), image_key),
        expect_number(item.get("total_annotations") or 0),
    )


@understood
def read_tasks(rows: Any, image_key: str) -> list[Task]:
    """Tasks as our own server lists many at once."""
    return [
        Task(expect_number(number), image_url(data, image_key), expect_number(annotations))
        for number, data, annotations in rows
    ]


@understood
def read_marks(body: Any) -> dict[int, Mark]:
    """Range of ids -> its mark, as our own server tells them."""
    return {
        expect_number(number): (expect_number(tasks), expect_number(total))
        for number, tasks, total in expect(body, "ranges")["ranges"]
    }


def read_moment(text: Any) -> datetime:
    """A time as Label Studio writes it; raises NoAnswer for anything else."""
    try:
        # Python 3.10 reads no Z.
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (ValueError, AttributeError):
        raise not_understood(text) from None


@understood
def read_detail(item: Mapping[str, Any], image_key: str, drafted: Container[int]) -> TaskDetail:
    number = int(item["id"])
    counts = (item["total_annotations"], item["cancelled_annotations"], number in drafted)
    return TaskDetail(
        number,
        image_url(item.get("data"), image_key),
        touched=any(counts),
        linked=bool(item["storage_filename"]),
    )


@understood
def read_labels(item: Mapping[str, Any]) -> TaskLabels:
    expect(item, "id", "annotations", "updated_at")
    found = [expect(one, "completed_by", "created_at") for one in item["annotations"]]
    kept = [one for one in found if not one.get("was_cancelled")]
    return TaskLabels(
        int(item["id"]),
        str(item["updated_at"]),
        tuple(Label(int(one["completed_by"] or 0), str(one["created_at"])) for one in kept),
        tuple(int(one["completed_by"] or 0) for one in found if one.get("was_cancelled")),
    )


def annotator_of(annotation: Mapping[str, Any]) -> Any:
    """The number of the account that an annotation is of, whether it is listed alone or whole."""
    by = annotation.get("completed_by")
    return by.get("id") if isinstance(by, dict) else by


@understood
def read_annotation(item: Any, task: int, people: Mapping[int, str]) -> Annotation:
    """An annotation as the API lists it; `people` are the accounts' addresses."""
    expect(item, "id", "created_at")
    by = annotator_of(item)
    return Annotation(
        id=item["id"],
        task=task,
        created=read_moment(item["created_at"]),
        person=people.get(by or 0, ""),
        cancelled=bool(item.get("was_cancelled")),
        result=item.get("result") or (),
    )


@understood
def read_row(row: Any) -> Annotation:
    """An annotation as our own server lists many at once."""
    number, task, created, person, cancelled, *result = row
    return Annotation(
        expect_number(number),
        expect_number(task),
        read_moment(created),
        (person or "").lower(),
        bool(cancelled),
        (result and result[0]) or (),
    )


@understood
def read_answer(row: Any) -> tuple[int, int, bool]:
    """(annotation, task, whether it is a skip), as our own server lists many at once."""
    number, task, skipped = row
    return expect_number(number), expect_number(task), bool(skipped)


@understood
def read_result(row: Any) -> tuple[int, int, Any]:
    """(number, task, result) of an annotation, a draft or a prediction."""
    number, task, result = row
    return expect_number(number), expect_number(task), result


@understood
def read_prediction(item: Any) -> Prediction:
    """A prediction, as a listing has it."""
    result = item.get("result")
    return Prediction(
        int(item["id"]),
        int(item["task"]),
        float(item.get("score") or 0.0),
        result if isinstance(result, list) else [],
    )


@understood
def read_score(item: Any) -> tuple[int, float]:
    """(task id, prediction score)."""
    return int(item["id"]), float(item.get("predictions_score") or 0.0)


@understood
def read_view(body: Any) -> View:
    data = expect(body, "id").get("data") or {}
    if not isinstance(data, dict):
        raise TypeError
    return View(int(body["id"]), data)


@understood
def read_columns(body: Any) -> frozenset[str]:
    return frozenset(f"{column['target']}:{column['id']}" for column in body["columns"])


@understood
def read_people(item: Any) -> int:
    """Of how many people a task is asked."""
    return int(item.get("overlap") or 1)


@understood
def read_project(body: Any) -> RemoteProject:
    expect(body, "id")
    return RemoteProject(
        id=body["id"],
        title=str(body.get("title") or ""),
        label_config=str(body.get("label_config") or ""),
        sampling=str(body.get("sampling") or ""),
        model_version=str(body.get("model_version") or ""),
        tasks=int(body.get("task_number") or 0),
        created=str(body.get("created_at") or ""),
    )


@understood
def read_storage(body: Any, *, target: bool = False) -> Storage:
    meta = expect(body, "id").get("meta")
    meta = meta if isinstance(meta, dict) else {}
    return Storage(
        id=body["id"],
        type=str(body.get("type") or "localfiles"),
        title=str(body.get("title") or ""),
        path=str(body.get("path") or body.get("bucket") or body.get("container") or ""),
        pattern=str(body.get("regex_filter") or ""),
        recursive=bool(body.get("recursive_scan")),
        source_files=bool(body.get("use_blob_urls")),
        synchronizable=bool(body.get("synchronizable", True)),
        status=str(body.get("status") or ""),
        last_sync_count=int(body.get("last_sync_count") or 0),
        problem=str(body.get("traceback") or ""),
        description=str(body.get("description") or ""),
        runs=int(meta.get("attempts") or 0),
        shown=str(meta.get("time_last_ping") or meta.get("time_queued") or ""),
        broke="time_failure" in meta,
        target=target,
        prefix=str(body.get("prefix") or ""),
    )


def image_url(data: Any, key: str) -> str:
    """The image's URL in a task's data; empty where there is none."""
    if not isinstance(data, dict):
        return ""
    value = data.get(key) or data.get(UNDEFINED_KEY)
    if isinstance(value, list):
        value = value[0] if value else ""
    return value if isinstance(value, str) else ""
