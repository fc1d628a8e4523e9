"""The images on which people differ, as a tab of the Data Manager in which they can be settled."""

from __future__ import annotations

from core.dataset.dataset import gather
from core.dataset.source import TaskSource
from core.errors import LabelpilotError
from core.images import ImagePaths, tag_of
from core.labeling.stream import LabelPage, tab_page
from core.labeling.tabs import find_tabs, of_tasks, save_tab
from core.progress import Work
from core.studio.models import read_task
from core.studio.project import OpenProject

NAME = "conflicts"
HOW = (
    "Open each, and have one answer stay: delete the other, or mark the right one as ground truth "
    "and export with `--rule ground-truth`."
)


def publish_conflicts(opened: OpenProject) -> Work[LabelPage]:
    """Make the tab, or set it right, and return its page.

    Raises LabelpilotError where nobody differs; the tab of conflicts that were settled goes then.
    """
    view = find_tabs(opened).get(NAME)
    ids = yield from _conflicting_tasks(opened)
    if not ids:
        if view is not None:
            opened.client.delete_view(opened.id, view.id)
        raise LabelpilotError(
            "There is no image on which people differ.",
            next_step="To have images asked of two people, set `overlap` under [labeling].",
        )
    made = save_tab(opened, of_tasks(NAME, "Conflicts", ids, unfinished=False), view)
    return LabelPage(
        tab_page(opened, made.id), (f"Images on which people differ: {len(ids):,}. {HOW}",)
    )


def _conflicting_tasks(opened: OpenProject) -> Work[list[int]]:
    workspace, project = opened.workspace, opened.remote
    tasks = list(opened.client.tasks_with_several(opened.id))
    if not tasks:
        return []
    source = TaskSource(tasks, len(tasks), project.label_config)
    out = workspace.annotations.dataset
    dataset = yield from gather(workspace, source, "latest", out=out)
    differing = set(dataset.decision.conflicts)
    path_of, rule = ImagePaths(workspace.images.path), workspace.images.tag
    found = [read_task(task, project.image_key) for task in tasks]
    return [one.id for one in found if tag_of(path_of(one.image), rule) in differing]
