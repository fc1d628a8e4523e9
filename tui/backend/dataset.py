"""Annotations to dataset."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from tui.links import link_from_here

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from core.dataset.classes.change import ClassResult
    from core.dataset.classes.plan import ClassPlan
    from core.dataset.classes.wish import Wish
    from core.dataset.diff import Difference
    from core.dataset.export import ExportResult
    from core.dataset.options import FormatName, Rule
    from core.dataset.report.report import HealthReport
    from core.dataset.restore.restore import RestoreResult
    from core.dataset.source import Named
    from core.dataset.split import Split
    from core.progress import Work
    from core.workspace.settings import Workspace


class DatasetCalls:
    """Annotations to dataset."""

    def preview(self, workspace: Workspace, rule: Rule | None = None) -> Work[ExportResult]:
        from core.dataset.export import preview_dataset

        return preview_dataset(workspace, rule=rule)

    def export(
        self,
        workspace: Workspace,
        rule: Rule | None = None,
        origin: Named = "storage",
        *,
        out: Path | None = None,
        format: FormatName = "json",
        split: Split | None = None,
        rewrite: bool = False,
    ) -> Work[ExportResult]:
        from core.dataset.export import export_dataset

        return export_dataset(
            workspace, origin, out=out, format=format, rule=rule, split=split, rewrite=rewrite
        )

    def check(
        self,
        workspace: Workspace,
        rule: Rule | None = None,
        origin: Named = "storage",
        out: Path | None = None,
    ) -> Work[Difference]:
        """How the dataset would change if it were written anew."""
        from core.dataset.diff import check_dataset

        return check_dataset(workspace, origin, out or workspace.annotations.dataset, rule=rule)

    def compare(self, old: Path, new: Path, workspace: Callable[[], Workspace]) -> Work[Difference]:
        from core.dataset.diff import compare_datasets

        return compare_datasets(old, new, workspace)

    def rewrite(self, workspace: Workspace) -> Work[None]:
        from core.dataset.target_sync import rewrite_folder
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            yield from rewrite_folder(opened)

    def report(
        self,
        workspace: Workspace,
        rule: Rule | None = None,
        page: Path | None = None,
        origin: Named = "storage",
    ) -> Work[HealthReport]:
        """The health report, written to `page` where one is named."""
        from core.dataset.report.report import make_report
        from core.dataset.report.write import write_report

        if page is None:
            return make_report(workspace, origin, rule=rule)
        reach = partial(link_from_here, environ=os.environ)
        return write_report(workspace, page, origin, rule=rule, reach=reach)

    def restore(self, workspace: Workspace, sources: Sequence[Path] = ()) -> Work[RestoreResult]:
        from core.dataset.restore.restore import restore_labels
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from restore_labels(opened, sources))

    def classes(self, workspace: Workspace) -> Work[list[tuple[str, str, int]]]:
        """(control tag, class, number of annotations that name it)."""
        from core.dataset.classes.plan import list_classes
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from list_classes(opened))

    def plan_classes(self, workspace: Workspace, wish: Wish | None) -> Work[ClassPlan]:
        """What a change of classes would do, or without one, taking the last one back."""
        from core.dataset.classes.plan import plan_change, plan_undo
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from (plan_undo(opened) if wish is None else plan_change(opened, wish)))

    def change_classes(self, workspace: Workspace, plan: ClassPlan) -> Work[ClassResult]:
        from core.dataset.classes.change import change_classes
        from core.studio.project import open_project

        with open_project(workspace) as opened:
            return (yield from change_classes(opened, plan))
