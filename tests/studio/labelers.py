"""People who label, as their pages ask and answer: several at once, in browsers that remember
something else, on any Label Studio."""

from __future__ import annotations

import contextlib
import itertools
import re
import secrets
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from core.labeling.item import LabelItem
from core.labeling.outbox import Outbox, whose
from core.labeling.session import LabelSession
from core.labeling.stream import save_view
from core.studio.client import StudioClient
from core.studio.project import OpenProject
from core.workspace.settings import Workspace, load_workspace

CONFIG = """<View><Image name="image" value="$image"/>
<Choices name="kind" toName="image"><Choice value="a"/><Choice value="b"/></Choices></View>"""
RESULT = {"from_name": "kind", "to_name": "image", "type": "choices", "value": {"choices": ["a"]}}
# What a browser can remember in `localStorage["dm:labelstream:mode"]`; None for nothing yet.
REMEMBERED = (None, "all", "filtered")
PASSWORD = "a long password"
# A picture that every Label Studio serves.
PICTURE = "/static/images/heidi.png"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Project:
    """A project whose images are one picture each, told apart by a number in its address."""

    client: StudioClient
    id: int
    tasks: tuple[int, ...]

    def publish(self, tasks: Sequence[int], version: str = "v1") -> int:
        """Give `tasks` falling scores, as a round does; returns the tab with their order."""
        scored = [
            {"task": task, "score": 1 - place / 1000, "model_version": version, "result": [RESULT]}
            for place, task in enumerate(tasks)
        ]
        assert self.client.import_predictions(self.id, scored, 60) == len(tasks)
        remote = self.client.update_project(self.id, {"model_version": version})
        return save_view(OpenProject(Workspace(Path()), self.client, remote))


def make_project(client: StudioClient, count: int, sampling: str = "Uniform sampling") -> Project:
    """A project with `count` tasks."""
    made = client.create_project(f"Labelers {next(_numbers)}")
    client.update_project(made.id, {"label_config": CONFIG, "sampling": sampling})
    images = [{"image": f"{PICTURE}?n={number}"} for number in range(count)]
    return Project(client, made.id, tuple(client.import_tasks(made.id, images, 60)))


class Labeler:
    """Somebody who signed up by invitation, and is signed in as in a browser."""

    def __init__(self, client: StudioClient, name: str) -> None:
        self.email = f"{name}-{secrets.token_hex(4)}@example.com"
        self.http = httpx.Client(base_url=client.url, timeout=60, headers={"Origin": client.url})
        invited = client.transport.get("api/invite")["invite_url"]
        page = self.http.get(invited)
        (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)[:1]
        form = {"csrfmiddlewaretoken": token, "email": self.email, "password": PASSWORD}
        signed_up = self.http.post(invited, data=form)
        assert signed_up.status_code == 302, signed_up.text
        self._tabs: dict[int | None, dict[str, Any]] = {None: {}}

    def ask(
        self,
        project: Project,
        tab: int | None = None,
        remembered: str | None = None,
        selected: Sequence[int] = (),
    ) -> tuple[int, str] | None:
        """The task that the page gets next, and the queue from which it comes; None at the end."""
        parameters: dict[str, Any] = {"id": "next_task", "project": project.id}
        body: dict[str, Any] = {"project": str(project.id)}
        if tab is not None:
            parameters["tabID"] = tab
        if remembered != "all":
            shown = self._shown(tab)
            body |= {
                "ordering": shown.get("ordering", []),
                "filters": shown.get("filters", {"conjunction": "and", "items": []}),
            }
        if remembered is None:
            body["selectedItems"] = {"all": False, "included": list(selected)}
        answer = self.http.post("/api/dm/actions", params=parameters, json=body)
        if answer.status_code == 404:
            return None
        task = answer.raise_for_status().json()
        return int(task["id"]), str(task["queue"])

    def _shown(self, tab: int | None) -> dict[str, Any]:
        """What the page knows of its tab since it was opened."""
        if tab not in self._tabs:
            answer = self.http.get(f"/api/dm/views/{tab}").raise_for_status()
            self._tabs[tab] = answer.json()["data"]
        return self._tabs[tab]

    def label(self, task: int, *, skipped: bool = False) -> None:
        """Press Submit, or Skip."""
        body = {"result": [RESULT], "was_cancelled": skipped, "lead_time": 2.5}
        self.http.post(f"/api/tasks/{task}/annotations/", json=body).raise_for_status()


def label_at_once(project: Project, tab: int, people: Mapping[Labeler, str | None]) -> list[int]:
    """Have people, each in a browser that remembers something, label all that comes, at the same
    time; returns the tasks as they came."""
    together, came = threading.Barrier(len(people)), []

    def label(person: Labeler, remembered: str | None) -> None:
        together.wait(60)
        while (got := person.ask(project, tab, remembered)) is not None:
            came.append(got[0])
            person.label(got[0])

    with ThreadPoolExecutor(len(people)) as pool:
        for done in [pool.submit(label, *one) for one in people.items()]:
            done.result(300)
    return came


class Desk:
    """A workspace for a project on somebody else's server, and the sessions that are opened."""

    def __init__(self, root: Path, client: StudioClient, project: Project) -> None:
        self.project, self.client = project, client
        root.mkdir()
        (root / "labelpilot.toml").write_text(
            f'[studio]\nurl = "{client.url}"\n[project]\nid = {project.id}\n'
        )
        self.workspace: Workspace = load_workspace(root)
        self.opened = OpenProject(self.workspace, client, client.project(project.id))
        self._sessions = contextlib.ExitStack()

    def session(self, again: list[LabelItem] | None = None) -> LabelSession:
        return self._sessions.enter_context(LabelSession(self.opened, again))

    def close(self) -> None:
        self._sessions.close()

    def outbox(self) -> Outbox:
        return Outbox(self.workspace, whose(self.opened), 1)

    def labels(self) -> Counter[int]:
        """Task -> how many labels it has."""
        found = self.client.annotations(self.project.id, at_once=False)
        return Counter(one.task for one in found if not one.cancelled)
