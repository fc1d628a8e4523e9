"""A project's tasks, told in little time: whether they are as they were, and those that are not.

The Data Manager takes minutes to list a million tasks. At `URL` one statement sums them up by
ranges of their numbers, and the tasks of some ranges are given as they lie in the database. At
`ANSWERS` stands which annotations there are, and nothing else of them.
"""

from __future__ import annotations

import zlib
from typing import Any

from .patches import Closed, answer_at, patch, project_of

URL = "api/labelpilot/tasks"
ANSWERS = "api/labelpilot/answers"
# As many annotations are given at once.
PAGE = 50_000
# What is summed up changes with a task's image and with its labels. That a sum is the same all the
# same is a matter of one in four thousand million.
_SUMS = {
    "sqlite": """
        SELECT id / %s, COUNT(*),
            SUM(labelpilot_sum(CAST(id || ' ' || total_annotations || ' ' || data AS BLOB)))
        FROM task WHERE project_id = %s GROUP BY 1 ORDER BY 1
    """,
    "postgresql": """
        SELECT id / %s, COUNT(*),
            SUM(hashtext(concat_ws(' ', id, total_annotations, data))::bigint)
        FROM task WHERE project_id = %s GROUP BY 1 ORDER BY 1
    """,
}


@patch("tasks-at-once", "Which tasks have changed is asked in a way that takes longer.")
def tell_of_tasks() -> None:
    """Tell of a project's tasks at `URL`, and of their annotations at `ANSWERS`."""
    from django.db import connection
    from rest_framework.response import Response
    from rest_framework.views import APIView
    from tasks.models import Annotation, Task

    for field in ("task", "was_cancelled"):
        Annotation._meta.get_field(field)
    fields = {field.column for field in Task._meta.concrete_fields}
    known = {"id", "project_id", "data", "total_annotations"} <= fields
    if Task._meta.db_table != "task" or not known or connection.vendor not in _SUMS:
        raise Closed("it keeps its tasks in another way")

    class Tasks(APIView):  # type: ignore[misc]
        schema = None

        def get(self, request: Any) -> Any:
            """With `ranges`, numbers with commas between: their tasks as (id, data, how many
            annotations). Without: of each range that holds a task, (its number, how many, a
            sum that changes with each). A range holds `width` numbers of tasks."""
            query = request.query_params
            project = project_of(self, request)
            width = int(query["width"])
            if "ranges" not in query:
                return Response({"ranges": self._summed_up(project, width)})
            wanted = sorted(int(number) for number in query["ranges"].split(","))
            tasks = Task.objects.filter(project=project).order_by("id")
            rows: list[Any] = []
            for first, last in _spans(wanted):
                within = tasks.filter(id__gte=first * width, id__lt=(last + 1) * width)
                rows += within.values_list("id", "data", "total_annotations")
            return Response({"tasks": rows})

        def _summed_up(self, project: Any, width: int) -> list[Any]:
            with connection.cursor() as cursor:
                if connection.vendor == "sqlite":
                    connection.connection.create_function(
                        "labelpilot_sum", 1, zlib.crc32, deterministic=True
                    )
                cursor.execute(_SUMS[connection.vendor], [width, project.pk])
                return [(number, tasks, int(total)) for number, tasks, total in cursor.fetchall()]

    class Answers(APIView):  # type: ignore[misc]
        schema = None

        def get(self, request: Any) -> Any:
            """(number, task, whether it is a skip) of the annotations with a number above
            `after`."""
            after = int(request.query_params["after"])
            found = Annotation.objects.filter(task__project=project_of(self, request), id__gt=after)
            rows = found.order_by("id").values_list("id", "task", "was_cancelled")[:PAGE]
            return Response({"answers": list(rows)})

    answer_at(URL, Tasks)
    answer_at(ANSWERS, Answers)


def _spans(numbers: list[int]) -> list[tuple[int, int]]:
    """Rising numbers as the first and the last of each run without a gap."""
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return spans
