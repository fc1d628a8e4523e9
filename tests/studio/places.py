"""A workspace with a few images on a server that others use too, to be moved about and set up."""

from __future__ import annotations

import os
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import httpx

from core.progress import finish
from core.setup.checklist import SetupResult, set_up
from core.studio.client import StudioClient
from core.studio.project import connect, find_project
from core.workspace.settings import Workspace, load_workspace
from tests.studio.command import LABELPILOT, Ran, run

CONFIG = """<View>
  <Image name="image" value="$image"/>
  <Choices name="kind" toName="image" choice="multiple">
    <Choice value="cat"/>
    <Choice value="dog"/>
  </Choices>
</View>
"""
# Enough of an image for a server that shows nothing else.
IMAGE = b"\x89PNG\r\n\x1a\nan image"
CAT = [{"from_name": "kind", "to_name": "image", "type": "choices", "value": {"choices": ["cat"]}}]


@dataclass
class Place:
    """A workspace in `root`; `url` is its server's, or empty for one of labelpilot's own.

    What is not a command finds the token of another's server in the environment.
    """

    root: Path
    url: str
    token: str
    title: str = "Animals"

    def make(self, images: int = 4) -> Place:
        """Write its files, with so many images."""
        (self.root / "data" / "images").mkdir(parents=True)
        for number in range(images):
            (self.root / "data" / "images" / f"{number}.png").write_bytes(IMAGE)
        (self.root / "config.xml").write_text(CONFIG)
        self.write()
        return self

    def write(
        self,
        *,
        project: str = "",
        images: str = "data/images",
        more: str = "",
        annotations: str = "data/annotations",
    ) -> None:
        """Write labelpilot.toml, with these lines more under [project] and [images]."""
        studio = f'[studio]\nurl = "{self.url}"\n' if self.url else ""
        (self.root / "labelpilot.toml").write_text(
            f'{studio}[images]\npath = "{images}"\npattern = ".*png"\n{more}'
            f'[project]\ntitle = "{self.title}"\nlabel_config = "config.xml"\n{project}'
            f'[annotations]\npath = "{annotations}"\n'
        )

    @property
    def workspace(self) -> Workspace:
        return load_workspace(self.root)

    @property
    def client(self) -> StudioClient:
        return connect(self.workspace)

    def set_up(self, *, replace_config: bool = False) -> SetupResult:
        return finish(set_up(self.workspace, replace_config=replace_config))

    def run(self, *arguments: str) -> Ran:
        """Run a command of labelpilot's on it."""
        return run(*arguments, "--workspace", str(self.root), **self._variables)

    @property
    def _variables(self) -> dict[str, str]:
        return {"LABEL_STUDIO_API_KEY": self.token} if self.token else {}

    def states(self) -> dict[str, str]:
        """What a set-up makes of each step."""
        return {report.id: report.state for report in self.set_up().steps}

    @property
    def project_id(self) -> int:
        project = find_project(self.client, self.workspace)
        assert project is not None
        return project.id

    def is_one(self) -> bool:
        """Whether there is one project, with one source and one target storage."""
        client, number = self.client, self.project_id
        named = {project.id for project in client.find_projects(self.title)}
        storages = (client.source_storages(number), client.target_storages(number))
        return named <= {number} and [len(found) for found in storages] == [1, 1]

    def shown(self) -> int:
        """How many tasks the server shows the image of."""
        client = self.client
        transport = client.transport
        headers = {"Authorization": transport.access.header(transport.client, client.url)}
        urls = [client.url + task.image for task in client.tasks(self.project_id, "image")]
        return [httpx.get(url, headers=headers).status_code for url in urls].count(200)

    def labeled(self, name: str) -> Path:
        """Submit a label for the image `name`; returns the file in which it should be."""
        (task,) = [
            task
            for task in self.client.tasks(self.project_id, "image")
            if task.image.endswith(name)
        ]
        number = self.client.annotate(task.id, CAT)
        return self.workspace.annotations.path / str(number)

    def start(self) -> subprocess.Popen[str]:
        """`labelpilot setup`, begun."""
        return subprocess.Popen(
            [LABELPILOT, "setup", "--workspace", str(self.root)],
            env=os.environ | self._variables,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def killed_at(self, step: str) -> None:
        """`labelpilot setup`, killed as soon as it tells of `step`."""
        process = self.start()
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(f"{step}:"):
                process.send_signal(signal.SIGKILL)
                break
        process.stderr.close()
        assert process.wait(60) == -signal.SIGKILL
