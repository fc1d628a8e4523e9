"""Tasks to annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.progress import Work
    from core.workspace.settings import Workspace


class LabelingCalls:
    """Tasks to annotations."""

    def label_page(self, workspace: Workspace) -> Work[str]:
        from core.labeling.stream import label_stream
        from core.progress import Progress
        from core.studio.project import open_project

        yield Progress("link")
        with open_project(workspace) as opened:
            return label_stream(opened)
