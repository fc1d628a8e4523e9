"""What takes Label Studio long where a project has many tasks: to order them, and to count them.

Each answer is the same as before; only the way to it is another.
"""

from __future__ import annotations

from typing import Any

from .patches import Closed, patch, takes


@patch(
    "ordered-by-score",
    "In a large project, the round's tab and the next image of it take seconds to come.",
)
def order_by_score() -> None:
    """Look a task's score up where it is asked for, and begin an order with those that have one.

    Stock Label Studio joins all tasks with all predictions, groups what comes of it by every
    column, and sorts it, for one page and for the next image alike.
    """
    from data_manager import managers
    from data_manager.api import TaskPagination
    from django.conf import settings
    from django.core.paginator import Paginator
    from django.db.models import Avg, OuterRef, Subquery
    from projects.models import Project
    from tasks.models import Prediction

    known = settings.DATA_MANAGER_ANNOTATIONS_MAP
    stock = managers.annotate_predictions_score
    takes(stock, "queryset")
    if known["predictions_score"] is not stock:
        raise Closed("another function stands in its place")
    if TaskPagination.django_paginator_class is not Paginator:
        raise Closed("pages are cut in another way")
    for field in ("task", "project", "model_version", "score"):
        Prediction._meta.get_field(field)
    Project._meta.get_field("ml_backends")

    def annotate_predictions_score(queryset: Any) -> Any:
        first = queryset.only("project").first()
        # With a backend, its versions can count.
        if first is None or first.project.ml_backends.exists():
            return stock(queryset)
        version = first.project.model_version
        its = {} if version is None else {"model_version": version}
        of_task = Prediction.objects.filter(task=OuterRef("pk"), **its).order_by()
        score = of_task.values("task").annotate(mean=Avg("score")).values("mean")
        found = queryset.annotate(predictions_score=Subquery(score))
        scored = Prediction.objects.filter(project=first.project, score__isnull=False, **its)
        # What is made of a query keeps what it has.
        found.query.scored = scored.values("task")
        return found

    class Pages(Paginator):  # type: ignore[misc]
        def page(self, number: Any) -> Any:
            number = self.validate_number(number)
            first = number * self.per_page - self.per_page
            scored = scored_ones(self.object_list)
            page = [] if scored is None else list(scored[first : first + self.per_page])
            if len(page) < self.per_page:
                return super().page(number)
            return self._get_page(page, number, self)

    known["predictions_score"] = annotate_predictions_score
    TaskPagination.django_paginator_class = Pages


def scored_ones(tasks: Any) -> Any:
    """Those of `tasks` with which their order begins, as they have a score; None where it does not
    begin with such."""
    from django.db.models import F

    scored = getattr(tasks.query, "scored", None)
    falling = F("predictions_score").desc(nulls_last=True)
    if scored is None or tuple(tasks.query.order_by)[:1] != (falling,):
        return None
    return tasks.filter(pk__in=scored)


@patch("counted-at-once", "In a large project, each page of Label Studio's takes seconds to come.")
def count_at_once() -> None:
    """Count tasks by an index, where stock joins all of them, and compares their every column."""
    from django.db.models import Count, OuterRef, Q, Subquery
    from django.db.models.functions import Coalesce
    from projects.functions import annotate_finished_task_number
    from projects.models import ProjectManager
    from projects.serializers import ProjectSerializer
    from tasks.models import Annotation, Task

    serializer: Any = ProjectSerializer
    takes(serializer.get_queue_total, "self", "project")
    takes(serializer.get_queue_done, "self", "project")
    for field in ("task", "completed_by", "was_cancelled"):
        Annotation._meta.get_field(field)
    Task._meta.get_field("is_labeled")
    counters: Any = ProjectManager.ANNOTATED_FIELDS
    if counters["finished_task_number"] is not annotate_finished_task_number:
        raise Closed("another function stands in its place")

    def count_finished(queryset: Any) -> Any:
        finished = Task.objects.filter(project=OuterRef("id"), is_labeled=True).order_by()
        number = finished.values("project").annotate(number=Count("pk")).values("number")
        return queryset.annotate(finished_task_number=Coalesce(Subquery(number), 0))

    def of_person(self: Any, project: Any) -> Any:
        return Annotation.objects.filter(task__project=project, completed_by=self.user_id)

    def get_queue_total(self: Any, project: Any) -> int:
        own = of_person(self, project).values("task")
        return int(project.tasks.filter(Q(is_labeled=False) | Q(pk__in=own)).count())

    def get_queue_done(self: Any, project: Any) -> int:
        own = of_person(self, project)
        if project.skip_queue == project.SkipQueue.REQUEUE_FOR_ME:
            own = own.filter(was_cancelled=False)
        return int(own.values("task").distinct().count())

    counters["finished_task_number"] = count_finished
    serializer.get_queue_total = get_queue_total
    serializer.get_queue_done = get_queue_done


@patch("version-at-once", "To take a round's scores back takes minutes where they are many.")
def delete_at_once() -> None:
    """Delete a model version's predictions by few statements, where stock writes each task anew."""
    from django.db import transaction
    from django.db.models import Count, OuterRef, Q, Subquery
    from django.db.models.functions import Coalesce
    from projects.models import Project
    from tasks.models import Annotation, Prediction, PredictionMeta, Task

    project: Any = Project
    takes(project.delete_predictions, "self", "model_version")
    takes(project.should_none_model_version, "self", "model_version")
    # What else hangs on a prediction, and goes or is told.
    if {one.related_model for one in Prediction._meta.related_objects} != {
        Annotation,
        PredictionMeta,
    }:
        raise Closed("something else hangs on a prediction")
    Task._meta.get_field("total_predictions")

    def delete_predictions(self: Any, model_version: str | None = None) -> dict[str, int]:
        which = Q(project=self)
        if model_version:
            which &= Q(model_version=model_version)
        gone = Prediction.objects.filter(which)
        others = Prediction.objects.filter(~which, task=OuterRef("pk")).order_by()
        left = others.values("task").annotate(number=Count("pk")).values("number")
        with transaction.atomic():
            if self.should_none_model_version(model_version):
                self.model_version = None
                self.save(update_fields=["model_version"])
            count = gone.count()
            Task.objects.filter(pk__in=gone.values("task")).update(
                total_predictions=Coalesce(Subquery(left), 0)
            )
            Annotation.objects.filter(parent_prediction__in=gone).update(parent_prediction=None)
            PredictionMeta.objects.filter(prediction__in=gone).delete()
            gone._raw_delete(gone.db)
        return {"deleted_predictions": count}

    project.delete_predictions = delete_predictions
