"""What labelpilot asks of a Label Studio, one method a question or a change.

Values come back as plain frozen records. Nothing here decides anything: looking before creating,
proving after writing and trying again belong to the callers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from core.errors import StudioRefused
from core.studio.listings import (
    ANNOTATED_PAGE,
    TASK_PAGE,
    answered,
    column_filter,
    lean,
    listed,
    pages,
    query,
    task_pages,
    tasks_by_id,
    tasks_page,
)
from core.studio.models import (
    Account,
    RemoteProject,
    Storage,
    Task,
    TaskDetail,
    View,
    expect,
    expect_number,
    read_account,
    read_detail,
    read_project,
    read_storage,
    read_task,
)
from core.studio.transport import NoAnswer, Transport
from core.workspace.settings import Sampling

SAMPLINGS: dict[Sampling, str] = {
    "random": "Uniform sampling",
    "sequential": "Sequential sampling",
    "uncertainty": "Uncertainty sampling",
}
# What `RemoteProject` holds: the other fields take the server twice as long to count up.
PROJECT_FIELDS = {"include": "id,title,label_config,sampling,model_version,task_number"}


class StudioClient:
    """One Label Studio, seen with one token. Every method raises StudioRefused or
    StudioUnreachable as `Transport.send` does."""

    def __init__(self, url: str, token: str) -> None:
        self.transport = Transport(url, token)
        self.url = url

    def close(self) -> None:
        self.transport.close()

    # Account

    def whoami(self) -> Account:
        """Whom the token belongs to."""
        return read_account(self.transport.get("api/current-user/whoami"))

    # Projects

    def find_projects(self, title: str) -> list[RemoteProject]:
        """The projects with exactly this title, oldest first."""
        found = []
        for page in pages(self.transport, "api/projects", {"title": title, **PROJECT_FIELDS}, 100):
            found += [read_project(item) for item in page if item["title"] == title]
        return sorted(found, key=lambda project: project.id)

    def project(self, project_id: int) -> RemoteProject:
        return read_project(self.transport.get(f"api/projects/{project_id}", PROJECT_FIELDS))

    def task_count(self, project_id: int) -> int:
        """How many tasks a project has, in the cheapest way."""
        body = self.transport.get(f"api/projects/{project_id}", {"include": "id,task_number"})
        return expect_number(expect(body, "id").get("task_number") or 0)

    def create_project(self, title: str) -> RemoteProject:
        return read_project(self.transport.send("POST", "api/projects", body={"title": title}))

    def update_project(self, project_id: int, changes: Mapping[str, object]) -> RemoteProject:
        """Change fields of a project (Label Studio's names)."""
        return read_project(
            self.transport.send("PATCH", f"api/projects/{project_id}", body=dict(changes))
        )

    def validate_config(self, project_id: int, label_config: str) -> None:
        """Ask Label Studio whether the project can take this labeling config."""
        self.transport.send(
            "POST", f"api/projects/{project_id}/validate", body={"label_config": label_config}
        )

    # Storages

    def source_storages(self, project_id: int) -> list[Storage]:
        """Every source storage of a project, of whatever type."""
        found = listed(self.transport, "api/storages", {"project": project_id})
        return [read_storage(storage) for storage in found]

    def target_storages(self, project_id: int) -> list[Storage]:
        """Every target storage of a project, of whatever type."""
        found = listed(self.transport, "api/storages/export", {"project": project_id})
        return [read_storage(storage, target=True) for storage in found]

    def create_source_storage(self, project_id: int, fields: Mapping[str, object]) -> Storage:
        """Create a source storage of local files (Label Studio's field names)."""
        body = {"project": project_id, **fields}
        return read_storage(self.transport.send("POST", "api/storages/localfiles", body=body))

    def document_root(self, project_id: int) -> str | None:
        """The folder below which this server serves files, or None if it does not tell.

        Only a refusal names it: the file system's root can never be a storage.
        """
        path = "api/storages/localfiles/validate"
        try:
            self.transport.send("POST", path, body={"project": project_id, "path": "/"})
        except StudioRefused as error:
            found = re.search(r'LOCAL_FILES_DOCUMENT_ROOT="(.+?)"', error.cause)
            return found.group(1) if found else None
        return None

    def update_source_storage(self, storage: Storage, fields: Mapping[str, object]) -> Storage:
        """Change fields of a source storage (Label Studio's names).

        Label Studio saves the whole storage, its sync's status too: not for one that is syncing.
        """
        body = dict(fields)
        if storage.type == "localfiles":
            # Checked as if what is sent were the whole storage, so its path goes along.
            body = {"path": storage.path, **body}
        return read_storage(self.transport.send("PATCH", storage.address, body=body))

    def create_target_storage(self, project_id: int, title: str, path: str) -> Storage:
        """Create a target storage of local files."""
        body = {"project": project_id, "title": title, "path": path}
        answer = self.transport.send("POST", "api/storages/export/localfiles", body=body)
        return read_storage(answer, target=True)

    def storage(self, storage: Storage) -> Storage:
        """The detail view of a storage. The list view must not be asked during a sync: it turns a
        sync that has not shown itself for 25 s to `failed`, even a living one."""
        return read_storage(self.transport.get(storage.address), target=storage.target)

    def sync_storage(self, storage: Storage) -> Storage:
        """Start Label Studio's own sync and wait, however long, for its answer.

        Of a source storage it makes tasks; of a target storage it writes every annotation. Without
        a queue the server does all of it inside the request. An answer is not yet success: read
        `status`.
        """
        path = f"{storage.address}/sync"
        answer = self.transport.send("POST", path, body={}, read_seconds=None)
        return read_storage(answer, target=storage.target)

    # Tasks

    def tasks(
        self, project_id: int, image_key: str, *, after: int = 0, page_size: int = TASK_PAGE
    ) -> Iterator[Task]:
        """Every task of a project with an id above `after`, by rising id, read leanly.

        Raises NoAnswer if the server gives fewer than it says it has.
        """
        for item in tasks_by_id(self.transport, lean(project_id), after, page_size):
            yield read_task(item, image_key)

    def last_task(self, project_id: int, image_key: str) -> tuple[int, Task | None]:
        """How many tasks a project has, and the one with the highest id."""
        params = lean(project_id) | query(ordering=["-tasks:id"])
        tasks, total, _ = tasks_page(self.transport, params, 1)
        return total, read_task(tasks[0], image_key) if tasks else None

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
        drafted = self._drafted_tasks(project_id)
        params = {
            "project": project_id,
            "include": "id,data,total_annotations,cancelled_annotations,storage_filename",
            "resolve_uri": "false",
        }
        for item in tasks_by_id(self.transport, params, 0, TASK_PAGE):
            yield read_detail(item, image_key, drafted)

    def _drafted_tasks(self, project_id: int) -> frozenset[int]:
        """The ids of the tasks that somebody has begun to annotate."""
        params = {"project": project_id, "include": "id"}
        params |= query(column_filter("draft_exists", "equal", "Boolean", True))
        return frozenset(
            int(item["id"])
            for page in task_pages(self.transport, params, TASK_PAGE)
            for item in page
        )

    def delete_untouched(self, project_id: int, ids: Sequence[int]) -> None:
        """Delete those of the tasks `ids` that have no annotation, skip or draft.

        Label Studio looks at that itself, in the moment of deleting.
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
            },
        )

    def annotation_count(self, project_id: int) -> int:
        """How many annotations the project's tasks have, skipped ones not counted."""
        return tasks_page(self.transport, lean(project_id), 1)[2]

    def annotated_task_ids(self, project_id: int) -> list[int]:
        """The ids of the tasks that have an annotation."""
        labeled = column_filter("total_annotations", "greater", "Number", 0)
        params = lean(project_id) | query(labeled)
        return [
            int(item["id"])
            for page in task_pages(self.transport, params, TASK_PAGE)
            for item in page
            # A filter that the server does not understand is ignored without a word.
            if item.get("total_annotations")
        ]

    def annotation_ids(self, project_id: int) -> Iterator[int]:
        """The ids of a project's annotations, skipped ones too."""
        params = {"project": project_id, "fields": "all", "include": "id,annotations_ids"}
        for page in task_pages(self.transport, params | answered(), TASK_PAGE):
            for item in page:
                yield from map(int, filter(None, item["annotations_ids"].split(",")))

    def annotated_tasks(self, project_id: int) -> Iterator[dict[str, Any]]:
        """Every task that has an annotation or was skipped, whole, with its annotations."""
        params = {"project": project_id, "fields": "all", "resolve_uri": "false"} | answered()
        for page in task_pages(self.transport, params, ANNOTATED_PAGE):
            # A filter that the server does not understand is ignored without a word.
            yield from (item for item in page if item.get("annotations"))

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

    # Annotations

    def annotate(self, task_id: int, result: Sequence[Mapping[str, object]]) -> int:
        """Submit an annotation and return its id."""
        body = {"result": list(result)}
        answer = self.transport.send("POST", f"api/tasks/{task_id}/annotations/", body=body)
        return int(expect(answer, "id")["id"])

    # Predictions

    def model_versions(self, project_id: int) -> dict[str, int]:
        """Model version -> number of its predictions in the project."""
        body = self.transport.get(f"api/projects/{project_id}/model-versions/")
        return {str(name): expect_number(count) for name, count in expect(body).items()}

    def predictions(self, project_id: int, model_version: str) -> Iterator[tuple[int, int, float]]:
        """(prediction id, task id, score) for each prediction of a model version."""
        params = {"project": project_id, "model_version": model_version}
        for item in listed(self.transport, "api/predictions/", params):
            # A filter that the server does not know is ignored without a word.
            if item.get("model_version") == model_version:
                yield int(item["id"]), int(item["task"]), float(item.get("score") or 0.0)

    def import_predictions(
        self, project_id: int, predictions: Sequence[Mapping[str, object]], read_seconds: float
    ) -> int:
        """Create predictions (`task`, `score`, `model_version`, `result`); returns how many."""
        answer = self.transport.send(
            "POST",
            f"api/projects/{project_id}/import/predictions",
            body=list(predictions),
            read_seconds=read_seconds,
        )
        return expect_number(expect(answer, "created")["created"])

    def create_prediction(self, project_id: int, prediction: Mapping[str, object]) -> None:
        """Create one prediction."""
        body = {"project": project_id, **prediction}
        self.transport.send("POST", "api/predictions/", body=body)

    def delete_prediction(self, prediction_id: int) -> None:
        """Delete one prediction; one that is gone already is no error."""
        try:
            self.transport.send("DELETE", f"api/predictions/{prediction_id}/")
        except StudioRefused as error:
            if error.status != 404:
                raise

    def delete_model_version(self, project_id: int, model_version: str) -> int:
        """Delete every prediction of a model version; returns how many."""
        answer = self.transport.send(
            "DELETE",
            f"api/projects/{project_id}/model-versions/",
            body={"model_version": model_version},
            read_seconds=600,
        )
        return int(expect(answer or {}).get("deleted_predictions") or 0)

    # Views

    def views(self, project_id: int) -> list[View]:
        """The tabs of a project's Data Manager."""
        found = listed(self.transport, "api/dm/views/", {"project": project_id})
        return [View(int(view["id"]), view.get("data") or {}) for view in found]

    def save_view(self, project_id: int, data: Mapping[str, object], view_id: int | None) -> View:
        """Create a tab, or change the one with the id `view_id`."""
        path, method = ("api/dm/views/", "POST")
        if view_id is not None:
            path, method = f"api/dm/views/{view_id}/", "PATCH"
        body = {"project": project_id, "data": dict(data)}
        answer = self.transport.send(method, path, params={"project": project_id}, body=body)
        return View(expect(answer, "id")["id"], answer.get("data") or {})

    def view_tasks(self, project_id: int, view_id: int, count: int) -> list[tuple[int, float]]:
        """(task id, prediction score) of the first `count` tasks of a tab, in its order."""
        params = {"project": project_id, "view": view_id, "include": "id,predictions_score"}
        tasks, _, _ = tasks_page(self.transport, params, count)
        return [(int(t["id"]), float(t.get("predictions_score") or 0.0)) for t in tasks]
