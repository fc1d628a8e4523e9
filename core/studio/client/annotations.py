"""Annotations: submitted, counted, listed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from core.errors import StudioRefused
from core.studio.client.connection import LAST, Connection
from core.studio.expected import expect, expect_number
from core.studio.listings import (
    ANNOTATED_PAGE,
    TASK_PAGE,
    answered,
    column_filter,
    lean,
    listed,
    query,
    task_pages,
    tasks_page,
    whole,
)
from core.studio.models import Annotation, read_account, read_annotation, read_answer, read_row

# Where labelpilot's own server lists which annotations there are.
ANSWERS = "api/labelpilot/answers"
# Where it gives and takes whole annotations.
RESTORE = "api/labelpilot/annotations"


class AnnotationCalls(Connection):
    """Annotations: submitted, counted, listed."""

    def annotation_count(self, project_id: int) -> int:
        """How many annotations the project's tasks have, skipped ones not counted."""
        return tasks_page(self.transport, lean(project_id), 1)[2]

    def answer_count(self, project_id: int) -> int:
        """How many annotations a project has, skipped ones too, in the cheapest way."""
        fields = ("total_annotations_number", "skipped_annotations_number")
        params = {"include": ",".join(("id", *fields))}
        body = expect(self.transport.get(f"api/projects/{project_id}/", params), "id")
        return sum(expect_number(body.get(field) or 0) for field in fields)

    def latest_answers(self, project_id: int, count: int) -> list[tuple[int, list[int]]]:
        """(task id, annotation ids) of the `count` answered tasks that changed last."""
        params = {"project": project_id, "fields": "all", "include": "id,annotations_ids"}
        params |= answered(ordering=["-tasks:updated_at"])
        tasks, _, _ = tasks_page(self.transport, params, count)
        return [(int(task["id"]), _numbers(task)) for task in tasks]

    def annotated_task_ids(self, project_id: int) -> set[int]:
        """The ids of the tasks that have an annotation."""
        try:
            return {task for _, task, skipped in self._answers(project_id) if not skipped}
        except StudioRefused as error:
            if error.status != 404:
                raise
        labeled = column_filter("total_annotations", "greater", "Number", 0)
        params = lean(project_id) | query(labeled)
        return {
            int(item["id"])
            for page in task_pages(self.transport, params, TASK_PAGE)
            for item in page
            # A filter that the server does not understand is ignored without a word.
            if item.get("total_annotations")
        }

    def annotation_ids(self, project_id: int) -> Iterator[int]:
        """The ids of a project's annotations, skipped ones too."""
        try:
            yield from (number for number, _, _ in self._answers(project_id))
            return
        except StudioRefused as error:
            if error.status != 404:
                raise
        params = {"project": project_id, "fields": "all", "include": "id,annotations_ids"}
        for page in task_pages(self.transport, params | answered(), TASK_PAGE):
            for item in page:
                yield from _numbers(item)

    def annotated_tasks(self, project_id: int) -> Iterator[dict[str, Any]]:
        """Every task that has an annotation or was skipped, whole, with its annotations."""
        params = whole(project_id) | answered()
        for page in task_pages(self.transport, params, ANNOTATED_PAGE):
            # A filter that the server does not understand is ignored without a word.
            yield from (item for item in page if item.get("annotations"))

    def annotate(
        self,
        task_id: int,
        result: Sequence[Mapping[str, object]],
        fields: Mapping[str, object] | None = None,
    ) -> int:
        """Submit an annotation, with other `fields` of it, and return its id."""
        body = {"result": list(result), **(fields or {})}
        answer = self.transport.send("POST", f"api/tasks/{task_id}/annotations/", body=body)
        return int(expect(answer, "id")["id"])

    # What labelpilot's own server adds

    def _answers(self, project_id: int) -> Iterator[tuple[int, int, bool]]:
        """(number, task, whether it is a skip) of each annotation. Raises StudioRefused with the
        status 404 on a server that does not list them at once: labelpilot's own does."""
        params = {"project": project_id}
        yield from self.rows_of_own(ANSWERS, params, "answers", read_answer, itemgetter(0))

    def takes_labels_back(self, project_id: int) -> bool:
        """Whether the server takes annotations in as they were: labelpilot's own does."""
        return self.ask_own(RESTORE, {"project": project_id, "after": LAST}) is not None

    def take_labels_back(
        self, project_id: int, items: Sequence[Mapping[str, object]], read_seconds: float
    ) -> list[int]:
        """Take annotations in, all or none, as the launcher's `annotations` says; their ids."""
        answer = self.transport.send(
            "POST",
            RESTORE,
            params={"project": project_id},
            body={"annotations": list(items)},
            read_seconds=read_seconds,
        )
        return [expect_number(number) for number in expect(answer, "ids")["ids"]]

    def annotations(
        self, project_id: int, *, at_once: bool, results: bool = True
    ) -> Iterator[Annotation]:
        """Every annotation of a project; `at_once` from a server that takes labels back."""
        if at_once:
            params = {"project": project_id} | ({"result": 1} if results else {})
            yield from self.rows_of_own(RESTORE, params, "annotations", read_row, attrgetter("id"))
            return
        accounts = map(read_account, listed(self.transport, "api/users/", {}))
        people = {account.id: account.email.lower() for account in accounts}
        for task in self.annotated_tasks(project_id):
            for item in task["annotations"]:
                yield read_annotation(item, task["id"], people)


def _numbers(task: Mapping[str, Any]) -> list[int]:
    """The ids of a listed task's annotations."""
    return [int(number) for number in task["annotations_ids"].split(",") if number]
