"""The Data Manager's tabs."""

from __future__ import annotations

from collections.abc import Mapping

from core.studio.client.connection import Connection
from core.studio.listings import listed, tasks_page
from core.studio.models import View, read_columns, read_score, read_view


class ViewCalls(Connection):
    """The Data Manager's tabs."""

    def views(self, project_id: int) -> list[View]:
        """The tabs of a project's Data Manager."""
        found = listed(self.transport, "api/dm/views/", {"project": project_id})
        return [read_view(view) for view in found]

    def save_view(self, project_id: int, data: Mapping[str, object], view_id: int | None) -> View:
        """Create a tab, or change the one with the id `view_id`."""
        path, method = ("api/dm/views/", "POST")
        if view_id is not None:
            path, method = f"api/dm/views/{view_id}/", "PATCH"
        body = {"project": project_id, "data": dict(data)}
        answer = self.transport.send(method, path, params={"project": project_id}, body=body)
        return read_view(answer)

    def view_tasks(self, project_id: int, view_id: int, count: int) -> list[tuple[int, float]]:
        """(task id, prediction score) of the first `count` tasks of a tab, in its order."""
        params = {"project": project_id, "view": view_id, "include": "id,predictions_score"}
        tasks, _, _ = tasks_page(self.transport, params, count)
        return [read_score(task) for task in tasks]

    def columns(self, project_id: int) -> frozenset[str]:
        """The names of the columns that a tab of the project can show or hide."""
        return read_columns(self.transport.get("api/dm/columns/", {"project": project_id}))

    def delete_view(self, project_id: int, view_id: int) -> None:
        """Delete a tab; one that is gone already is no error."""
        self.delete(f"api/dm/views/{view_id}/", {"project": project_id})
