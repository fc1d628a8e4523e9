"""What annotations, drafts and predictions say, listed and changed many at once, and nothing else
of them: their times and whose they are stay as they were.

Label Studio's own change of an annotation makes it the one that was changed last, by whoever asks,
and throws away what somebody has begun to change in it.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from .patches import answer_at, patch, project_of, takes

URL = "api/labelpilot/results"
# As many are given at once.
PAGE = 5000
# Written by one statement.
BATCH = 500
# What of them can be changed.
FIELDS = {
    "annotations": frozenset(("result", "ground_truth")),
    "drafts": frozenset(("result",)),
    "predictions": frozenset(("result",)),
}


@patch(
    "results",
    "A class that is renamed, or a conflict that is settled, sets its annotations' times to now.",
)
def list_and_change_results() -> None:
    """Answer for `URL`: `project` and `kind` say what of."""
    from django.db import transaction
    from io_storages.localfiles.models import LocalFilesExportStorage as Storage
    from projects.models import ProjectSummary
    from rest_framework.response import Response
    from rest_framework.views import APIView
    from tasks.models import Annotation, AnnotationDraft, Prediction

    takes(ProjectSummary._get_labels, "self", "result")
    takes(Storage.save_annotation, "self", "annotation")
    models = {"annotations": Annotation, "drafts": AnnotationDraft, "predictions": Prediction}

    class Results(APIView):  # type: ignore[misc]
        schema = None

        def found(self, request: Any) -> tuple[Any, str, Any]:
            """The project, the kind, and all of that kind."""
            project = project_of(self, request)
            kind = request.query_params.get("kind", "annotations")
            return project, kind, models[kind].objects.filter(task__project=project)

        def get(self, request: Any) -> Any:
            """(number, task, result) of those with a number above `after`."""
            _, _, found = self.found(request)
            after = int(request.query_params.get("after", 0))
            rows = found.filter(id__gt=after).order_by("id")
            return Response({"results": list(rows.values_list("id", "task", "result")[:PAGE])})

        def post(self, request: Any) -> Any:
            """Change `changes`, each an `id`, what of it `was` so, and what it is `now`: those that
            are still as they were. Returns their numbers."""
            project, kind, found = self.found(request)
            wanted = {one["id"]: one for one in request.data["changes"]}
            if any(one["now"].keys() - FIELDS[kind] for one in wanted.values()):
                raise ValueError(f"Of {kind}, only {', '.join(FIELDS[kind])} can be changed.")
            with transaction.atomic():
                summary = ProjectSummary.objects.select_for_update().get(project=project)
                rows = [
                    row
                    for row in found.select_for_update(of=("self",)).filter(id__in=wanted)
                    if all(getattr(row, f) == v for f, v in wanted[row.pk]["was"].items())
                ]
                before = _counted(summary, rows)
                for row in rows:
                    for field, value in wanted[row.pk]["now"].items():
                        setattr(row, field, value)
                models[kind].objects.bulk_update(rows, sorted(FIELDS[kind]), batch_size=BATCH)
                if kind == "annotations":
                    after = _counted(summary, rows)
                    summary.created_labels = _changed(summary.created_labels, before, after)
                    summary.save(update_fields=["created_labels"])
                    for storage in project.io_storages_localfilesexportstorages.all():
                        for row in rows:
                            storage.save_annotation(row)
                elif kind == "drafts":
                    # Label Studio counts a draft again whenever it is saved.
                    summary.created_labels_drafts = _changed(
                        {}, Counter(), _counted(summary, found)
                    )
                    summary.save(update_fields=["created_labels_drafts"])
            return Response({"ids": [row.pk for row in rows]})

    answer_at(URL, Results)


def _counted(summary: Any, rows: Any) -> Counter[tuple[str, str]]:
    """(control, label) -> how often the results of `rows` name it, as the project counts."""
    return Counter(
        (result["from_name"], label)
        for row in rows
        for result in (row.result if isinstance(row.result, list) else ())
        if isinstance(result, dict) and "from_name" in result and "value" in result
        for label in summary._get_labels(result)
    )


def _changed(
    labels: dict[str, dict[str, int]],
    before: Counter[tuple[str, str]],
    after: Counter[tuple[str, str]],
) -> dict[str, dict[str, int]]:
    """The project's counts of labels, once those of some annotations are other ones."""
    counts = Counter({(name, one): n for name, ones in labels.items() for one, n in ones.items()})
    counts.update(after)
    counts.subtract(before)
    found: dict[str, dict[str, int]] = {}
    for (name, label), count in counts.items():
        if count > 0:
            found.setdefault(name, {})[label] = count
    return found
