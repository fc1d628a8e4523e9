"""Tasks whose images have moved: many at once are given the data that names them by now."""

from __future__ import annotations

from typing import Any

from .patches import Closed, patch, takes

# Written by one statement.
BATCH = 500


@patch("moved-images", "Tasks follow images that have moved one by one, which takes its time.")
def repoint_many() -> None:
    """Add an action of the Data Manager, not shown there, that changes the data of its tasks.

    `data` of the request is task id -> its data.
    """
    from data_manager.actions import register_action
    from django.conf import settings
    from django.db import transaction
    from django.utils import timezone
    from tasks.models import Task

    takes(register_action, "entry_point", "title", "order", "kwargs")
    if "delete_tasks" not in settings.DATA_MANAGER_ACTIONS:
        raise Closed("actions are registered in another way")

    def labelpilot_repoint(project: Any, queryset: Any, **kwargs: Any) -> dict[str, int]:
        data = kwargs["request"].data["data"]
        with transaction.atomic():
            tasks = list(Task.objects.filter(pk__in=queryset.values("pk")).only("pk", "data"))
            for task in tasks:
                task.data = data[str(task.pk)]
                # What a change of one task sets by itself.
                task.updated_at = timezone.now()
            Task.objects.bulk_update(tasks, ["data", "updated_at"], batch_size=BATCH)
        return {"processed_items": len(tasks)}

    # Who may take tasks away may change them.
    permission = settings.DATA_MANAGER_ACTIONS["delete_tasks"]["permission"]
    register_action(labelpilot_repoint, "Re-point", 0, permission=permission, hidden=True)
