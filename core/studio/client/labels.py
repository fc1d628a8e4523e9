"""Who labeled what, and when."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.studio.client.connection import Connection
from core.studio.expected import expect, expect_number
from core.studio.listings import (
    ANNOTATED_PAGE,
    TASK_PAGE,
    column_filter,
    query,
    task_pages,
    tasks_page,
    whole,
)
from core.studio.models import TaskLabels, read_labels

# How many of the newest are looked at.
FEW = 20
_LABELED = column_filter("total_annotations", "greater", "Number", 0)


class LabelCalls(Connection):
    """Who labeled what, and when."""

    def labels(
        self, project_id: int, *filters: dict[str, object], since: str = ""
    ) -> Iterator[TaskLabels]:
        """Who labeled which task when, for tasks that have a label and pass the `filters`.

        `since` is a time of the server's own (`TaskLabels.changed`): only tasks that changed after
        it come.
        """
        chosen = [_LABELED, *filters]
        if since:
            chosen.append(column_filter("updated_at", "greater", "Datetime", since))
        params = _with_labels(project_id) | query(*chosen)
        for page in task_pages(self.transport, params, TASK_PAGE):
            # A filter that the server does not understand is ignored without a word.
            yield from (found for found in map(read_labels, page) if found.changed > since)

    def tasks_with_several(self, project_id: int) -> Iterator[dict[str, Any]]:
        """Every task that has several labels, whole, with its annotations."""
        several = query(column_filter("total_annotations", "greater", "Number", 1))
        params = whole(project_id) | several
        for page in task_pages(self.transport, params, ANNOTATED_PAGE):
            # A filter that the server does not understand is ignored without a word.
            yield from (item for item in page if len(item.get("annotations") or ()) > 1)

    def newest_labels(self, project_id: int, *filters: dict[str, object]) -> list[TaskLabels]:
        """As `labels`, for the few tasks that changed last."""
        newest = query(_LABELED, *filters, ordering=["-tasks:updated_at"])
        tasks, _, _ = tasks_page(self.transport, _with_labels(project_id) | newest, FEW)
        return [read_labels(item) for item in tasks]

    def label_count(self, project_id: int) -> int:
        """How many annotations a project has, skipped ones not counted, in the cheapest way."""
        params = {"include": "id,total_annotations_number"}
        body = expect(self.transport.get(f"api/projects/{project_id}/", params), "id")
        return expect_number(body.get("total_annotations_number") or 0)

    def counts(self, project_id: int) -> tuple[int, int]:
        """How many tasks and how many annotations a project has, as `label_count` counts them."""
        params = {"include": "id,task_number,total_annotations_number"}
        body = expect(self.transport.get(f"api/projects/{project_id}/", params), "id")
        tasks, labels = body.get("task_number"), body.get("total_annotations_number")
        return expect_number(tasks or 0), expect_number(labels or 0)

    def labeled_count(self, project_id: int) -> int:
        """How many tasks have a label, counted without listing one."""
        params = {"project": project_id, "include": "id", "fields": "all"}
        return tasks_page(self.transport, params | query(_LABELED), 1)[1]

    def annotated_by(self, project_id: int, account: int) -> int:
        """How many annotations somebody made of tasks that have a label, skipped ones too."""
        theirs = column_filter("annotators", "contains", "List", account)
        params = {"project": project_id, "include": "id", "fields": "all"}
        return tasks_page(self.transport, params | query(_LABELED, theirs), 1)[1]


def _with_labels(project_id: int) -> dict[str, object]:
    """The parameters of a listing of tasks with no more than `TaskLabels` holds."""
    return {
        "project": project_id,
        "fields": "all",
        "include": "id,updated_at,annotations,completed_by,created_at,was_cancelled",
        "resolve_uri": "false",
    }
