"""Which labels are to be looked at again, what speaks for and against each, and a tab of them."""

from __future__ import annotations

from collections.abc import Sequence

from core.dataset.conflicts import Conflict
from core.errors import ConfigurationError, LabelpilotError
from core.labeling.again import label_again
from core.labeling.item import LabelItem
from core.labeling.stream import LabelPage, tasks_page
from core.labeling.tabs import of_tasks
from core.learning.measuring.suspects import Suspect
from core.learning.rounds.ledger import load_records
from core.progress import Work
from core.studio.project import OpenProject
from core.tasks.tags import tasks_by_tag

NAME = "suspects"
SECOND_OPINION = "A second opinion: somebody else has labeled this image."


def to_label_again(
    opened: OpenProject, doubts: Sequence[Suspect] | Sequence[Conflict] | None = None
) -> Work[list[LabelItem]]:
    """The images whose labels are doubted, in that order, but for conflicts that are settled;
    without `doubts`, those on which a second opinion is asked."""
    if doubts is None:
        return (yield from _second_opinions(opened))
    notes = {
        one.task: _said(one) for one in doubts if isinstance(one, Conflict) and not one.settled
    }
    suspects = [one for one in doubts if isinstance(one, Suspect)]
    if suspects:
        tasks = yield from tasks_by_tag(opened)
        notes |= {tasks[one.tag].task_id: _against(one) for one in suspects if one.tag in tasks}
    return (yield from label_again(opened, notes))


def publish_suspects(opened: OpenProject, found: Sequence[Suspect]) -> Work[LabelPage]:
    """Make a tab of labels that are likely wrong, or set it right, and return its page.

    Raises LabelpilotError where none of them is of a task.
    """
    tasks = yield from tasks_by_tag(opened)
    ids = [tasks[one.tag].task_id for one in found if one.tag in tasks]
    if not ids:
        raise LabelpilotError("There is no label that is likely wrong.")
    tab = of_tasks(NAME, "Suspected label errors", ids, unfinished=False)
    note = f"Labels that are likely wrong: {len(ids):,}. Open each, and change what is wrong."
    return tasks_page(opened, tab, note)


def _second_opinions(opened: OpenProject) -> Work[list[LabelItem]]:
    """Images that the rounds ask of two people and that one other person has labeled.

    Raises ConfigurationError where no round asks that.
    """
    records = [one for one in load_records(opened.workspace) if one.project_id == opened.id]
    asked = dict.fromkeys(task for one in records for task in one.second_opinions)
    if not asked:
        raise ConfigurationError(
            "No round asks for second opinions.",
            next_step="Set `overlap` under [labeling]: the next round asks for some.",
        )
    labeled = set(opened.client.annotated_task_ids(opened.id))
    notes = dict.fromkeys((task for task in asked if task in labeled), SECOND_OPINION)
    return (yield from label_again(opened, notes, blind=True)) if notes else []


def _against(suspect: Suspect) -> str:
    """Both sides: what was said, and what speaks against it."""
    parts = [
        f"{doubt.name} {'is unlikely' if doubt.present else 'is likely'}"
        f" ({100 * doubt.probability:.0f} %)"
        for doubt in suspect.doubts
        if doubt.probability is not None
    ]
    if suspect.expected:
        parts.append(f"its neighbours say {', '.join(suspect.expected)}")
    elif suspect.unsupported:
        parts.append(f"none of its neighbours says {', '.join(suspect.unsupported)}")
    return f"It was labeled {', '.join(suspect.classes) or 'no class'}; {', '.join(parts)}."


def _said(conflict: Conflict) -> str:
    said = (
        f"{one.person or 'somebody'}: {', '.join(one.classes) or 'none'}"
        for one in conflict.answers
    )
    return "; ".join(said)
