"""Whether Label Studio still shows the round that was published last, and setting it right.

Anybody who labels can change the tab's order in the browser, and another model version in the
project's settings: then other images are asked for than those of the round, without a word.
"""

from __future__ import annotations

from core.labeling.stream import ORDER, order_changes, save_view
from core.labeling.tabs import find_tabs
from core.learning.rounds.ledger import last_round
from core.progress import Progress, Work
from core.studio.project import OpenProject


def round_changes(opened: OpenProject) -> list[str]:
    """What somebody changed since the last round was published, each in a few words; [] where all
    is as it was published, or nothing was."""
    record = last_round(opened.workspace, opened.id)
    if record is None:
        return []
    view = find_tabs(opened).get(ORDER.name)
    tab = f"the tab {ORDER.title!r}"
    changed = order_changes(view)
    found = [f"{tab}: {changed}"] if changed else []
    if view is None:
        found.append(f"{tab} is gone")
    shown = opened.remote.model_version
    if shown != record.model_version:
        other = f"those of {shown!r}" if shown else "those of no model version"
        found.append(f"the project orders by {other}, the round is {record.model_version!r}")
    return found


def mend_round(opened: OpenProject) -> Work[None]:
    """Have the project show the last round's scores again, in the tab's order."""
    yield Progress("stream")
    record = last_round(opened.workspace, opened.id)
    if record is not None:
        opened.client.update_project(opened.id, {"model_version": record.model_version})
        save_view(opened)
