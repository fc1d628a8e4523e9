"""Projects: their settings and labeling configs."""

from __future__ import annotations

from collections.abc import Mapping

from core.studio.client.connection import Connection
from core.studio.expected import expect, expect_number
from core.studio.listings import pages
from core.studio.models import RemoteProject, read_project
from core.workspace.settings import Sampling

SAMPLINGS: dict[Sampling, str] = {
    "random": "Uniform sampling",
    "sequential": "Sequential sampling",
    "uncertainty": "Uncertainty sampling",
    # The first images are chosen and published as a round; what is beyond them comes at random.
    "coverage": "Uniform sampling",
}
# What `RemoteProject` holds: the other fields take the server twice as long to count up.
PROJECT_FIELDS = {"include": "id,title,label_config,sampling,model_version,task_number,created_at"}


class ProjectCalls(Connection):
    """Projects: their settings and labeling configs."""

    def find_projects(self, title: str) -> list[RemoteProject]:
        """The projects with exactly this title, oldest first."""
        found = []
        for page in pages(self.transport, "api/projects/", {"title": title, **PROJECT_FIELDS}, 100):
            found += [read_project(item) for item in page if item.get("title") == title]
        return sorted(found, key=lambda project: project.id)

    def project(self, project_id: int) -> RemoteProject:
        return read_project(self.transport.get(f"api/projects/{project_id}/", PROJECT_FIELDS))

    def task_count(self, project_id: int) -> int:
        """How many tasks a project has, in the cheapest way."""
        body = self.transport.get(f"api/projects/{project_id}/", {"include": "id,task_number"})
        return expect_number(expect(body, "id").get("task_number") or 0)

    def create_project(self, title: str) -> RemoteProject:
        return read_project(self.transport.send("POST", "api/projects/", body={"title": title}))

    def update_project(self, project_id: int, changes: Mapping[str, object]) -> RemoteProject:
        """Change fields of a project (Label Studio's names)."""
        return read_project(
            self.transport.send("PATCH", f"api/projects/{project_id}/", body=dict(changes))
        )

    def validate_config(self, project_id: int, label_config: str) -> None:
        """Ask Label Studio whether the project can take this labeling config."""
        self.transport.send(
            "POST", f"api/projects/{project_id}/validate/", body={"label_config": label_config}
        )
