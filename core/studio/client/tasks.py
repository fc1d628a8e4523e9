"""Tasks: listed, made, removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from core.errors import StudioRefused
from core.studio.client.connection import Connection
from core.studio.expected import expect
from core.studio.listings import (
    TASK_PAGE,
    column_filter,
    id_filters,
    lean,
    query,
    task_pages,
    tasks_by_id,
    tasks_page,
)
from core.studio.models import (
    Mark,
    Task,
    TaskDetail,
    read_detail,
    read_marks,
    read_moment,
    read_people,
    read_task,
    read_tasks,
)
from core.studio.transport import NoAnswer

# Where labelpilot's own server tells of tasks.
_AT_ONCE = "api/labelpilot/tasks"
# The one way in which the Data Manager reads a time.
_MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"
# Tasks that one request names, for a proxy takes no long addresses, and how many are many.
_NAMED = 500
_MANY = 50_000


class TaskCalls(Connection):
    """Tasks: listed, made, removed."""

    def tasks(
        self, project_id: int, image_key: str, *, after: int = 0, page_size: int = TASK_PAGE
    ) -> Iterator[Task]:
        """Every task of a project with an id above `after`, by rising id, read leanly.

        Raises NoAnswer if the server gives fewer than it says it has.
        """
        for item in tasks_by_id(self.transport, lean(project_id), after, page_size):
            yield read_task(item, image_key)

    def tasks_among(self, project_id: int, image_key: str, ids: Sequence[int]) -> Iterator[Task]:
        """Those of the tasks `ids` that are there."""
        for item in self._among(lean(project_id), ids):
            yield read_task(item, image_key)

    def task_data(self, project_id: int, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Task -> its data, for those of the tasks `ids` that are there."""
        items = self._among(lean(project_id), ids)
        return {
            item["id"]: item["data"] if isinstance(item["data"], dict) else {} for item in items
        }

    def tasks_between(
        self, project_id: int, image_key: str, first: int, last: int
    ) -> Iterator[Task]:
        """The tasks with an id from `first` to `last`, by rising id."""
        for item in tasks_by_id(self.transport, lean(project_id), first - 1, TASK_PAGE, last):
            yield read_task(item, image_key)

    def count_between(self, project_id: int, first: int, last: int) -> tuple[int, int]:
        """How many tasks have an id from `first` to `last`, and how many annotations they have."""
        params = lean(project_id) | query(*id_filters(first - 1, last))
        return tasks_page(self.transport, params, 1)[1:]

    def last_change(self, project_id: int) -> str:
        """When the task that changed last did, in the server's words; empty where there is none."""
        params = {"project": project_id, "include": "id,updated_at"}
        params |= query(ordering=["-tasks:updated_at"])
        tasks = tasks_page(self.transport, params, 1)[0]
        return str(tasks[0]["updated_at"]) if tasks else ""

    def tasks_changed(self, project_id: int, image_key: str, since: datetime) -> Iterator[Task]:
        """The tasks that were changed after `since`."""
        params = lean(project_id)
        moment = since.astimezone(timezone.utc).strftime(_MOMENT)
        params |= query(
            column_filter("updated_at", "greater", "Datetime", moment), ordering=["tasks:id"]
        )
        for page in task_pages(self.transport, params, TASK_PAGE):
            yield from (read_task(item, image_key) for item in page)

    def update_task(self, task_id: int, changes: Mapping[str, object]) -> None:
        """Change fields of a task (Label Studio's names)."""
        self.transport.send("PATCH", f"api/tasks/{task_id}/", body=dict(changes))

    def update_many(self, project_id: int, data: Mapping[int, Mapping[str, Any]]) -> bool:
        """Give tasks new data, all or none; False where the server cannot: labelpilot's own can."""
        try:
            self.transport.send(
                "POST",
                "api/dm/actions/",
                params={"id": "labelpilot_repoint", "project": project_id},
                body={
                    "selectedItems": {"all": False, "included": list(data)},
                    "data": {str(number): one for number, one in data.items()},
                },
            )
        except StudioRefused as error:
            if error.status in (401, 403):
                raise
            return False
        return True

    def last_task(self, project_id: int, image_key: str) -> tuple[int, Task | None]:
        """How many tasks a project has, and the one with the highest id."""
        params = lean(project_id) | query(ordering=["-tasks:id"])
        tasks, total, _ = tasks_page(self.transport, params, 1)
        return total, read_task(tasks[0], image_key) if tasks else None

    def task_births(self, project_id: int, ids: Sequence[int]) -> dict[int, datetime]:
        """Task -> when the server made it, for those of the tasks `ids` that are there."""
        items = self._among({"project": project_id, "include": "id,created_at"}, ids)
        return {int(item["id"]): read_moment(item["created_at"]) for item in items}

    def linked_tasks(self, project_id: int, folder: str) -> int:
        """How many tasks came from a local storage's own sync of files below `folder`.

        Raises NoAnswer where the server cannot tell.
        """
        params = {"project": project_id, "include": "id,storage_filename"}
        params |= query(column_filter("storage_filename", "contains", "String", f"{folder}/"))
        tasks, total, _ = tasks_page(self.transport, params, 1)
        for task in tasks:
            # A filter that the server does not understand is ignored without a word.
            if f"{folder}/" not in str(task.get("storage_filename")):
                raise NoAnswer("This Label Studio does not tell which tasks a storage made.")
        return total

    def task_details(
        self, project_id: int, image_key: str, ids: Sequence[int] | None = None
    ) -> Iterator[TaskDetail]:
        """Every task of a project by rising id, or those of `ids` that are there, with what says
        whether it may be removed."""
        drafted = self.drafted_tasks(project_id)
        params = {
            "project": project_id,
            "include": "id,data,total_annotations,cancelled_annotations,storage_filename",
            "resolve_uri": "false",
        }
        every = tasks_by_id(self.transport, params, 0, TASK_PAGE)
        for item in every if ids is None else self._among(params, ids):
            yield read_detail(item, image_key, drafted)

    def drafted_tasks(self, project_id: int) -> frozenset[int]:
        """The ids of the tasks that somebody has begun to annotate."""
        drafted = column_filter("draft_exists", "equal", "Boolean", True)
        params = {"project": project_id, "include": "id"} | query(drafted)
        return frozenset(
            int(item["id"])
            for page in task_pages(self.transport, params, TASK_PAGE)
            for item in page
        )

    def asked_twice(self, project_id: int) -> frozenset[int]:
        """The ids of the tasks that are asked of more than one person."""
        several = column_filter("overlap", "greater", "Number", 1)
        params = {"project": project_id, "include": "id,overlap"} | query(several)
        return frozenset(
            int(item["id"])
            for page in task_pages(self.transport, params, TASK_PAGE)
            for item in page
            # A filter that the server does not understand is ignored without a word.
            if read_people(item) > 1
        )

    def ask_of(self, task_id: int, people: int, *, finished: bool) -> None:
        """Ask a task of so many people. Label Studio does not see for itself whether it is
        `finished` with that."""
        body = {"overlap": people, "is_labeled": finished}
        self.transport.send("PATCH", f"api/tasks/{task_id}/", body=body)

    def delete_untouched(self, project_id: int, ids: Sequence[int]) -> None:
        """Delete those of the tasks `ids` that have no annotation, skip or draft.

        Label Studio looks at that itself, in the moment of deleting; our own server does both at
        once (`untouched`), another may miss what is submitted in between.
        """
        if not ids:
            # An empty selection would mean every task.
            return
        untouched = (
            column_filter("total_annotations", "equal", "Number", 0),
            column_filter("cancelled_annotations", "equal", "Number", 0),
            column_filter("draft_exists", "equal", "Boolean", False),
            column_filter("id", "in_list", "List", list(ids)),
        )
        self.transport.send(
            "POST",
            "api/dm/actions/",
            params={"id": "delete_tasks", "project": project_id},
            body={
                "selectedItems": {"all": False, "included": list(ids)},
                "filters": {"conjunction": "and", "items": list(untouched)},
                "untouched": True,
            },
        )

    def import_tasks(
        self, project_id: int, data: Sequence[Mapping[str, object]], read_seconds: float
    ) -> list[int]:
        """Create one task for each item of `data`, all or none, and return their ids."""
        answer = self.transport.send(
            "POST",
            f"api/projects/{project_id}/import",
            params={"return_task_ids": "true"},
            body=[{"data": item} for item in data],
            read_seconds=read_seconds,
        )
        ids = answer.get("task_ids") if isinstance(answer, dict) else None
        if not isinstance(ids, list) or len(ids) != len(data):
            raise NoAnswer(
                "Label Studio did not say which tasks it made.",
                cause=f"{len(data)} were sent; the answer was {str(answer)[:200]}",
            )
        return [int(number) for number in ids]

    def _among(self, params: Mapping[str, object], ids: Sequence[int]) -> Iterator[Any]:
        """Those of the tasks `ids` that are there, a few with each request; of very many, the whole
        listing takes no longer."""
        if len(ids) > _MANY:
            every = tasks_by_id(self.transport, params, min(ids) - 1, TASK_PAGE, max(ids))
            asked = frozenset(ids)
            yield from (item for item in every if int(item["id"]) in asked)
            return
        for start in range(0, len(ids), _NAMED):
            some = frozenset(ids[start : start + _NAMED])
            wanted = query(column_filter("id", "in_list", "List", sorted(some)))
            for page in task_pages(self.transport, {**params, **wanted}, _NAMED):
                # A filter that the server does not understand is ignored without a word.
                yield from (item for item in page if int(item["id"]) in some)

    # What labelpilot's own server adds

    def task_marks(self, project_id: int, width: int) -> dict[int, Mark] | None:
        """Range of `width` ids -> its mark, of each that holds a task; None where the server
        cannot tell: labelpilot's own can."""
        body = self.ask_own(_AT_ONCE, {"project": project_id, "width": width})
        return None if body is None else read_marks(body)

    def tasks_of_ranges(
        self, project_id: int, image_key: str, width: int, ranges: Sequence[int]
    ) -> list[Task]:
        """The tasks of some ranges of `width` ids, from a server that tells marks."""
        params = {"project": project_id, "width": width, "ranges": ",".join(map(str, ranges))}
        rows = expect(self.transport.get(_AT_ONCE, params), "tasks")["tasks"]
        tasks, asked = read_tasks(rows, image_key), frozenset(ranges)
        for task in tasks:
            if task.id // width not in asked:
                raise NoAnswer(
                    "Label Studio lists other tasks than it was asked for.",
                    cause=f"Number {task.id} is in none of the ranges.",
                )
        return tasks
