"""Tasks: listed, made, removed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from core.errors import StudioRefused
from core.studio.client.connection import Connection
from core.studio.listings import (
    TASK_PAGE,
    column_filter,
    lean,
    query,
    task_pages,
    tasks_by_id,
    tasks_page,
)
from core.studio.models import Task, TaskDetail, read_detail, read_moment, read_people, read_task
from core.studio.transport import NoAnswer


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

    def task_data(self, project_id: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """(id, data) of every task of a project, by rising id."""
        for item in tasks_by_id(self.transport, lean(project_id), 0, TASK_PAGE):
            yield int(item["id"]), item["data"] if isinstance(item["data"], dict) else {}

    def update_task(self, task_id: int, changes: Mapping[str, object]) -> None:
        """Change fields of a task (Label Studio's names)."""
        self.transport.send("PATCH", f"api/tasks/{task_id}", body=dict(changes))

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
        params = {"project": project_id, "include": "id,created_at"}
        params |= query(column_filter("id", "in_list", "List", list(ids)))
        return {
            int(item["id"]): read_moment(item["created_at"])
            for page in task_pages(self.transport, params, TASK_PAGE)
            for item in page
        }

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

    def task_details(self, project_id: int, image_key: str) -> Iterator[TaskDetail]:
        """Every task of a project by rising id, with what says whether it may be removed."""
        drafted = self.drafted_tasks(project_id)
        params = {
            "project": project_id,
            "include": "id,data,total_annotations,cancelled_annotations,storage_filename",
            "resolve_uri": "false",
        }
        for item in tasks_by_id(self.transport, params, 0, TASK_PAGE):
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
