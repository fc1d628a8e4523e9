"""Which image is labeled next, and by whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.errors import StudioRefused
from core.studio.client.connection import Connection
from core.studio.expected import expect
from core.studio.listings import column_filter, lean, query, tasks_page
from core.studio.models import Task, read_task, read_tasks

# Where labelpilot's own server gives images to be labeled elsewhere than in a browser.
_QUEUE = "api/labelpilot/queue"


class QueueCalls(Connection):
    """Which image is labeled next, and by whom."""

    def hold(
        self, project_id: int, image_key: str, session: str, tasks: Sequence[int], more: int
    ) -> list[Task] | None:
        """Have `session` hold those of `tasks` that nobody else has, and `more` that come next, in
        the label stream's order; None where the server cannot: labelpilot's own can."""
        body = {"session": session, "tasks": list(tasks), "more": more}
        try:
            answer = self.transport.send("POST", _QUEUE, params={"project": project_id}, body=body)
        except StudioRefused as error:
            if error.status != 404:
                raise
            return None
        return read_tasks(expect(answer, "tasks")["tasks"], image_key)

    def to_label(
        self,
        project_id: int,
        image_key: str,
        account: int,
        shown: dict[str, Any],
        count: int,
        page: int = 1,
    ) -> tuple[list[Task], int]:
        """A page of `count` of those tasks that a tab has `shown` and that `account` neither
        labeled nor skipped, and how many those are."""
        items = (shown.get("filters") or {}).get("items") or []
        mine = column_filter("annotators", "not_contains", "List", account)
        params = lean(project_id) | query(*items, mine, ordering=shown.get("ordering") or ())
        try:
            tasks, total, _ = tasks_page(self.transport, {**params, "page": page}, count)
        except StudioRefused as error:
            # Behind the last page, which others may have made another one meanwhile.
            if page == 1 or error.status != 404:
                raise
            return [], 0
        return [read_task(task, image_key) for task in tasks], total
