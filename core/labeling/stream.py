"""The label stream: the page on which people label, and the tab that gives it an order.

The tab shows unlabeled tasks by falling prediction score. Whose scores those are, and what they
mean, is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.errors import LabelpilotError
from core.studio.listings import column_filter
from core.studio.project import OpenProject

VIEW_TITLE = "Active learning"
# How many of the tab's first tasks are read back to see that the order is right.
READ_BACK = 100
# The Data Manager shows every column that a tab does not hide.
_HIDDEN = [
    f"tasks:{column}"
    for column in (
        "inner_id completed_at total_predictions cancelled_annotations ground_truth "
        "annotations_results annotations_ids annotators avg_lead_time comment_authors "
        "comment_count draft_exists file_upload last_comment_updated_at predictions_results "
        "predictions_model_versions reviewed reviewers reviews_accepted reviews_rejected "
        "storage_filename unresolved_comment_count updated_at updated_by created_at allow_skip"
    ).split()
]


def label_stream(opened: OpenProject) -> str:
    """The page with the label stream: in the tab's order once there is one."""
    return stream_page(opened, _find_view(opened))


def stream_page(opened: OpenProject, view_id: int | None) -> str:
    """The page that opens the label stream: of a tab in its order, or of the whole project."""
    tab = "" if view_id is None else f"tab={view_id}&"
    return f"{opened.client.url}/projects/{opened.id}/data?{tab}labeling=1"


def save_view(opened: OpenProject) -> int:
    """The id of the tab in order: the existing one, set right, or a new one."""
    unlabeled = column_filter("total_annotations", "equal", "Number", 0)
    data = {
        "title": VIEW_TITLE,
        "type": "list",
        "target": "tasks",
        "ordering": ["-tasks:predictions_score"],
        "filters": {"conjunction": "and", "items": [unlabeled]},
        "hiddenColumns": {"explore": _HIDDEN, "labeling": _HIDDEN},
    }
    return opened.client.save_view(opened.id, data, _find_view(opened)).id


def check_order(opened: OpenProject, view_id: int, scores: Mapping[int, float]) -> None:
    """Read the tab's first tasks back: they must be the highest of `scores`, in falling order.

    `scores` are by task id. Raises LabelpilotError where another order is shown.
    """
    shown = opened.client.view_tasks(opened.id, view_id, READ_BACK)
    found = [score for task_id, score in shown if task_id in scores]
    highest = sorted(scores.values(), reverse=True)[: len(found)]
    close = all(
        abs(one - other) <= 1e-6 * max(1.0, abs(other))
        for one, other in zip(found, highest, strict=True)
    )
    if not found or not close:
        raise LabelpilotError(
            "Label Studio does not show the images in the order of their scores.",
            next_step=f"Open the tab {VIEW_TITLE!r} and look at its order; run the round again.",
        )


def _find_view(opened: OpenProject) -> int | None:
    views = opened.client.views(opened.id)
    return next((view.id for view in views if view.data.get("title") == VIEW_TITLE), None)
