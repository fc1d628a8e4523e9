"""Annotations that other servers made: never written over, and brought back as they were.

Label Studio names an annotation's file by its number, and a new server begins at 1: in a folder
that a former server filled, it writes over that one's files. And its import makes new tasks, new
numbers and new times. So a file of another server is set aside before ours is written; and
`URL` gives all annotations of a project in little time, and takes some in, onto tasks that are
there, with the numbers that are free and with their times.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from datetime import datetime
from typing import Any

from .patches import Closed, answer_at, patch, project_of, takes

# What the name of a file begins with that was set aside: labelpilot reads it as no annotation of
# this server.
FORMER = "former-"
URL = "api/labelpilot/annotations"
# As many annotations are given at once.
PAGE = 5000
# SQLite does so by itself. No number is given twice, so it never goes down.
_NEXT_NUMBER = """
    SELECT setval(name, GREATEST(nextval(name), (SELECT MAX(id) FROM task_completion)))
    FROM pg_get_serial_sequence('task_completion', 'id') AS name
"""


@patch(
    "labels-of-others",
    "Labels of another Label Studio come back with new numbers and the time of now.",
)
def keep_labels_of_others() -> None:
    """Set files of another server aside before ours are written, and take their labels back."""
    give_and_take()
    guard_files()


def guard_files() -> None:
    """Set a file of another server aside before ours is written, and never delete one."""
    from io_storages.localfiles.models import LocalFilesExportStorage as Storage
    from io_storages.localfiles.models import LocalFilesExportStorageLink as Link

    takes(Storage.save_annotation, "self", "annotation")
    takes(Storage.delete_annotation, "self", "annotation")
    save, delete, get_key = Storage.save_annotation, Storage.delete_annotation, Link.get_key

    def save_annotation(self: Any, annotation: Any) -> Any:
        path = os.path.join(self.path, get_key(annotation))
        if os.path.lexists(path) and (content := _content_of_other(path, annotation)) is not None:
            _set_aside(path, content, annotation)
        return save(self, annotation)

    def delete_annotation(self: Any, annotation: Any) -> Any:
        path = os.path.join(self.path, get_key(annotation))
        if os.path.lexists(path) and _content_of_other(path, annotation) is not None:
            return None
        return delete(self, annotation)

    Storage.save_annotation = save_annotation
    Storage.delete_annotation = delete_annotation


def _content_of_other(path: str, annotation: Any) -> bytes | None:
    """What a file holds that was not written for `annotation` or its task; None of one that was.

    A link was not written by Label Studio, and would have it write somewhere else.
    """
    if os.path.islink(path):
        return os.fsencode(os.readlink(path))
    if not stat.S_ISREG(os.lstat(path).st_mode):
        # A pipe waits for ever, whoever opens it.
        return b"no file"
    with open(path, "rb") as file:
        content = file.read()
    document = _document(content)
    several = isinstance(document.get("annotations"), list)
    its = _is_of(document, annotation.task if several else annotation)
    return None if its or not content else content


def _document(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _is_of(document: Any, row: Any) -> bool:
    """Whether JSON speaks of this very row: number and birth tell."""
    try:
        its: bool = document["id"] == row.id and _moment(document["created_at"]) == row.created_at
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    return its


def _set_aside(path: str, content: bytes, annotation: Any) -> None:
    """Rename the file by what it holds: nothing is written over, and twice is as once.

    It is hidden where no label of another server can be in it: where half of it was written, where
    it is no file, or where it is of an annotation that was deleted from this very project.
    """
    document, tasks = _document(content), type(annotation.task).objects
    task = document.get("task")
    number = task.get("id") if isinstance(task, dict) else None
    ours = tasks.filter(project_id=annotation.project_id, id=number or 0).first()
    hidden = "." if not document or (ours is not None and _is_of(task, ours)) else ""
    folder, name = os.path.split(path)
    mark = hashlib.sha256(content).hexdigest()[:8]
    os.replace(path, os.path.join(folder, f"{hidden}{FORMER}{name}-{mark}"))


def _moment(text: str) -> datetime:
    # Python 3.10 reads no Z.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def give_and_take() -> None:
    """Give and take annotations at `URL`."""
    from django.db import connection, transaction
    from django.db.models.query import QuerySet
    from io_storages.localfiles.models import LocalFilesExportStorageLink as Link
    from projects.models import Project
    from rest_framework.response import Response
    from rest_framework.views import APIView
    from tasks.models import Annotation, Task

    takes(Project._update_tasks_counters_and_is_labeled, "self", "task_ids", "from_scratch")
    if "raw" not in QuerySet._insert.__code__.co_varnames:
        raise Closed("Django inserts no rows as they are")
    columns = "id task_id created_at completed_by__email was_cancelled".split()

    def insert(annotations: Any, fields: Any) -> None:
        """Rows as they are: what Django would set (times) is set already."""
        size = max(connection.ops.bulk_batch_size(fields, annotations), 1)
        for start in range(0, len(annotations), size):
            some = annotations[start : start + size]
            rows = Annotation.objects.all()._insert(
                some, fields, returning_fields=[Annotation._meta.pk], raw=True
            )
            for annotation, (number,) in zip(some, rows, strict=True):
                annotation.pk = number

    class Annotations(APIView):  # type: ignore[misc]
        schema = None

        def get(self, request: Any) -> Any:
            """Annotations with a number above `after`: the columns, and with `result` that."""
            wanted = [*columns, "result"] if "result" in request.query_params else columns
            after = int(request.query_params.get("after", 0))
            found = Annotation.objects.filter(project=project_of(self, request), id__gt=after)
            return Response({"annotations": list(found.order_by("id").values_list(*wanted)[:PAGE])})

        def post(self, request: Any) -> Any:
            """Take annotations in, all or none; returns their numbers.

            Each is an object with `task`, `result`, `email`, `was_cancelled`, `ground_truth`,
            `lead_time`, `created_at`, `updated_at`; with `id` it gets that number where it is free;
            with `filed`, a file of this name and number holds it already.
            """
            project, items = project_of(self, request), request.data["annotations"]
            with transaction.atomic():
                made = self._made(project, items, request.user)
                tasks = sorted({annotation.task_id for annotation in made})
                project._update_tasks_counters_and_is_labeled(tasks)
                summary = type(project.summary).objects.select_for_update().get(project=project)
                summary.update_created_annotations_and_labels(made)
                # Before the rows are there for good: a file without its row is set aside later, a
                # row without its file would be missed.
                for storage in project.io_storages_localfilesexportstorages.all():
                    self._file(storage, made, items)
            return Response({"ids": [annotation.pk for annotation in made]}, status=201)

        def _file(self, storage: Any, made: Any, items: Any) -> None:
            links = []
            for annotation, item in zip(made, items, strict=True):
                if item.get("filed") and annotation.pk == item["id"]:
                    links.append(Link(annotation=annotation, storage=storage))
                else:
                    storage.save_annotation(annotation)
            Link.objects.bulk_create(links)

        def _made(self, project: Any, items: Any, asking: Any) -> Any:
            tasks = set(
                Task.objects.filter(
                    project=project, id__in={item["task"] for item in items}
                ).values_list("id", flat=True)
            )
            members = project.organization.users.all()
            people = {user.email: user.pk for user in members}
            numbers = {item["id"] for item in items if item.get("id")}
            used = Annotation.objects.filter(id__in=numbers).values_list("id", flat=True)
            taken = set(used)
            made = []
            for item in items:
                if item["task"] not in tasks:
                    raise Task.DoesNotExist(f"No task {item['task']} in project {project.pk}.")
                number = item.get("id")
                number = None if number in taken else number
                taken.add(number)
                result = item["result"]
                made.append(
                    Annotation(
                        id=number,
                        task_id=item["task"],
                        project=project,
                        result=result,
                        result_count=len({one.get("id") for one in result}),
                        completed_by_id=people.get(item["email"], asking.pk),
                        was_cancelled=item["was_cancelled"],
                        ground_truth=item["ground_truth"],
                        lead_time=item["lead_time"],
                        import_id=item.get("id"),
                        created_at=_moment(item["created_at"]),
                        updated_at=_moment(item["updated_at"]),
                    )
                )
            fields = Annotation._meta.concrete_fields
            insert([one for one in made if one.pk], fields)
            if connection.vendor == "postgresql":
                with connection.cursor() as cursor:
                    cursor.execute(_NEXT_NUMBER)
            unnumbered = [field for field in fields if field != Annotation._meta.pk]
            insert([one for one in made if not one.pk], unnumbered)
            return made

    answer_at(URL, Annotations)
