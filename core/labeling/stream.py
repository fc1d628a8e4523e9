"""The label stream: the page on which people label, and the tab that gives it an order.

The tab shows unfinished tasks by falling prediction score. Whose scores those are, and what they
mean, is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import LabelpilotError
from core.labeling.fallback import apart, clicks
from core.labeling.tabs import SHARE, Tab, changed_parts, find_tabs, save_tab
from core.studio.models import View
from core.studio.project import OpenProject

ORDER = Tab("order", "Active learning")
# How many of the tab's first tasks are read back to see that the order is right.
READ_BACK = 100


@dataclass(frozen=True, slots=True)
class LabelPage:
    """A page to label on, and what the one who opens it should know, in sentences."""

    url: str
    notes: tuple[str, ...] = ()


def label_stream(opened: OpenProject) -> LabelPage:
    """The page with the label stream: in the tab's order once there is one.

    What somebody changed in the tab is set right first, and said; so is what the page needs where
    Label Studio does not see to the order.
    """
    tabs = find_tabs(opened)
    view = tabs.get(ORDER.name)
    if view is None:
        return LabelPage(stream_page(opened, None), clicks(opened, tab=False))
    notes = mend_order(opened, view) + clicks(opened, tab=True)
    notes += apart(opened, shared=any(name.startswith(SHARE) for name in tabs))
    return LabelPage(stream_page(opened, view.id), notes)


def order_changes(view: View | None) -> str:
    """What somebody changed in the tab with the order, in a sentence; empty for nothing."""
    changed = changed_parts(view) if view is not None else ()
    return f"somebody changed its {' and '.join(changed)} in the browser" if changed else ""


def mend_order(opened: OpenProject, view: View) -> tuple[str, ...]:
    """Set the tab with the order right, if somebody changed it, and say so."""
    changed = order_changes(view)
    if not changed:
        return ()
    save_tab(opened, ORDER, view)
    return (f"The tab {ORDER.title!r} is set right again: {changed}.",)


def stream_page(opened: OpenProject, view_id: int | None) -> str:
    """The page that opens the label stream: of a tab in its order, or of the whole project."""
    tab = "" if view_id is None else f"tab={view_id}&"
    return f"{opened.client.url}/projects/{opened.id}/data?{tab}labeling=1"


def task_page(opened: OpenProject, task_id: int) -> str:
    """The page with one task."""
    return f"{opened.client.url}/projects/{opened.id}/data?task={task_id}"


def tab_page(opened: OpenProject, view_id: int) -> str:
    """The page with the list of a tab's tasks."""
    return f"{opened.client.url}/projects/{opened.id}/data?tab={view_id}"


def tasks_page(opened: OpenProject, tab: Tab, note: str) -> LabelPage:
    """The page with a tab of certain tasks, which is made, or set right."""
    made = save_tab(opened, tab, find_tabs(opened).get(tab.name))
    return LabelPage(tab_page(opened, made.id), (note,))


def save_view(opened: OpenProject) -> int:
    """The id of the tab in order: the existing one, set right, or a new one."""
    return save_tab(opened, ORDER, find_tabs(opened).get(ORDER.name)).id


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
            next_step=f"Open the tab {ORDER.title!r} and look at its order; run the round again.",
        )
