"""What annotations, drafts and predictions say: listed, and changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Literal

from core.studio.client.annotations import AnnotationCalls
from core.studio.client.connection import LAST
from core.studio.client.tasks import TaskCalls
from core.studio.expected import expect, expect_items, expect_number
from core.studio.listings import ANNOTATED_PAGE, column_filter, listed, query, task_pages, whole
from core.studio.models import read_result

Kind = Literal["annotations", "drafts", "predictions"]
KINDS: tuple[Kind, ...] = ("annotations", "drafts", "predictions")
# Where labelpilot's own server lists and changes many at once.
MANY = "api/labelpilot/results"


@dataclass(frozen=True, slots=True)
class Change:
    """What of an annotation, a draft or a prediction `was` so, and is to be so `now`."""

    kind: Kind
    id: int
    task: int
    was: Mapping[str, Any]
    now: Mapping[str, Any]


class ResultCalls(TaskCalls, AnnotationCalls):
    """What annotations, drafts and predictions say."""

    def changes_many(self, project_id: int) -> bool:
        """Whether the server changes many at once, and their times not: labelpilot's own does."""
        return self.ask_own(MANY, {"project": project_id, "after": LAST}) is not None

    def results(
        self, project_id: int, kind: Kind, *, at_once: bool
    ) -> Iterator[tuple[int, int, Any]]:
        """(number, task, result) of each; `at_once` from a server that changes many at once."""
        if at_once:
            params = {"project": project_id, "kind": kind}
            yield from self.rows_of_own(MANY, params, "results", read_result, itemgetter(0))
        elif kind == "annotations":
            for task in self.annotated_tasks(project_id):
                for item in task["annotations"]:
                    yield read_result([item.get("id"), task["id"], item.get("result")])
        else:
            for item in self._drafts_or_predictions(project_id, kind):
                yield read_result([item["id"], item.get("task"), item.get("result")])

    def _drafts_or_predictions(self, project_id: int, kind: Kind) -> Iterator[dict[str, Any]]:
        if kind == "predictions":
            yield from listed(self.transport, "api/predictions/", {"project": project_id})
            return
        for task in sorted(self.drafted_tasks(project_id)):
            yield from self.drafts(task)

    def drafts(self, task_id: int) -> list[dict[str, Any]]:
        """What people have begun to say of a task, whole."""
        return expect_items(self.transport.get(f"api/tasks/{task_id}/drafts"))

    def annotations_of(self, project_id: int, task_id: int) -> list[dict[str, Any]]:
        """The annotations of a task, whole, skipped ones too."""
        # The list of a task's annotations that Label Studio has leaves those out.
        tasks = self.whole_tasks(project_id, [task_id])
        return [item for task in tasks for item in task["annotations"]]

    def whole_tasks(self, project_id: int, task_ids: Collection[int]) -> Iterator[dict[str, Any]]:
        """Those of the tasks that are there, whole, with their annotations."""
        only = column_filter("id", "in_list", "List", list(task_ids))
        for page in task_pages(self.transport, whole(project_id) | query(only), ANNOTATED_PAGE):
            # A filter that the server does not understand is ignored without a word.
            yield from (item for item in page if item["id"] in task_ids)

    def change_annotation(self, annotation_id: int, fields: Mapping[str, Any]) -> None:
        """Change fields of an annotation, in Label Studio's own way: it is changed now, by us."""
        self.transport.send("PATCH", f"api/annotations/{annotation_id}/", body=dict(fields))

    def delete_annotation(self, annotation_id: int) -> None:
        """Delete an annotation, and its file; one that is gone already is no error."""
        self.delete(f"api/annotations/{annotation_id}/")

    def change_one(self, change: Change) -> None:
        """Change a draft or a prediction."""
        self.transport.send("PATCH", f"api/{change.kind}/{change.id}/", body=dict(change.now))

    def change_many(self, project_id: int, changes: Sequence[Change]) -> list[int]:
        """Change those of `changes`, all of one kind, that are as they were; their numbers."""
        answer = self.transport.send(
            "POST",
            MANY,
            params={"project": project_id, "kind": changes[0].kind},
            body={
                "changes": [
                    {"id": one.id, "was": dict(one.was), "now": dict(one.now)} for one in changes
                ]
            },
            read_seconds=600,
        )
        return [expect_number(number) for number in expect(answer, "ids")["ids"]]
