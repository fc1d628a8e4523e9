"""Images to tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set
    from pathlib import Path

    from core.progress import Work
    from core.tasks.duplicates import RepairPlan, RepairResult
    from core.tasks.options import Mode
    from core.tasks.proof import SyncResult
    from core.tasks.tidy import TidyPlan, TidyResult
    from core.workspace.settings import Workspace


class TaskCalls:
    """Images to tasks."""

    def sync(
        self, workspace: Workspace, mode: Mode | None = None, *, full: bool = False
    ) -> Work[SyncResult]:
        from core.studio.project import open_project
        from core.tasks.sync import find_images, sync_images

        manifest = yield from find_images(workspace, full=full)
        with open_project(workspace) as opened:
            result = yield from sync_images(opened, manifest, mode)
            if result.moved:
                from core.dataset.target_sync import refresh_folder

                # The files of their labels name the images too.
                yield from refresh_folder(opened)
            return result

    def image_files(self, workspace: Workspace, tags: Set[str]) -> dict[str, Path]:
        """The files of these images."""
        from core.progress import finish
        from core.tasks.tags import image_files

        return finish(image_files(workspace, tags))

    def plan_repair(self, workspace: Workspace) -> Work[RepairPlan]:
        from core.studio.project import open_project
        from core.tasks.duplicates import plan_repair

        with open_project(workspace) as opened:
            return (yield from plan_repair(opened))

    def repair(self, workspace: Workspace, plan: RepairPlan) -> Work[RepairResult]:
        from core.studio.project import open_project
        from core.tasks.duplicates import repair_project

        with open_project(workspace) as opened:
            return (yield from repair_project(opened, plan))

    def plan_tidy(self, workspace: Workspace) -> Work[TidyPlan]:
        from core.studio.project import open_project
        from core.tasks.tidy import plan_tidy

        with open_project(workspace) as opened:
            return (yield from plan_tidy(opened))

    def tidy(self, workspace: Workspace, plan: TidyPlan) -> Work[TidyResult]:
        from core.studio.project import open_project
        from core.tasks.tidy import tidy_project

        with open_project(workspace) as opened:
            return (yield from tidy_project(opened, plan))
