"""The workspace and its set-up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from core.progress import Work
    from core.setup.checklist import Report, SetupResult
    from core.setup.context import Step, StepId
    from core.setup.demo import DemoResult
    from core.setup.doctor import Finding
    from core.setup.standing import StandingWatch
    from core.workspace.settings import Workspace


class WorkspaceCalls:
    """The workspace and its set-up."""

    def load(self, root: Path) -> Workspace:
        from core.workspace.settings import load_workspace

        return load_workspace(root)

    def save(self, root: Path, changes: dict[str, dict[str, Any]]) -> Workspace:
        from core.workspace.settings import save_workspace

        return save_workspace(root, changes)

    def environment(self, workspace: Workspace, *, with_token: bool) -> dict[str, str]:
        from core.setup.environment import workspace_environment

        return workspace_environment(workspace, with_token=with_token)

    def examine(self, root: Path) -> list[Finding]:
        from core.setup.doctor import examine

        return examine(root)

    def steps(self) -> tuple[Step, ...]:
        from core.setup.steps import STEPS

        return STEPS

    def probe(self, workspace: Workspace) -> Iterator[Report]:
        from core.setup.checklist import probe_steps

        return probe_steps(workspace)

    def apply(
        self, workspace: Workspace, step_id: StepId, *, replace_config: bool = False
    ) -> Work[Report]:
        from core.setup.checklist import apply_step

        return apply_step(workspace, step_id, replace_config=replace_config)

    def set_up(
        self,
        workspace: Workspace,
        skip: Iterable[StepId] = (),
        *,
        replace_config: bool = False,
    ) -> Work[SetupResult]:
        from core.setup.checklist import set_up

        return set_up(workspace, skip, replace_config=replace_config)

    def make_demo(self, folder: Path | None) -> Work[Workspace]:
        """An example workspace, in `folder` or where examples go."""
        from pathlib import Path

        from core.setup.demo import FOLDER, make_demo

        return make_demo(folder or Path(FOLDER))

    def watch_standing(self) -> StandingWatch:
        """What tells when a workspace was synced and exported last, and whether that is stale."""
        from core.setup.standing import StandingWatch

        return StandingWatch()

    def is_example(self, workspace: Workspace) -> bool:
        """Whether it is the example, whose classes are known."""
        from core.setup.known_classes import known_classes

        return bool(known_classes(workspace))

    def annotate_example(self, workspace: Workspace, number: int) -> Work[int]:
        """Label `number` images of the example as what they are known to be."""
        from core.setup.known_classes import annotate
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from annotate(opened, number))

    def walk_demo(self, workspace: Workspace) -> Work[DemoResult]:
        from core.setup.demo import walk_demo

        return walk_demo(workspace)
