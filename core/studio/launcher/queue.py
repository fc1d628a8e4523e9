"""Images that somebody labels elsewhere than in a browser: several at once, so that the next ones
can be fetched ahead, and none of them is anybody else's.

The locks of Label Studio's own say so to all others, who are served by the label stream's queue. A
page holds one image for a day; a session holds some for minutes, and says again and again that it
is still there.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from .patches import Closed, answer_at, patch, project_of, takes
from .stream import HELD, ONE_AT_A_TIME, SECONDS, held_by, keep_locks, next_image

URL = "api/labelpilot/queue"
MOST = 1_000


@patch("queue", "Who labels in the terminal can get an image that somebody else has open.")
def hold_images() -> None:
    """Give and take back images at `URL`."""
    from data_manager.prepare_params import PrepareParams
    from django.utils.timezone import now
    from rest_framework.response import Response
    from rest_framework.views import APIView
    from tasks.models import Task, TaskLock

    takes(Task.has_lock, "self", "user")
    if not {"project", "filters", "ordering", "selectedItems"} <= set(PrepareParams.model_fields):
        raise Closed("lists are asked for in another way")

    class Queue(APIView):  # type: ignore[misc]
        schema = None

        def post(self, request: Any) -> Any:
            """Have `session` hold those of `tasks` that it still can, no others, and `more` that
            come next. Returns them as (id, data, how many annotations)."""
            project, user = project_of(self, request), request.user
            wanted = [int(number) for number in request.data["tasks"][:MOST]]
            key = (user.pk, str(request.data["session"]))
            with ONE_AT_A_TIME:
                keep_locks()
                tasks = Task.objects.filter(project=project).in_bulk(wanted)
                HELD.pop(key, None)
                others = held_by(user)
                held = [
                    tasks[number]
                    for number in wanted
                    if number in tasks and number not in others and is_free(tasks[number], user)
                ]
                locks = TaskLock.objects.filter(user=user, task__project=project)
                locks.exclude(task__in={*others, *(task.pk for task in held)}).delete()
                hold(key, held)
                for _ in range(min(int(request.data.get("more", 0)), MOST)):
                    task = next_image(project, user)
                    if task is None:
                        break
                    held.append(task)
                    hold(key, held)
                until = now() + timedelta(seconds=SECONDS)
                for task in held:
                    locks.update_or_create(task=task, user=user, defaults={"expire_at": until})
                if not held:
                    HELD.pop(key, None)
            return Response({"tasks": [[one.pk, one.data, one.total_annotations] for one in held]})

    def hold(key: Any, tasks: Any) -> None:
        HELD[key] = (time.monotonic() + SECONDS, frozenset(task.pk for task in tasks))

    def is_free(task: Any, user: Any) -> bool:
        done = task.is_labeled or task.annotations.filter(completed_by=user).exists()
        return not done and not task.has_lock(user)

    answer_at(URL, Queue)
